"""More styles, written otherwise than the others: other families, layouts, functions and numbers.

`OWN` maps a class to the key of the equations that it computes.
"""

import keras
from keras import ops

OWN = {}


def computes(key):
    """Note which equations a class computes."""

    def note(cls):
        OWN[cls] = key
        return cls

    return note


class One(keras.layers.Layer):
    """What they share: units, weights by name, one state of so many numbers."""

    states = 1

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = [units] * self.states if self.states > 1 else units
        self.output_size = units

    def weight(self, name, *shape):
        setattr(self, name, self.add_weight(shape=shape, name=name, initializer="glorot_uniform"))

    def get_config(self):
        return {**super().get_config(), "units": self.units}

    def inner(self, name, *arguments, kind=keras.layers.Dense, **options):
        layer = kind(*arguments, name=name, dtype=self.dtype_policy, **options)
        setattr(self, name, layer)
        return layer


@computes("gru-reset-before")
class StackedGates(One):
    """Three-dimensional weights: the first axis says which gate; rectified candidate."""

    def build(self, shape):
        self.weight("A", 3, shape[-1], self.units)
        self.weight("B", 3, self.units, self.units)
        self.weight("bias", 3, self.units)
        self.built = True

    def call(self, x, states):
        h = states[0]
        u = ops.sigmoid(x @ self.A[1] + h @ self.B[1] + self.bias[1])
        q = ops.sigmoid(x @ self.A[0] + h @ self.B[0] + self.bias[0])
        n = ops.relu(x @ self.A[2] + (q * h) @ self.B[2] + self.bias[2])
        h = u * h + (1 - u) * n
        return h, [h]


@computes("gru-reset-after")
class Interleaved(One):
    """Columns 0, 3, 6 are one gate's, 1, 4, 7 the next one's; hard gates."""

    def build(self, shape):
        self.weight("matrix", self.units + shape[-1], 3 * self.units)
        self.weight("offset", 3 * self.units)
        self.weight("inner_offset", self.units)
        self.n_inputs = shape[-1]
        self.built = True

    def call(self, x, states):
        h, n = states[0], self.units
        top, bottom = self.matrix[:n], self.matrix[n:]
        a = ops.reshape(x @ bottom + self.offset, (-1, n, 3))
        b = ops.reshape(h @ top, (-1, n, 3))
        r = ops.hard_sigmoid(a[..., 0] + b[..., 0])
        z = ops.hard_sigmoid(a[..., 2] + b[..., 2])
        c = ops.tanh(a[..., 1] + r * (b[..., 1] + self.inner_offset))
        h = h + z * (c - h)
        return h, [h]


@computes("lstm")
class Peepholes(One):
    """Rows are units, h before x, and three vectors that look at the memory; states (c, h)."""

    states = 2

    def build(self, shape):
        self.weight("M", 4 * self.units, self.units + shape[-1])
        self.weight("v", 4 * self.units)
        for name in ("w_ci", "w_cf", "w_co"):
            self.weight(name, self.units)
        self.built = True

    def call(self, x, states):
        c, h = states
        o, g, i, f = ops.split(
            ops.concatenate([h, x], -1) @ ops.transpose(self.M) + self.v, 4, axis=-1
        )
        i, f = ops.sigmoid(i + self.w_ci * c), ops.sigmoid(f + self.w_cf * c)
        c = f * c + i * ops.tanh(g)
        h = ops.sigmoid(o + self.w_co * c) * ops.tanh(c)
        return h, [c, h]


@computes("lstm")
class OneTensor(One):
    """One Dense layer for all gates, one tensor [h, c] of states, clipped, forget bias 1.5."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = 2 * units
        self.inner("gates", 4 * units)

    def build(self, shape):
        self.gates.build((None, shape[-1] + self.units))
        self.built = True

    def call(self, x, states):
        h, c = ops.split(states[0], 2, axis=-1)
        f, i, o, g = ops.split(self.gates(ops.concatenate([x, h], -1)), 4, axis=-1)
        c = ops.sigmoid(f + 1.5) * c + ops.sigmoid(i) * ops.tanh(g)
        c = ops.clip(c, -0.8, 0.8)
        h = ops.sigmoid(o) * ops.tanh(c)
        return h, [ops.concatenate([h, c], -1)]


@computes("layer-norm-gru")
class NormalisedSums(One):
    """Each gate's sum goes through a LayerNormalization of its own."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        for g in "abc":
            self.inner(f"dense_{g}", units, use_bias=False)
            self.inner(f"norm_{g}", kind=keras.layers.LayerNormalization, epsilon=1e-5)

    def build(self, shape):
        for g in "abc":
            getattr(self, f"dense_{g}").build((None, shape[-1] + self.units))
            getattr(self, f"norm_{g}").build((None, self.units))
        self.built = True

    def of(self, g, x, h):
        return getattr(self, f"norm_{g}")(getattr(self, f"dense_{g}")(ops.concatenate([x, h], -1)))

    def call(self, x, states):
        h = states[0]
        z, r = ops.sigmoid(self.of("a", x, h)), ops.sigmoid(self.of("b", x, h))
        h = (1 - z) * h + z * ops.tanh(self.of("c", x, r * h))
        return h, [h]


