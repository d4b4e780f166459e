"""Cells with states, inputs or signatures of other shapes than (batch, n) floats.

Kind: what the bench can take at all. Each works in keras.layers.RNN (see `works` below, run as
`python odd_shapes.py`). Should: be checked, or be refused in one line that says why.
    gru-bench check odd_shapes:Memory --set units=4       matrix state, size [4, (3, 2)]
    gru-bench check odd_shapes:Image --set side=3         image state and output
    gru-bench check odd_shapes:Named --set units=4        states in a dict
    gru-bench check odd_shapes:Tuples --set units=4       states nested as (h, (c, n))
    gru-bench check odd_shapes:Ticking --set units=4      an int32 counter as a state
    gru-bench check odd_shapes:Pair --set units=4         inputs (x, gap)
    gru-bench check odd_shapes:Highway --set units=4      needs as many inputs as units
    gru-bench check odd_shapes:Highway --set units=4 --inputs 4
    gru-bench check odd_shapes:Bare --set units=4         returns h, not [h]
    gru-bench check odd_shapes:Drawn --set units=4        random initial state
    gru-bench check odd_shapes:TwoOutputs --set units=4   output is a dict
    gru-bench check odd_shapes:functional                 a Keras model as the step
"""

import keras
from keras import ops


class _Base(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), name="w")
        self.u = self.add_weight(shape=(self.units, self.units), name="u")
        super().build(shape)

    def zero(self, batch, *size):
        return ops.zeros((batch, *size), dtype=self.compute_dtype)

    def get_initial_state(self, batch_size=None):
        return [self.zero(batch_size, self.units)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}

    def simple(self, x, h):
        return ops.tanh(ops.matmul(x, self.w) + ops.matmul(h, self.u))


def register(kind):
    return keras.saving.register_keras_serializable("wild")(kind)


@register
class Memory(_Base):
    """A matrix beside the vector, written by an outer product and read by a softmax."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = [units, (3, 2)]

    def build(self, shape):
        self.key = self.add_weight(shape=(self.units, 3), name="key")
        self.put = self.add_weight(shape=(self.units, 2), name="put")
        self.get = self.add_weight(shape=(2, self.units), name="get")
        super().build(shape)

    def call(self, inputs, states):
        h, memory = states
        where = ops.softmax(ops.matmul(h, self.key), axis=-1)
        read = ops.einsum("bn,bnm->bm", where, memory)
        h = ops.tanh(
            ops.matmul(inputs, self.w) + ops.matmul(h, self.u) + ops.matmul(read, self.get)
        )
        memory = 0.9 * memory + ops.einsum("bn,bm->bnm", where, ops.tanh(ops.matmul(h, self.put)))
        return h, [h, memory]

    def get_initial_state(self, batch_size=None):
        return [self.zero(batch_size, self.units), self.zero(batch_size, 3, 2)]


@register
class Image(keras.layers.Layer):
    """A picture as state and as output; the input is a vector that lights every pixel."""

    def __init__(self, side, **kwargs):
        super().__init__(**kwargs)
        self.side = side
        self.state_size = [(side, side, 1)]
        self.output_size = (side, side, 1)

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.side * self.side), name="w")
        self.k = self.add_weight(shape=(3, 3, 1, 1), name="k")
        super().build(shape)

    def call(self, inputs, states):
        (h,) = states
        x = ops.reshape(ops.matmul(inputs, self.w), (-1, self.side, self.side, 1))
        h = ops.tanh(x + ops.conv(h, self.k, padding="same"))
        return h, [h]

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.side, self.side, 1), dtype=self.compute_dtype)]

    def get_config(self):
        return {**super().get_config(), "side": self.side}


@register
class Named(_Base):
    """States by name."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = {"h": units, "c": units}

    def call(self, inputs, states):
        c = 0.5 * states["c"] + self.simple(inputs, states["h"])
        h = ops.tanh(c)
        return h, {"h": h, "c": c}

    def get_initial_state(self, batch_size=None):
        return {"h": self.zero(batch_size, self.units), "c": self.zero(batch_size, self.units)}


