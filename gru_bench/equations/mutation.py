"""The known mistakes, made in published equations: one edit of one equation, with its words.

No mistake is written for one cell: each is an edit of an expression (a factor left out, a function
left out, a term left out, a name taken for another), and is made wherever it can be made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gru_bench.equations.expression import (
    Call,
    Dot,
    Line,
    Name,
    Negative,
    Node,
    Number,
    Product,
    Sum,
    children,
    names_in,
    show,
    with_children,
)
from gru_bench.equations.formula import CONSTANT, MATRICES, VECTORS, Formula, kind_of, show_name

ROLES = {
    "z": "the update gate z",
    "r": "the reset gate r",
    "f": "the forget gate f",
    "i": "the input gate i",
    "o": "the output gate o",
    "g": "the update gate g",
    "h_tilde": "the candidate h̃",
    "c_tilde": "the candidate c̃",
    "h": "the old state h",
    "c": "the old cell state c",
    "h1": "the new state h'",
    "c1": "the new cell state c'",
    "x": "the input",
}


@dataclass(frozen=True)
class Mutant:
    """Equations with one mistake.

    Args:
        formula: with the mistake.
        of: the published ones.
        says: the mistake, in words.
        rank: how far-fetched it is; small numbers are said first.
    """

    formula: Formula
    of: Formula
    says: str
    rank: int


#: An edit of an expression: what it becomes, the words, the rank.
Edit = tuple[Node, str, int]


def role(name: str) -> str:
    """Return what a name stands for, in words."""
    return ROLES.get(name, show_name(name))


def mutants(formula: Formula) -> Iterator[Mutant]:
    """Yield the equations with each mistake that can be made in them.

    Args:
        formula: published.
    """
    for k, line in enumerate(formula.lines):
        known = {"x", *formula.states, *(other.target for other in formula.lines[:k])}
        for node, says, rank in _edits(line.node, line, formula, known):
            lines = (*formula.lines[:k], Line(line.target, node), *formula.lines[k + 1 :])
            yield Mutant(replace(formula, lines=lines), formula, says, rank)
    yield from _handed_on(formula)
    yield from _overwritten(formula)
    yield from _taken_for(formula)
    yield from _moved_number(formula)


def _taken_for(formula: Formula) -> Iterator[Mutant]:
    """Yield equations in which one gate is computed from another's weights, all of them."""
    for k, line in enumerate(formula.lines):
        own = sorted({n for n in names_in(line.node) if kind_of(n) in ("W", "U", "b")})
        gates = {n.partition("_")[2] for n in own}
        if len(own) < 2 or len(gates) != 1 or line not in formula.live:
            continue
        (gate,) = gates
        for other in formula.gates:
            for kinds, told in (("WU", "matrices"), ("WUb", "weights")):
                node = line.node
                for name in own:
                    if name[0] in kinds:
                        node = _replaced(node, Name(name), Name(f"{name[0]}_{other}"))
                there = names_in(node) & {f"W_{other}", f"U_{other}"}
                if other == gate or not there <= set(formula.parts):
                    continue
                lines = (*formula.lines[:k], Line(line.target, node), *formula.lines[k + 1 :])
                says = f"{role(line.target)} reads the {told} of {other}, and its own are not used"
                yield Mutant(replace(formula, lines=lines), formula, says, 2)


def _moved_number(formula: Formula) -> Iterator[Mutant]:
    """Yield equations in which a number is added to the argument of another gate."""
    gates = [line for line in formula.lines if _is_gate(line)]
    for line in gates:
        for name in sorted(names_in(line.node)):
            if kind_of(name) != CONSTANT:
                continue
            for other in gates:
                if other is line:
                    continue
                lines = tuple(
                    _with_number(one, name, one is other) if one in (line, other) else one
                    for one in formula.lines
                )
                says = f"{role(other.target)} has the number that {role(line.target)} should have"
                yield Mutant(replace(formula, lines=lines), formula, says, 2)


def _with_number(line: Line, name: str, there: bool) -> Line:
    assert isinstance(line.node, Call)
    (argument,) = line.node.arguments
    assert isinstance(argument, Sum)
    terms = tuple(term for term in argument.terms if term != Name(name))
    added = Sum((*terms, Name(name))) if there else Sum(terms)
    return Line(line.target, Call(line.node.function, (added,)))


