"""The published equations of layer-normalised cells, as data."""

from __future__ import annotations

from collections.abc import Iterator

from gru_bench.equations.common import FORGETS, PLAIN, TWO, blends
from gru_bench.equations.formula import Formula, formula

_BA = "Ba et al. 2016, arXiv 1607.06450"


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
    for blend, weighs in blends():
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
                **TWO,
                **FORGETS,
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
            **TWO,
            **FORGETS,
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
            phi=PLAIN,
        )


def normalised() -> Iterator[Formula]:
    """Yield them all."""
    yield from _normalised_grus()
    yield from _normalised_lstms()
    yield from _normalised_rnns()
