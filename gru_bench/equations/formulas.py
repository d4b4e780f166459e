"""The published equations of recurrent cells, as data: what `identify` looks for.

`W_g` multiply the input, `U_g` the state, `b_g` is added, `c_g` is added to a product before
something else happens to it, `p_g` is a peephole, `u` a recurrent weight of each unit's own, `α`
and `β` are a normalisation's gain and shift; `k_` are numbers that are no weights.
"""

from __future__ import annotations

from collections.abc import Iterator

from gru_bench.equations.common import FORGETS, PLAIN, TWO, blends
from gru_bench.equations.formula import Formula, formula
from gru_bench.equations.normalised import normalised

_CHO = "Cho et al. 2014, arXiv 1406.1078"


def _gate(g: str, more: str = "", function: str = "sigma", state: str = "h") -> str:
    return f"{function}(x @ W_{g} + {state} @ U_{g}{more} + b_{g})"


_BEFORE = "h_tilde = phi(x @ W_h + (r * h) @ U_h + b_h)"
_AFTER = "h_tilde = phi(x @ W_h + r * (h @ U_h + c_h) + b_h)"


def _grus() -> Iterator[Formula]:
    gates = f"z = {_gate('z')}\nr = {_gate('r')}\n"
    for key, source, reset, candidate in (
        ("gru-reset-before", f"{_CHO}v3", "reset before the product", _BEFORE),
        ("gru-reset-after", f"{_CHO}v1", "reset after the product", _AFTER),
    ):
        for blend, weighs in blends():
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
_COUPLED = (
    "c_tilde = phi(x @ W_c + h @ U_c + b_c)\n"
    "c1 = {blend}\n"
    "o = sigma(x @ W_o + h @ U_o + p_o * c1 + b_o)\n"
    "h1 = o * psi(c1)"
)


def _lstms() -> Iterator[Formula]:
    gers = "Gers et al. 2000; Graves 2013, arXiv 1308.0850"
    yield formula(_LSTM, key="lstm", family="lstm", title="LSTM", source=gers, **TWO, **FORGETS)
    common = {"key": "cifg", "family": "cifg", "title": "LSTM with coupled gates (CIFG)"}
    source = "Greff et al. 2015, arXiv 1503.04069"
    yield formula(
        _FORGET + _COUPLED.format(blend="f * c + (1 - f) * c_tilde"),
        **common,
        source=source,
        says=("i is 1 - f",),
        **TWO,
        **FORGETS,
    )
    yield formula(
        "i = sigma(x @ W_i + h @ U_i + p_i * c + b_i)\n"
        + _COUPLED.format(blend="(1 - i) * c + i * c_tilde"),
        **common,
        source=source,
        says=("f is 1 - i",),
        **TWO,
    )


def _one_gate() -> Iterator[Formula]:
    """Yield cells with one gate."""
    zhou = {"key": "minimal-gated-unit", "family": "mgu", "title": "minimal gated unit"}
    for blend, weighs in blends("f"):
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
    for blend, weighs in blends("g"):
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
    for blend, weighs in blends():
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
        phi=PLAIN,
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
        phi=PLAIN,
    )
    leaky = {"key": "leaky-rnn", "family": "leaky-rnn", "phi": (*PLAIN, "sigmoid")}
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


FORMULAS: tuple[Formula, ...] = (
    *_grus(),
    *_lstms(),
    *_plain(),
    *_one_gate(),
    *_without_recurrent_matrices(),
    *_fast(),
    *_exponential(),
    *normalised(),
)

#: What `--equations` takes: families, and members of them.
FAMILIES = tuple(dict.fromkeys(f.family for f in FORMULAS))
KEYS = tuple(dict.fromkeys(f.key for f in FORMULAS))