@computes("layer-norm-lstm")
class NormalisedMemory(One):
    """Products of input and state are normalised each, all gates together, and the memory."""

    states = 2

    def build(self, shape):
        self.weight("wx", shape[-1], 4 * self.units)
        self.weight("wh", self.units, 4 * self.units)
        for name, size in (("x", 4), ("h", 4), ("c", 1)):
            full = (size * self.units,)
            for kind, init in (("gamma", "ones"), ("beta", "zeros")):
                made = self.add_weight(shape=full, name=f"{kind}_{name}", initializer=init)
                setattr(self, f"{kind}_{name}", made)
        self.built = True

    def norm(self, a, name):
        mean, variance = ops.moments(a, axes=-1, keepdims=True)
        scaled = (a - mean) / ops.sqrt(variance + 1e-6)
        return scaled * getattr(self, f"gamma_{name}") + getattr(self, f"beta_{name}")

    def call(self, x, states):
        h, c = states
        a = self.norm(x @ self.wx, "x") + self.norm(h @ self.wh, "h")
        i, f, o, g = ops.split(a, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(self.norm(c, "c"))
        return h, [h, c]


class _Gates(One):
    """Weights `in_g`, `rec_g`, `off_g` for each letter of `letters`."""

    letters, recurrent = "", True

    def build(self, shape):
        for g in self.letters:
            self.weight(f"in_{g}", shape[-1], self.units)
            if self.recurrent:
                self.weight(f"rec_{g}", self.units, self.units)
            self.weight(f"off_{g}", self.units)
        self.more()
        self.built = True

    def more(self):
        """Make further weights."""

    def sum(self, g, x, h):
        a = x @ getattr(self, f"in_{g}") + getattr(self, f"off_{g}")
        return a + h @ getattr(self, f"rec_{g}") if self.recurrent else a


@computes("cifg")
class Coupled(_Gates):
    """One gate says what is kept and what is new."""

    states, letters = 2, "mko"

    def call(self, x, states):
        h, c = states
        k = ops.sigmoid(self.sum("k", x, h))
        c = k * c + (1 - k) * ops.tanh(self.sum("m", x, h))
        h = ops.sigmoid(self.sum("o", x, h)) * ops.tanh(c)
        return h, [h, c]


@computes("janet")
class JustForget(_Gates):
    """The forget gate alone, one taken from the argument of the other half."""

    letters = "fn"

    def call(self, x, states):
        s = self.sum("f", x, states[0])
        new = ops.tanh(self.sum("n", x, states[0]))
        h = ops.sigmoid(s) * states[0] + (1 - ops.sigmoid(s - 1)) * new
        return h, [h]


@computes("min-gru")
class Parallel(_Gates):
    """Two gates of the input alone, the new state kept positive."""

    letters, recurrent = "ab", False

    def call(self, x, states):
        z, new = ops.sigmoid(self.sum("a", x, None)), self.sum("b", x, None)
        new = ops.where(new >= 0, new + 0.5, ops.sigmoid(new))
        h = (1 - z) * states[0] + z * new
        return h, [h]


@computes("min-lstm")
class ParallelTwo(_Gates):
    """Forget and input gate, divided by their sum."""

    letters, recurrent = "fic", False

    def call(self, x, states):
        f, i = ops.sigmoid(self.sum("f", x, None)), ops.sigmoid(self.sum("i", x, None))
        h = (f * states[0] + i * self.sum("c", x, None)) / (f + i)
        return h, [h]


@computes("indrnn")
class OwnStateOnly(_Gates):
    """Each unit reads its own past."""

    letters, recurrent = "h", False

    def more(self):
        self.weight("own", self.units)

    def call(self, x, states):
        h = ops.relu(self.sum("h", x, None) + self.own * states[0])
        return h, [h]


@computes("fast-grnn")
class Shared(One):
    """One pair of matrices for gate and candidate, two numbers through sigmoids."""

    def build(self, shape):
        self.weight("W1", shape[-1], self.units)
        self.weight("U1", self.units, self.units)
        self.weight("bias_gate", 1, self.units)
        self.weight("bias_update", 1, self.units)
        self.weight("zeta", 1, 1)
        self.weight("nu", 1, 1)
        self.built = True

    def call(self, x, states):
        a = x @ self.W1 + states[0] @ self.U1
        z, c = ops.sigmoid(a + self.bias_gate), ops.tanh(a + self.bias_update)
        h = z * states[0] + (ops.sigmoid(self.zeta) * (1 - z) + ops.sigmoid(self.nu)) * c
        return h, [h]


@computes("sru")
class Highway(One):
    """Gates look at their own memory; the input is passed on by a matrix of its own."""

    def build(self, shape):
        self.weight("W", shape[-1], 4 * self.units)
        self.weight("v", 2 * self.units)
        self.weight("b", 2 * self.units)
        self.built = True

    def call(self, x, states):
        c = states[0]
        new, f, r, skip = ops.split(x @ self.W, 4, axis=-1)
        vf, vr = ops.split(self.v, 2)
        bf, br = ops.split(self.b, 2)
        f, r = ops.sigmoid(f + vf * c + bf), ops.sigmoid(r + vr * c + br)
        c = f * c + (1 - f) * new
        return r * c + (1 - r) * skip, [c]


@computes("slstm")
class Exponential(_Gates):
    """Exponential gates with a normaliser and what keeps them small; states (c, n, m, h)."""

    states, letters = 4, "ifzo"

    def call(self, x, states):
        c, n, m, h = states
        i, f = self.sum("i", x, h), ops.log_sigmoid(self.sum("f", x, h))
        new = ops.maximum(f + m, i)
        keep, add = ops.exp(f + m - new), ops.exp(i - new)
        c = keep * c + add * ops.tanh(self.sum("z", x, h))
        n = keep * n + add
        h = ops.sigmoid(self.sum("o", x, h)) * c / n
        return h, [c, n, new, h]


@computes("gru-reset-before")
class Zoned(_Gates):
    """A fifth of the old state stays at inference."""

    letters = "zrh"

    def call(self, x, states):
        old = states[0]
        z, r = ops.sigmoid(self.sum("z", x, old)), ops.sigmoid(self.sum("r", x, old))
        new = ops.tanh(self.sum("h", x, r * old))
        h = 0.2 * old + 0.8 * ((1 - z) * old + z * new)
        return h, [h]


@computes("leaky-rnn")
class Leaking(_Gates):
    """A third is new at each step."""

    letters = "a"

    def call(self, x, states):
        h = states[0] + 0.3 * (ops.tanh(self.sum("a", x, states[0])) - states[0])
        return h, [h]


@computes("leaky-rnn")
class TimeConstants(_Gates):
    """Euler's rule, one time constant for each unit."""

    letters = "a"

    def more(self):
        self.weight("tau", self.units)

    def call(self, x, states):
        new = ops.tanh(self.sum("a", x, states[0]))
        h = states[0] + (0.1 / self.tau) * (new - states[0])
        return h, [h]


@computes("continuous-time-rnn")
class Rates(_Gates):
    """The state is a potential; what others see is its tanh."""

    letters = "a"

    def call(self, x, states):
        h = 0.9 * states[0] + 0.1 * self.sum("a", x, ops.tanh(states[0]))
        return ops.tanh(h), [h]


@computes("ugrnn")
class OneGate(_Gates):
    """One gate, with one added to it."""

    letters = "gc"

    def call(self, x, states):
        g = ops.sigmoid(self.sum("g", x, states[0]) + 1.0)
        h = g * states[0] + (1 - g) * ops.tanh(self.sum("c", x, states[0]))
        return h, [h]


@computes("lstm")
class BiasRow(One):
    """One matrix for [h, x, 1], one state tensor of [c, h]."""

    forget = staticmethod(ops.sigmoid)

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = 2 * units

    def build(self, input_shape):
        self.weight("kernel", self.units + input_shape[-1] + 1, 4 * self.units)
        self.built = True

    def call(self, x, states):
        c, h = ops.split(states[0], 2, -1)
        joined = ops.concatenate([h, x, ops.ones_like(x[:, :1])], -1)
        f, o, i, j = ops.split(joined @ self.kernel, 4, -1)
        c = c * self.forget(f) + ops.sigmoid(i) * ops.tanh(j)
        h = ops.sigmoid(o) * ops.tanh(c)
        return h, [ops.concatenate([c, h], -1)]


@computes("gru-reset-after")
class BiasMatrix(One):
    """Biases of three gates as a square matrix where there are three units; sigmoids by tanh."""

    def build(self, input_shape):
        units = self.units
        self.weight("W", 3, input_shape[-1], units)
        self.weight("U", 3, units, units)
        self.weight("bi", 3, units)
        self.weight("bh", units)
        self.built = True

    def call(self, x, states):
        (h,) = states
        gates = [x @ self.W[k] + self.bi[k] for k in range(3)]
        z, r = (0.5 * ops.tanh(0.5 * (gates[k] + h @ self.U[k])) + 0.5 for k in range(2))
        n = ops.tanh(gates[2] + r * (h @ self.U[2] + self.bh))
        h = n - z * n + z * h
        return h, [h]


class _Interpolated(_Gates):
    """A GRU whose update is an interpolation; rounding moves what a gate of 0 or 1 leaves."""

    letters = "zrh"

    def call(self, x, states):
        (h,) = states
        z = ops.sigmoid(self.sum("z", x, h))
        r = ops.sigmoid(self.sum("r", x, h))
        h = self.mixed(z, h, ops.tanh(self.sum("h", x, r * h)))
        return h, [h]


@computes("gru-reset-before")
class TowardsNew(_Interpolated):
    """From the old state towards the new one."""

    def mixed(self, z, h, n):
        return h + z * (n - h)


@computes("gru-reset-before")
class TowardsOld(_Interpolated):
    """From the new state towards the old one."""

    def mixed(self, z, h, n):
        return n + z * (h - n)
