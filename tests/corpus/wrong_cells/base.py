"""Correct cells in pieces, so that a wrong cell says in a few lines what is wrong with it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class Registered:
    """Its subclasses can be saved and loaded by Keras."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        keras.saving.register_keras_serializable("wrong_cells")(cls)


class Cell(Registered, keras.layers.Layer):
    """A cell with one set of weights for each gate, its subclasses registered for saving.

    Args:
        units: size of the states.
        activation: of the candidate.
        recurrent_activation: of the gates.
        use_bias: whether gates have biases.
        kernel_initializer: of `W_*`.
        recurrent_initializer: of `U_*`.
        bias_initializer: of `b_*`.
        **kwargs: those of a Keras layer.
    """

    gates = ""

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.state_size: Any = units
        self.output_size = units

    def build(self, input_shape: Any) -> None:
        for gate in self.gates:
            self.make(f"W_{gate}", (input_shape[-1], self.units), self.kernel_initializer)
            self.make(f"U_{gate}", (self.units, self.units), self.recurrent_initializer)
            if self.use_bias:
                self.make(f"b_{gate}", (self.units,), self.bias_initializer)
        super().build(input_shape)

    def make(self, name: str, shape: tuple[int, ...], initializer: Any) -> None:
        initializer = keras.initializers.get(initializer).clone()
        setattr(self, name, self.add_weight(name=name, shape=shape, initializer=initializer))

    def linear(self, gate: str, x: Any, h: Any) -> Any:
        total = ops.matmul(x, getattr(self, f"W_{gate}")) + ops.matmul(
            h, getattr(self, f"U_{gate}")
        )
        return total + getattr(self, f"b_{gate}") if self.use_bias else total

    def gate(self, gate: str, x: Any, h: Any) -> Any:
        return self.recurrent_activation(self.linear(gate, x, h))

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, size), dtype=self.compute_dtype) for size in sizes]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": keras.initializers.serialize(self.recurrent_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }


class GRU(Cell):
    """A correct GRU, reset before the product, whose update gate weighs the new state."""

    gates = "zrh"

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        return self.activation(self.linear("h", x, r * h))

    def blend(self, z: Any, h: Any, h_tilde: Any) -> Any:
        return (1 - z) * h + z * h_tilde

    def call(self, inputs: Any, states: Any) -> Any:
        h = states[0]
        z, r = self.gate("z", inputs, h), self.gate("r", inputs, h)
        h_t = self.blend(z, h, self.candidate(inputs, r, h))
        return h_t, [h_t]