def _handed_on(formula: Formula) -> Iterator[Mutant]:
    """Yield equations whose output or new state is something else."""
    given = [line.target for line in formula.lines if line.target.partition("_")[0] != "s"]
    gates = {line.target for line in formula.lines if _is_gate(line)}
    for name in [*given, *formula.states]:
        far = 3 if name in gates or name in formula.states else 1
        if name != formula.output:
            says = f"the output is {role(name)}, not {role(formula.output)}"
            yield Mutant(replace(formula, output=name), formula, says, far)
        for k, own in enumerate(formula.new):
            if name != own:
                new = (*formula.new[:k], name, *formula.new[k + 1 :])
                says = f"the state handed on is {role(name)}, not {role(own)}"
                yield Mutant(replace(formula, new=new), formula, says, far)


def _overwritten(formula: Formula) -> Iterator[Mutant]:
    """Yield equations that read a state of which a part is already overwritten."""
    for state, new in zip(formula.states, formula.new, strict=True):
        made = next((line for line in formula.lines if line.target == new), None)
        if made is None or not isinstance(made.node, Sum):
            continue
        for term in made.node.terms:
            if state not in names_in(term) or not isinstance(term, Product):
                continue
            for k, line in enumerate(formula.lines):
                defined = {"x", *formula.states, *(other.target for other in formula.lines[:k])}
                if state not in names_in(line.node) or line.target == new:
                    continue
                if not _variables(term) <= defined:
                    continue
                node = _replaced(line.node, Name(state), term)
                lines = (*formula.lines[:k], Line(line.target, node), *formula.lines[k + 1 :])
                says = (
                    f"{role(line.target)} reads {show(term)} where {show_name(state)} is meant: "
                    "the state is overwritten too early"
                )
                yield Mutant(replace(formula, lines=lines), formula, says, 2)


def _variables(node: Node) -> set[str]:
    return {
        n for n in names_in(node) if kind_of(n) not in (*MATRICES, *VECTORS, CONSTANT) or n in "cu"
    }


def _replaced(node: Node, old: Node, new: Node) -> Node:
    if node == old:
        return new
    return with_children(node, tuple(_replaced(child, old, new) for child in children(node)))


def _is_gate(line: Line) -> bool:
    return isinstance(line.node, Call) and line.node.function == "sigma"


def _edits(node: Node, line: Line, formula: Formula, known: set[str]) -> Iterator[Edit]:
    """Yield an expression with one edit anywhere in it."""
    yield from _here(node, line, formula, known)
    own = children(node)
    for k, child in enumerate(own):
        for edited, says, rank in _edits(child, line, formula, known):
            yield with_children(node, (*own[:k], edited, *own[k + 1 :])), says, rank


def _here(node: Node, line: Line, formula: Formula, known: set[str]) -> Iterator[Edit]:
    match node:
        case Product():
            yield from _factors(node, line)
        case Sum():
            yield from _terms(node, line)
        case Call():
            yield from _functions(node, line)
        case Dot():
            yield from _weights(node, line, formula)
        case Name():
            yield from _names(node, line, formula, known)


def _factors(node: Product, line: Line) -> Iterator[Edit]:
    for k, factor in enumerate(node.factors):
        rest = (*node.factors[:k], *node.factors[k + 1 :])
        if not _variables(factor):
            continue
        left = with_children(node, rest)
        told = show(node)
        if isinstance(factor, Name) and factor.name in "hc":
            yield left, f"{factor.name} is missing from {told} in {show_name(line.target)}", 1
        elif isinstance(factor, Sum):
            yield left, f"as if {show(factor)} were 1: nothing multiplies {show(left)}", 1
            first = factor.terms[-1]
            if isinstance(first, Negative):
                swapped = (*node.factors[:k], first.of, *node.factors[k + 1 :])
                yield (
                    with_children(node, swapped),
                    f"{show(first.of)} where {show(factor)} is meant",
                    2,
                )
        elif isinstance(factor, Name):
            yield left, f"as if {role(factor.name)} were 1: it does not multiply {show(left)}", 1
            other = Sum((Number(1.0), Negative(factor)))
            turned = (*node.factors[:k], other, *node.factors[k + 1 :])
            yield with_children(node, turned), f"{show(other)} where {show(factor)} is meant", 2


