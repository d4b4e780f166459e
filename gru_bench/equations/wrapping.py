"""What cells do to published equations beside computing them: zoneout at inference, clips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gru_bench.equations.expression import Call, Line, Name, read_lines
from gru_bench.equations.formula import SCALAR, Formula, kind_of
from gru_bench.equations.functions import CHOSEN


def with_zoneout(formula: Formula) -> Formula:
    """Return a formula of which each state is kept in part: zoneout at inference (1606.01305)."""
    text, constants = "", dict(formula.constants)
    for old, new in zip(formula.states, formula.new, strict=True):
        text += f"{new}_zoned = k_zone_{old} * {old} + (1 - k_zone_{old}) * {new}\n"
        constants[f"k_zone_{old}"] = ()
    zoned = tuple(f"{new}_zoned" for new in formula.new)
    return replace(
        formula,
        lines=(*formula.lines, *read_lines(text)),
        new=zoned,
        output=f"{formula.output}_zoned" if formula.output in formula.new else formula.output,
        constants={n: () if n.startswith("k_zone") else v for n, v in constants.items()},
        says=(*formula.says, "zoneout at inference"),
    )


def with_clip(formula: Formula) -> Formula:
    """Return a formula whose last state is clipped, as ONNX's LSTM and Keras's old ones do."""
    last = formula.new[-1]
    lines = tuple(
        Line(last, Call("clip", (line.node, Name("k_clip")))) if line.target == last else line
        for line in formula.lines
    )
    constants = {**formula.constants, "k_clip": ()}
    return replace(formula, lines=lines, constants=constants, says=(*formula.says, "clipped"))


def with_chosen(formulas: tuple[Formula, ...]) -> Iterator[Formula]:
    """Yield the formulas with activations that are less usual, and that nobody takes by mistake."""
    for formula in formulas:
        if formula.uses("phi") and not formula.normalised:
            yield replace(formula, phi=CHOSEN)


def wrapped(formulas: tuple[Formula, ...]) -> Iterator[Formula]:
    """Yield the formulas with zoneout, and with a clip."""
    for formula in formulas:
        if formula.base or formula.normalised or not all(formula.constants.values()):
            continue
        yield with_zoneout(formula)
        yield with_clip(formula)


def together(formulas: tuple[Formula, ...]) -> Iterator[Formula]:
    """Yield the formulas of cells whose biases may lie in one weight with the matrices.

    Which of the vectors a cell has has to be known then: the biases of the input, those beside a
    recurrent product that a gate weighs, peepholes, or all.
    """
    for formula in formulas:
        if formula.normalised or formula.square:
            continue
        vectors = formula.vectors
        biases = tuple(p for p in vectors if kind_of(p) in ("b", SCALAR))
        weighed = tuple(p for p in vectors if p == "c_h" or kind_of(p) in ("b", SCALAR))
        peeping = tuple(p for p in vectors if kind_of(p) in ("b", "p", SCALAR))
        for present in dict.fromkeys((biases, weighed, peeping, vectors)):
            if present:
                yield replace(formula, present=present)