class AfterGRU(GRU):
    """A correct GRU, reset after the product, with a bias on either side of it."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if self.use_bias:
            self.make("c_h", (self.units,), self.bias_initializer)

    def candidate(self, x: Any, r: Any, h: Any) -> Any:
        xW, hU = ops.matmul(x, self.W_h), ops.matmul(h, self.U_h)
        if self.use_bias:
            xW, hU = xW + self.b_h, hU + self.c_h
        return self.activation(xW + r * hU)


class LSTM(Cell):
    """A correct LSTM; peepholes, a clipped cell state and a forget bias are there to be asked for.

    Args:
        units: size of both states.
        peephole: whether gates see the cell state.
        cell_clip: largest magnitude of the cell state.
        forget_bias: added to the forget gate's argument.
        **kwargs: those of `Cell`.
    """

    gates = "ifco"

    def __init__(
        self,
        units: int,
        peephole: bool = False,
        cell_clip: float | None = None,
        forget_bias: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(units, **kwargs)
        self.peephole, self.cell_clip, self.forget_bias = peephole, cell_clip, forget_bias
        self.state_size = [units, units]

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        for gate in "ifo" if self.peephole else "":
            self.make(f"p_{gate}", (self.units,), "glorot_uniform_vector")

    def make(self, name: str, shape: tuple[int, ...], initializer: Any) -> None:
        if initializer == "glorot_uniform_vector":
            initializer = keras.initializers.RandomUniform(-0.5, 0.5)
        super().make(name, shape, initializer)

    def peep(self, gate: str, c: Any) -> Any:
        return getattr(self, f"p_{gate}") * c if self.peephole else 0.0

    def clip(self, c: Any) -> Any:
        return c if self.cell_clip is None else ops.clip(c, -self.cell_clip, self.cell_clip)

    def carry(self, i: Any, f: Any, g: Any, c: Any) -> Any:
        return f * c + i * g

    def call(self, inputs: Any, states: Any) -> Any:
        h, c = states
        i = self.recurrent_activation(self.linear("i", inputs, h) + self.peep("i", c))
        f = self.recurrent_activation(
            self.linear("f", inputs, h) + self.peep("f", c) + self.forget_bias
        )
        c_t = self.clip(self.carry(i, f, self.activation(self.linear("c", inputs, h)), c))
        o = self.recurrent_activation(self.linear("o", inputs, h) + self.peep("o", c_t))
        h_t = o * self.activation(c_t)
        return h_t, [h_t, c_t]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "peephole": self.peephole,
            "cell_clip": self.cell_clip,
            "forget_bias": self.forget_bias,
        }


class Plain(Cell):
    """A correct simple recurrent cell."""

    gates = "h"

    def call(self, inputs: Any, states: Any) -> Any:
        h_t = self.activation(self.linear("h", inputs, states[0]))
        return h_t, [h_t]


class MinimalGatedUnit(Cell):
    """A correct minimal gated unit (1603.09420)."""

    gates = "fh"

    def call(self, inputs: Any, states: Any) -> Any:
        h = states[0]
        f = self.gate("f", inputs, h)
        h_t = (1 - f) * h + f * self.activation(self.linear("h", inputs, f * h))
        return h_t, [h_t]


class MinGRU(Cell):
    """A correct minGRU (2410.01201): gate and candidate read the input alone."""

    gates = "zh"

    def __init__(self, units: int, activation: Any = "linear", **kwargs: Any) -> None:
        super().__init__(units, activation=activation, **kwargs)

    def build(self, input_shape: Any) -> None:
        for gate in self.gates:
            self.make(f"W_{gate}", (input_shape[-1], self.units), self.kernel_initializer)
            if self.use_bias:
                self.make(f"b_{gate}", (self.units,), self.bias_initializer)
        keras.layers.Layer.build(self, input_shape)

    def linear(self, gate: str, x: Any, h: Any) -> Any:
        del h
        total = ops.matmul(x, getattr(self, f"W_{gate}"))
        return total + getattr(self, f"b_{gate}") if self.use_bias else total

    def call(self, inputs: Any, states: Any) -> Any:
        h = states[0]
        z = self.gate("z", inputs, h)
        h_t = (1 - z) * h + z * self.activation(self.linear("h", inputs, h))
        return h_t, [h_t]


class LayerNormCell(Cell):
    """What the layer-normalised cells share: LN(a; α, β) over gates side by side (1607.06450).

    Args:
        units: size of the states.
        epsilon: added to the variance.
        **kwargs: those of `Cell`.
    """

    def __init__(self, units: int, epsilon: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        wide = len(self.gates) * self.units
        self.make("kernel", (input_shape[-1], wide), self.kernel_initializer)
        self.make("recurrent_kernel", (self.units, wide), self.recurrent_initializer)
        for name in ("kernel", "recurrent"):
            self.make(f"{name}_gain", (wide,), "ones")
            self.make(f"{name}_shift", (wide,), "zeros")
        keras.layers.Layer.build(self, input_shape)

    def normalise(self, a: Any, gain: Any, shift: Any) -> Any:
        centred = a - ops.mean(a, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        return gain * centred / ops.sqrt(variance + self.epsilon) + shift

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "epsilon": self.epsilon}


class LayerNormGRU(LayerNormCell):
    """A correct layer-normalised GRU."""

    gates = "zrh"

    def part(self, v: Any, name: str, columns: slice) -> Any:
        kernel = self.kernel if name == "kernel" else self.recurrent_kernel
        gain, shift = getattr(self, f"{name}_gain"), getattr(self, f"{name}_shift")
        return self.normalise(ops.matmul(v, kernel[:, columns]), gain[columns], shift[columns])

    def call(self, inputs: Any, states: Any) -> Any:
        h, zr, last = states[0], slice(0, 2 * self.units), slice(2 * self.units, None)
        both = self.part(h, "recurrent", zr) + self.part(inputs, "kernel", zr)
        z, r = ops.split(self.recurrent_activation(both), 2, axis=-1)
        h_tilde = self.activation(
            self.part(inputs, "kernel", last) + r * self.part(h, "recurrent", last)
        )
        h_t = (1 - z) * h + z * h_tilde
        return h_t, [h_t]


class LayerNormLSTM(LayerNormCell):
    """A correct layer-normalised LSTM."""

    gates = "ifco"

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.state_size = [units, units]

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.make("cell_gain", (self.units,), "ones")
        self.make("cell_shift", (self.units,), "zeros")
        if self.use_bias:
            self.make("bias", (4 * self.units,), self.bias_initializer)

    def arguments(self, inputs: Any, h: Any) -> Any:
        return self.normalise(
            ops.matmul(h, self.recurrent_kernel), self.recurrent_gain, self.recurrent_shift
        ) + self.normalise(ops.matmul(inputs, self.kernel), self.kernel_gain, self.kernel_shift)

    def call(self, inputs: Any, states: Any) -> Any:
        h, c = states
        both = self.arguments(inputs, h)
        i, f, g, o = ops.split(both + self.bias if self.use_bias else both, 4, axis=-1)
        sigma = self.recurrent_activation
        c_t = sigma(f) * c + sigma(i) * self.activation(g)
        h_t = sigma(o) * self.activation(self.normalise(c_t, self.cell_gain, self.cell_shift))
        return h_t, [h_t, c_t]


class Zoneout(Registered, keras.layers.GRUCell):
    """A correct GRU with zoneout (1606.01305), its masks drawn anew each step.

    Args:
        units: size of the state.
        zoneout: share of the state that is kept.
        **kwargs: those of Keras's GRUCell.
    """

    def __init__(self, units: int, zoneout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.zoneout = zoneout

    def keep(self, h: Any) -> Any:
        """Return 1 where the old state stays, drawn with probability `zoneout`."""
        drawn = keras.random.uniform(ops.shape(h), dtype="float32", seed=self.seed_generator)
        return ops.cast(drawn < self.zoneout, h.dtype)

    def mix(self, h: Any, h_t: Any, training: bool) -> Any:
        kept = self.keep(h) if training else ops.cast(self.zoneout, h.dtype)
        return kept * h + (1 - kept) * h_t

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        h = states[0]
        h_t, _ = super().call(inputs, states, training=training)
        h_t = self.mix(h, h_t, training)
        return h_t, [h_t]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "zoneout": self.zoneout}


def stacked(units: int) -> Any:
    """Return two cells of Keras's, of different sizes and numbers of states, as one."""
    cells = [keras.layers.GRUCell(units), keras.layers.LSTMCell(units + 1)]
    return keras.layers.StackedRNNCells(cells)