def _terms(node: Sum, line: Line) -> Iterator[Edit]:
    for k, term in enumerate(node.terms):
        rest = (*node.terms[:k], *node.terms[k + 1 :])
        if isinstance(term, Dot):
            reads = "the input" if "x" in names_in(term) else "the state"
            says = f"{show(term)} is missing: {role(line.target)} does not read {reads}"
            yield with_children(node, rest), says, 1
        elif _variables(term) and not isinstance(term, (Number, Negative)):
            yield with_children(node, rest), f"{show(term)} is missing in {role(line.target)}", 2
        if not isinstance(term, (Number, Negative)) and _variables(term):
            flipped = (*node.terms[:k], Negative(term), *node.terms[k + 1 :])
            yield with_children(node, flipped), f"{show(term)} is subtracted", 3
        yield from _moved_factor(node, k)


def _moved_factor(node: Sum, k: int) -> Iterator[Edit]:
    """Yield a sum in which the gate of one term multiplies others instead, or all."""
    for gate, bare in _without_gate(node.terms[k]):
        others = [j for j in range(len(node.terms)) if j != k]
        biases = [j for j in others if not _variables(node.terms[j])]
        groups = [[j] for j in others if j not in biases]
        groups += [[j, *biases] for j in others if j not in biases and biases]
        groups += [[*others, k]]
        for group in groups:
            terms = list(node.terms)
            terms[k] = bare
            chosen = [terms[j] for j in group]
            left = [terms[j] for j in range(len(terms)) if j not in group]
            inner = with_children(node, tuple(chosen)) if len(chosen) > 1 else chosen[0]
            factors = inner.factors if isinstance(inner, Product) else (inner,)
            scaled = Product((gate, *factors))
            new = with_children(node, (scaled, *left)) if left else scaled
            says = f"{role(show(gate))} multiplies {show(inner, 2)}, not {show(bare)} alone"
            if k not in group:
                says = f"{role(show(gate))} multiplies {show(inner, 2)}, not {show(bare)}"
            yield new, says, 2


def _without_gate(node: Node) -> Iterator[tuple[Node, Node]]:
    """Yield a gate among the factors of an expression, and the expression without it."""
    if isinstance(node, Product):
        for k, factor in enumerate(node.factors):
            if isinstance(factor, Name) and factor.name not in "hcx" and _variables(factor):
                yield factor, with_children(node, (*node.factors[:k], *node.factors[k + 1 :]))
    if isinstance(node, Dot):
        for gate, bare in _without_gate(node.left):
            yield gate, Dot(bare, node.right)


def _functions(node: Call, line: Line) -> Iterator[Edit]:
    if node.function not in ("sigma", "phi", "psi"):
        return
    (argument,) = node.arguments
    target, shown = role(line.target), node.function
    if shown == "psi":
        yield argument, f"{show(argument)} is not squashed: {target} has no ψ", 1
    elif shown == "phi":
        yield argument, f"{target} has no φ: nothing bounds it", 1
    else:
        yield argument, f"{target} has no σ: it is no gate", 1
    for name, told, wrong in (
        ("logistic", "a sigmoid", ("phi", "psi")),
        ("tanh", "a tanh", ("sigma",)),
    ):
        if shown in wrong:
            greek = {"phi": "φ", "psi": "ψ", "sigma": "σ"}[shown]
            yield Call(name, node.arguments), f"the {greek} of {target} is {told}", 1


def _weights(node: Dot, line: Line, formula: Formula) -> Iterator[Edit]:
    if not isinstance(node.right, Name):
        return
    own = node.right.name
    for other in formula.matrices:
        if other != own and kind_of(other) == kind_of(own):
            says = f"{role(line.target)} reads {other}, and {own} is not used"
            yield Dot(node.left, Name(other)), says, 2


def _names(node: Name, line: Line, formula: Formula, known: set[str]) -> Iterator[Edit]:
    if node.name == "x":
        for function, told in (("batch_sum", "the sum"), ("batch_mean", "the mean")):
            says = f"{role(line.target)} reads {told} of the whole batch's inputs"
            yield Call(function, (node,)), says, 2
        return
    pairs = [*zip(formula.states, formula.new, strict=True)]
    for old, new in pairs:
        if node.name == new and new in known:
            yield Name(old), f"{role(line.target)} reads {role(old)} where {role(new)} is meant", 1
        if node.name == old and new in known:
            yield Name(new), f"{role(line.target)} reads {role(new)} where {role(old)} is meant", 1
    gates = [one.target for one in formula.lines if _is_gate(one)]
    if node.name in gates:
        for gate in gates:
            if gate != node.name and gate in known:
                says = f"{role(gate)} where {role(node.name)} is meant, in {role(line.target)}"
                yield Name(gate), says, 2