@register
class Tuples(_Base):
    """States (h, (c, n))."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = (units, (units, units))

    def call(self, inputs, states):
        h, (c, n) = states
        c = 0.5 * c + self.simple(inputs, h)
        n = 0.9 * n + 0.1 * c
        h = ops.tanh(c - n)
        return h, (h, (c, n))

    def get_initial_state(self, batch_size=None):
        zero = self.zero(batch_size, self.units)
        return (zero, (zero, zero))


@register
class Ticking(_Base):
    """Every other step is skipped; the second state is an int32 counter."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = [units, 1]

    def call(self, inputs, states):
        h, t = states
        h = ops.where(ops.equal(t % 2, 0), self.simple(inputs, h), h)
        return h, [h, t + 1]

    def get_initial_state(self, batch_size=None):
        return [self.zero(batch_size, self.units), ops.zeros((batch_size, 1), dtype="int32")]


@register
class Pair(_Base):
    """Inputs are (x, gap)."""

    def build(self, shape):
        super().build(shape[0])

    def call(self, inputs, states):
        x, gap = inputs
        (h,) = states
        h = self.simple(x, h * ops.exp(-ops.abs(gap)))
        return h, [h]


@register
class Highway(_Base):
    """h' = z tanh(..) + (1 - z) x: as many inputs as units."""

    def call(self, inputs, states):
        (h,) = states
        new = self.simple(inputs, h)
        h = 0.5 * new + 0.5 * inputs
        return h, [h]


@register
class Bare(_Base):
    """Returns its new state bare, as an example of TensorFlow's documentation did."""

    def call(self, inputs, states):
        h = self.simple(inputs, states[0])
        return h, h


@register
class Drawn(_Base):
    """Starts from a random state, drawn anew for every sequence."""

    def __init__(self, units, seed=None, **kwargs):
        super().__init__(units, **kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, states):
        h = self.simple(inputs, states[0])
        return h, [h]

    def get_initial_state(self, batch_size=None):
        shape = (batch_size, self.units)
        return [keras.random.uniform(shape, dtype=self.compute_dtype, seed=self.generator)]

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


@register
class TwoOutputs(_Base):
    """The output is a dict of two."""

    def call(self, inputs, states):
        h = self.simple(inputs, states[0])
        return {"mean": h, "scale": ops.softplus(h)}, [h]


def functional(units=4, features=3, dtype=None):
    """A functional Keras model as the step."""
    x, h = keras.Input((features,), dtype=dtype), keras.Input((units,), dtype=dtype)
    both = keras.layers.Concatenate(dtype=dtype)([x, h])
    new = keras.layers.Dense(units, activation="tanh", dtype=dtype)(both)
    return FunctionalCell(keras.Model([x, h], new), units, dtype=dtype)


@register
class FunctionalCell(keras.layers.Layer):
    """A cell around a model."""

    def __init__(self, model, units, **kwargs):
        super().__init__(**kwargs)
        self.model = model
        self.units = self.state_size = self.output_size = units

    def call(self, inputs, states):
        h = self.model([inputs, states[0]])
        return h, [h]

    def get_config(self):
        model = keras.saving.serialize_keras_object(self.model)
        return {**super().get_config(), "model": model, "units": self.units}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["model"] = keras.saving.deserialize_keras_object(config["model"])
        return cls(**config)


def works():
    import numpy as np

    x = np.ones((2, 5, 3), "float32")
    made = {
        "Memory": Memory(4),
        "Image": Image(3),
        "Named": Named(4),
        "Tuples": Tuples(4),
        "Ticking": Ticking(4),
        "Highway": Highway(3),
        "Bare": Bare(4),
        "Drawn": Drawn(4),
        "TwoOutputs": TwoOutputs(4),
        "functional": functional(),
        "Pair": Pair(4),
    }
    for name, cell in made.items():
        try:
            given = (x, x[..., :1]) if name == "Pair" else x
            for unroll in (False, True):
                y = keras.layers.RNN(cell, unroll=unroll, return_sequences=True)(given)
            print("works ", name, keras.tree.map_structure(lambda t: tuple(t.shape), y))
        except Exception as error:
            print("FAILS ", name, type(error).__name__, str(error).splitlines()[0][:140])


if __name__ == "__main__":
    works()