def bidirectional(units: int) -> Any:
    """Return Keras's bidirectional layer around its LSTM layer."""
    layer = keras.layers.LSTM(units, return_sequences=True, return_state=True)
    return keras.layers.Bidirectional(layer)


class TimeMajor(Registered, keras.layers.GRU):
    """A correct GRU layer whose inputs and outputs can have time before the batch.

    Args:
        units: size of the state.
        time_major: whether they have.
        **kwargs: those of Keras's GRU layer; cuDNN is never used.
    """

    def __init__(self, units: int, time_major: bool = False, **kwargs: Any) -> None:
        kwargs.pop("use_cudnn", None)
        super().__init__(units, use_cudnn=False, **kwargs)
        self.time_major = time_major

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        options = {"initial_state": initial_state, **kwargs}
        if not self.time_major:
            return super().call(sequences, mask=mask, **options)
        counts = None if mask is None else ops.transpose(mask)
        result = super().call(self.turn(ops.swapaxes(sequences, 0, 1)), mask=counts, **options)
        if not self.return_sequences:
            return result
        if self.return_state:
            return (ops.swapaxes(result[0], 0, 1), *result[1:])
        return ops.swapaxes(result, 0, 1)

    def turn(self, sequences: Any) -> Any:
        """Return `(B, T, F)` as it goes into Keras's layer, which reverses the steps."""
        return sequences

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "time_major": self.time_major}
