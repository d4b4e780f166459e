"""The published equations of recurrent cells, as data: what `identify` looks for.

`W_g` multiply the input, `U_g` the state, `b_g` is added, `c_g` is added to a product before
something else happens to it, `p_g` is a peephole, `u` a recurrent weight of each unit's own, `α`
and `β` are a normalisation's gain and shift; `k_` are numbers that are no weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gru_bench.equations.formula import Formula, formula

_NEW, _OLD = "{g} weighs the new state", "{g} weighs the old state"
_CHO = "Cho et al. 2014, arXiv 1406.1078"
_BA = "Ba et al. 2016, arXiv 1607.06450"

#: Activations that candidates of plain recurrent networks have.
_PLAIN = ("tanh", "relu", "linear", "elu", "softsign", "hard_tanh", "leaky_relu", "sin", "selu")


def _gate(g: str, more: str = "", function: str = "sigma", state: str = "h") -> str:
    return f"{function}(x @ W_{g} + {state} @ U_{g}{more} + b_{g})"


def _blends(gate: str = "z") -> Iterator[tuple[str, str]]:
    """Yield both ways of weighing old and new state: the equation, and what it is called."""
    yield f"h1 = (1 - {gate}) * h + {gate} * h_tilde", _NEW.format(g=gate)
    yield f"h1 = {gate} * h + (1 - {gate}) * h_tilde", _OLD.format(g=gate)


_BEFORE = "h_tilde = phi(x @ W_h + (r * h) @ U_h + b_h)"
_AFTER = "h_tilde = phi(x @ W_h + r * (h @ U_h + c_h) + b_h)"


def _grus() -> Iterator[Formula]:
    gates = f"z = {_gate('z')}\nr = {_gate('r')}\n"
    for key, source, reset, candidate in (
        ("gru-reset-before", f"{_CHO}v3", "reset before the product", _BEFORE),
        ("gru-reset-after", f"{_CHO}v1", "reset after the product", _AFTER),
    ):
        for blend, weighs in _blends():
            text = f"{gates}{candidate}\n{blend}"
            yield formula(
                text, key=key, family="gru", title="GRU", source=source, says=(reset, weighs)
            )


_FORGET = "f = sigma(x @ W_f + h @ U_f + p_f * c + b_f + k_f)\n"
_LSTM = (
    "i = sigma(x @ W_i + h @ U_i + p_i * c + b_i)\n"
    + _FORGET
    + "c_tilde = phi(x @ W_c + h @ U_c + b_c)\n"
    "c1 = f * c + i * c_tilde\n"
    "o = sigma(x @ W_o + h @ U_o + p_o * c1 + b_o)\n"
    "h1 = o * psi(c1)"
)
_TWO: dict[str, Any] = {"states": ("h", "c"), "new": ("h1", "c1")}
_FORGETS: dict[str, Any] = {"constants": {"k_f": (0.0, 1.0)}}
_COUPLED = (
    "c_tilde = phi(x @ W_c + h @ U_c + b_c)\n"
    "c1 = {blend}\n"
    "o = sigma(x @ W_o + h @ U_o + p_o * c1 + b_o)\n"
    "h1 = o * psi(c1)"
)


def _lstms() -> Iterator[Formula]:
    gers = "Gers et al. 2000; Graves 2013, arXiv 1308.0850"
    yield formula(_LSTM, key="lstm", family="lstm", title="LSTM", source=gers, **_TWO, **_FORGETS)
    common = {"key": "cifg", "family": "cifg", "title": "LSTM with coupled gates (CIFG)"}
    source = "Greff et al. 2015, arXiv 1503.04069"
    yield formula(
        _FORGET + _COUPLED.format(blend="f * c + (1 - f) * c_tilde"),
        **common,
        source=source,
        says=("i is 1 - f",),
        **_TWO,
        **_FORGETS,
    )
    yield formula(
        "i = sigma(x @ W_i + h @ U_i + p_i * c + b_i)\n"
        + _COUPLED.format(blend="(1 - i) * c + i * c_tilde"),
        **common,
        source=source,
        says=("f is 1 - i",),
        **_TWO,
    )


def _one_gate() -> Iterator[Formula]:
    """Yield cells with one gate."""
    zhou = {"key": "minimal-gated-unit", "family": "mgu", "title": "minimal gated unit"}
    for blend, weighs in _blends("f"):
        for reset, candidate in (
            ("reset before the product", "h_tilde = phi(x @ W_h + (f * h) @ U_h + b_h)"),
            ("reset after the product", "h_tilde = phi(x @ W_h + f * (h @ U_h + c_h) + b_h)"),
        ):
            yield formula(
                f"f = {_gate('f')}\n{candidate}\n{blend}",
                **zhou,
                source="Zhou et al. 2016, arXiv 1603.09420",
                says=(reset, weighs),
            )
    for blend, weighs in _blends("g"):
        yield formula(
            f"g = sigma(x @ W_g + h @ U_g + b_g + k_g)\n"
            f"h_tilde = phi(x @ W_h + h @ U_h + b_h)\n{blend}",
            key="ugrnn",
            family="ugrnn",
            title="update gate RNN (UGRNN; without normalisation also the light GRU)",
            source="Collins et al. 2016, arXiv 1611.09913; Ravanelli et al. 2018, 1803.10225",
            says=(weighs,),
            constants={"k_g": (0.0, 1.0)},
        )
    janet = {"key": "janet", "family": "janet", "title": "JANET"}
    source = "van der Westhuizen & Lasenby 2018, arXiv 1804.04849"
    candidate = "c_tilde = phi(x @ W_c + h @ U_c + b_c)\n"
    yield formula(
        f"f = {_gate('f')}\n{candidate}h1 = f * h + (1 - f) * c_tilde",
        **janet,
        source=source,
        says=("β = 0",),
    )
    yield formula(
        f"s = x @ W_f + h @ U_f + b_f\n{candidate}"
        "h1 = sigma(s) * h + (1 - sigma(s - k_β)) * c_tilde",
        **janet,
        source=source,
        says=("the new state's gate has β taken from its argument",),
        constants={"k_β": (1.0,)},
    )


def _without_recurrent_matrices() -> Iterator[Formula]:
    feng = {"source": "Feng et al. 2024, arXiv 2410.01201"}
    usual = {"phi": ("linear", "positive", "tanh")}
    for blend, weighs in _blends():
        yield formula(
            f"z = sigma(x @ W_z + b_z)\nh_tilde = phi(x @ W_h + b_h)\n{blend}",
            key="min-gru",
            family="min-gru",
            title="minGRU",
            says=(weighs,),
            **feng,
            **usual,
        )
    gates = "f = sigma(x @ W_f + b_f)\ni = sigma(x @ W_i + b_i)\nh_tilde = phi(x @ W_h + b_h)\n"
    lstm = {"key": "min-lstm", "family": "min-lstm", "title": "minLSTM", **feng, **usual}
    yield formula(
        gates + "h1 = (f / (f + i)) * h + (i / (f + i)) * h_tilde",
        says=("f and i are divided by their sum",),
        **lstm,
    )
    yield formula(gates + "h1 = f * h + i * h_tilde", says=("f and i are not scaled",), **lstm)
    yield formula(
        "h1 = phi(x @ W_h + u_h * h + b_h)",
        key="indrnn",
        family="indrnn",
        title="independently recurrent network (IndRNN)",
        source="Li et al. 2018, arXiv 1803.04831",
        phi=_PLAIN,
    )
    for skip, told in (("(x @ W_s)", "a matrix for the input that is passed on"), ("x", "")):
        for peep in ("f = sigma(x @ W_f + u_f * c + b_f)\nr = sigma(x @ W_r + u_r * c + b_r)",):
            yield formula(
                f"c_tilde = x @ W_c + b_c\n{peep}\nc1 = f * c + (1 - f) * c_tilde\n"
                f"h1 = r * psi(c1) + (1 - r) * {skip}",
                key="sru",
                family="sru",
                title="simple recurrent unit (SRU)",
                source="Lei et al. 2018, arXiv 1709.02755",
                states=("c",),
                new=("c1",),
                psi=("linear", "tanh", "relu"),
                says=(told,) if told else (),
            )


def _plain() -> Iterator[Formula]:
    yield formula(
        "h1 = phi(x @ W_h + h @ U_h + b_h)",
        key="simple-rnn",
        family="rnn",
        title="simple recurrent network",
        source="Elman 1990; equation 2 of arXiv 1412.3555",
        phi=_PLAIN,
    )
    leaky = {"key": "leaky-rnn", "family": "leaky-rnn", "phi": (*_PLAIN, "sigmoid")}
    source = "Jaeger et al. 2007, 10.1016/j.neunet.2007.04.016"
    title = "leaky recurrent network"
    candidate = "h_tilde = phi(x @ W_h + h @ U_h + b_h)\n"
    yield formula(
        candidate + "h1 = k_keep * h + k_new * h_tilde",
        **leaky,
        title=title,
        source=source,
        constants={"k_keep": (), "k_new": ()},
    )
    for rate, told in (
        ("u_a", "a rate for each unit"),
        ("s_a", "one rate that learns"),
        ("logistic(u_a)", "a rate for each unit, the sigmoid of a weight"),
        ("logistic(s_a)", "one rate, the sigmoid of a weight"),
    ):
        yield formula(
            f"{candidate}h1 = h + {rate} * (h_tilde - h)",
            **leaky,
            title=title,
            source=source,
            says=(told,),
            base=0.5,
        )
    yield formula(
        f"{candidate}h1 = h + (k_dt / u_τ) * (h_tilde - h)",
        **leaky,
        title=title,
        source=source,
        says=("a time constant for each unit",),
        base=0.5,
        constants={"k_dt": (1.0, 0.1)},
    )
    for shown, told in (("h1", "the output is the state"), ("y", "the output is φ of the state")):
        yield formula(
            "h1 = k_keep * h + k_new * (x @ W_h + phi(h) @ U_h + b_h)\ny = phi(h1)",
            key="continuous-time-rnn",
            family="leaky-rnn",
            title="continuous-time recurrent network, by Euler's rule",
            source="Funahashi & Nakamura 1993, 10.1016/S0893-6080(05)80125-X",
            says=(told,),
            output=shown,
            phi=("tanh", "sigmoid", "relu", "softplus"),
            constants={"k_keep": (), "k_new": ()},
        )


def _fast() -> Iterator[Formula]:
    kusupati = {"source": "Kusupati et al. 2018, arXiv 1901.02358"}
    for wrap in ("logistic({})", "{}"):
        a, b = wrap.format("s_ζ"), wrap.format("s_ν")
        says = ("ζ and ν are sigmoids of weights",) if "(" in wrap else ("ζ and ν are weights",)
        yield formula(
            "z = sigma(x @ W_h + h @ U_h + b_z)\nh_tilde = phi(x @ W_h + h @ U_h + b_h)\n"
            f"h1 = ({a} * (1 - z) + {b}) * h_tilde + z * h",
            key="fast-grnn",
            family="fast-grnn",
            title="FastGRNN",
            says=says,
            base=0.5,
            **kusupati,
        )
        a, b = wrap.format("s_α"), wrap.format("s_β")
        yield formula(
            f"h_tilde = phi(x @ W_h + h @ U_h + b_h)\nh1 = {a} * h_tilde + {b} * h",
            key="fast-rnn",
            family="fast-rnn",
            title="FastRNN",
            says=("α and β are sigmoids of weights",) if "(" in wrap else ("α and β are weights",),
            base=0.5,
            **kusupati,
        )


def _exponential() -> Iterator[Formula]:
    beck = {
        "key": "slstm",
        "family": "slstm",
        "title": "sLSTM",
        "source": "Beck et al. 2024, arXiv 2405.04517",
        "phi": ("tanh",),
        "positive": True,
    }
    first = "z = phi(x @ W_z + h @ U_z + b_z)\ni = x @ W_i + h @ U_i + b_i\n"
    out = f"o = {_gate('o')}\n"
    for logarithm, told in (
        ("log_sigmoid(f)", "the forget gate is a sigmoid"),
        ("f", "the forget gate is an exponential"),
    ):
        forget = f"f = x @ W_f + h @ U_f + b_f + k_f\nl = {logarithm}\n"
        yield formula(
            f"{first}{forget}{out}m1 = largest(l + m, i)\n"
            "c1 = exp(l + m - m1) * c + exp(i - m1) * z\n"
            "n1 = exp(l + m - m1) * n + exp(i - m1)\n"
            "h1 = o * (c1 / n1)",
            states=("h", "c", "n", "m"),
            new=("h1", "c1", "n1", "m1"),
            says=(told, "stabilised by m"),
            constants={"k_f": (0.0, 1.0)},
            **beck,
        )
        yield formula(
            f"{first}{forget}{out}c1 = exp(l) * c + exp(i) * z\nn1 = exp(l) * n + exp(i)\n"
            "h1 = o * (c1 / n1)",
            states=("h", "c", "n"),
            new=("h1", "c1", "n1"),
            says=(told, "not stabilised"),
            constants={"k_f": (0.0, 1.0)},
            **beck,
        )


def _apart(g: str, groups: str, state: str = "h") -> tuple[str, str]:
    """Return the normalised products of input and state of a gate, each with gain and shift.

    Args:
        g: the gate.
        groups: the gates that are normalised together.
        state: what U multiplies.
    """
    others = [o for o in groups if o != g] if g in groups else []
    xs = ", ".join(f"x @ W_{o} + c_W{o}" for o in (g, *others))
    hs = ", ".join(f"{state} @ U_{o} + c_U{o}" for o in (g, *others))
    return f"α_W{g} * norm({xs}) + β_W{g}", f"α_U{g} * norm({hs}) + β_U{g}"


def _together(g: str, state: str = "h") -> str:
    return f"α_W{g} * norm(x @ W_{g} + {state} @ U_{g} + c_{g}) + β_W{g}"


def _normalised_grus() -> Iterator[Formula]:
    common = {"key": "layer-norm-gru", "family": "gru", "title": "layer-normalised GRU"}
    for blend, weighs in _blends():
        for groups, told in (
            ("zr", "gates normalised together"),
            ("", "gates normalised apart"),
            ("zrh", "all products normalised together"),
        ):
            (zx, zh), (rx, rh), (hx, hh) = (_apart(g, groups) for g in "zrh")
            gates = f"z = sigma({zx} + {zh} + b_z)\nr = sigma({rx} + {rh} + b_r)\n"
            yield formula(
                f"{gates}h_tilde = phi({hx} + r * ({hh}) + b_h)\n{blend}",
                says=(
                    told,
                    "input's and state's products normalised each",
                    "reset after the product",
                    weighs,
                ),
                source=f"{_BA}, supplement",
                **common,
            )
            if groups == "":
                inner = _apart("h", "", "(r * h)")
                yield formula(
                    f"{gates}h_tilde = phi({inner[0]} + {inner[1]} + b_h)\n{blend}",
                    says=(
                        told,
                        "input's and state's products normalised each",
                        "reset before the product",
                        weighs,
                    ),
                    source=_BA,
                    **common,
                )
        yield formula(
            f"z = sigma({_together('z')})\nr = sigma({_together('r')})\n"
            f"h_tilde = phi({_together('h', '(r * h)')})\n{blend}",
            says=("sums normalised gate by gate", "reset before the product", weighs),
            source=_BA,
            **common,
        )


def _normalised_lstms() -> Iterator[Formula]:
    common = {"key": "layer-norm-lstm", "family": "lstm", "title": "layer-normalised LSTM"}
    ends = (
        (
            "h1 = o * psi(α_c * norm(c1) + β_c)",
            "c1 = f * c + i * c_tilde",
            "the cell state is normalised for the output",
        ),
        ("h1 = o * psi(c1)", "c1 = f * c + i * c_tilde", "the cell state is not normalised"),
        (
            "h1 = o * psi(c1)",
            "c1 = α_c * norm(f * c + i * c_tilde) + β_c",
            "the cell state is normalised and kept so",
        ),
    )
    for last, cell, told in ends:
        for groups, how in (("ifco", "gates normalised together"), ("", "gates normalised apart")):
            text = ""
            for g, target, function, more in (
                ("i", "i", "sigma", ""),
                ("f", "f", "sigma", " + k_f"),
                ("c", "c_tilde", "phi", ""),
                ("o", "o", "sigma", ""),
            ):
                a, b = _apart(g, groups)
                text += f"{target} = {function}({a} + {b} + b_{g}{more})\n"
            yield formula(
                f"{text}{cell}\n{last}",
                says=(how, told),
                source=f"{_BA}, supplement",
                **common,
                **_TWO,
                **_FORGETS,
            )
        text = "".join(
            f"{target} = {function}({_together(g)}{more})\n"
            for g, target, function, more in (
                ("i", "i", "sigma", ""),
                ("f", "f", "sigma", " + k_f"),
                ("c", "c_tilde", "phi", ""),
                ("o", "o", "sigma", ""),
            )
        )
        yield formula(
            f"{text}{cell}\n{last}",
            says=("sums normalised gate by gate", told),
            source=_BA,
            **common,
            **_TWO,
            **_FORGETS,
        )


def _normalised_rnns() -> Iterator[Formula]:
    x, h = _apart("h", "")
    for text, told in (
        (_together("h"), "sum normalised"),
        (f"{x} + {h} + b_h", "input's and state's products normalised each"),
    ):
        yield formula(
            f"h1 = phi({text})",
            key="layer-norm-rnn",
            family="rnn",
            title="layer-normalised recurrent network",
            source=_BA,
            says=(told,),
            phi=_PLAIN,
        )


FORMULAS: tuple[Formula, ...] = (
    *_grus(),
    *_lstms(),
    *_plain(),
    *_one_gate(),
    *_without_recurrent_matrices(),
    *_fast(),
    *_exponential(),
    *_normalised_grus(),
    *_normalised_lstms(),
    *_normalised_rnns(),
)

#: What `--equations` takes: families, and members of them.
FAMILIES = tuple(dict.fromkeys(f.family for f in FORMULAS))
KEYS = tuple(dict.fromkeys(f.key for f in FORMULAS))
