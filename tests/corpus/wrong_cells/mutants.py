"""Mutants of the built-in cells: one change in the source of `call`, made on its syntax tree.

The same source gives the same mutants in the same order. Only statements that the arguments reach
are changed, so no mutant is unchanged for want of being run, and mutants that cannot take one step
are dropped. Changes that cannot change anything
are not made: exchanged operands of sums and elementwise products (both commute), and index
arithmetic, which gives shapes that do not fit. What else is equivalent is in `EQUIVALENT`.
"""

from __future__ import annotations

import ast
import copy
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from gru_bench.subjects.keras.gru import GRUCell
from tests.corpus.wrong_cells.base import LSTM, Registered

#: Mutants of one kind for one method; where there are more sites, they are spread evenly.
MOST = 2


@dataclass(frozen=True)
class Original:
    """A correct cell to be mutated.

    Args:
        make: its class.
        arguments: for the constructor.
        names: gates and the like in its source, which mutants exchange and share.
        equations: what it claims: which of two gates keeps the state is visible only so.
        methods: what is mutated.
    """

    make: type[Any]
    arguments: dict[str, Any]
    names: tuple[tuple[str, str], ...]
    equations: str
    methods: tuple[str, ...] = ("call",)


@dataclass(frozen=True)
class Mutant:
    """One changed cell.

    Args:
        name: of the original, the kind of change and its number.
        change: in words.
        make: the class.
        arguments: for the constructor.
        equations: what it claims.
    """

    name: str
    change: str
    make: type[Any]
    arguments: dict[str, Any] = field(default_factory=dict)
    equations: str | None = None


_KERAS = keras.layers
ORIGINALS = (
    Original(
        GRUCell, {"units": 3}, (("z", "r"), ("W_r", "W_z"), ("h", "h_tilde")), "gru-reset-before"
    ),
    Original(
        GRUCell, {"units": 3, "reset": "after"}, (("z", "r"), ("xW_h", "hU_h")), "gru-reset-after"
    ),
    Original(
        _KERAS.GRUCell,
        {"units": 3},
        (("z", "r"), ("x_r", "x_z"), ("h_tm1", "hh")),
        "gru-reset-after",
    ),
    Original(
        _KERAS.GRUCell,
        {"units": 3, "dropout": 0.25, "recurrent_dropout": 0.25, "reset_after": False},
        (("inputs_r", "inputs_z"), ("h_tm1_h", "h_tm1")),
        "gru-reset-before",
    ),
    Original(
        _KERAS.LSTMCell,
        {"units": 3},
        (("i", "f"), ("z0", "z1"), ("z2", "z3"), ("h_tm1", "c_tm1")),
        "lstm",
        ("call", "_compute_carry_and_output_fused"),
    ),
    Original(_KERAS.SimpleRNNCell, {"units": 3}, (("h", "prev_output"),), "simple-rnn"),
    Original(
        LSTM,
        {"units": 3, "peephole": True, "forget_bias": 1.0, "cell_clip": 1.0},
        (("i", "f"), ("c", "c_t"), ("h", "c")),
        "lstm",
    ),
)

#: Mutants that compute the same as the original, and why; they are not in the matrix.
EQUIVALENT: dict[str, str] = {
    "keras-GRUCell-3-call-share-0": "The inputs of two gates differ in their dropout masks only. "
    "One mask for all is what Keras draws with implementation=2; no equation says which it is.",
}

Change = tuple[str, Callable[[ast.AST], ast.AST | None]]


def __getattr__(name: str) -> Any:
    """Make the mutants where one is asked for by name, as another process does.

    Raises:
        AttributeError: there is none of this name.
    """
    if not name.startswith("_"):
        for mutant in mutants():
            if mutant.make.__name__ == name:
                return mutant.make
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def mutants() -> list[Mutant]:
    """Return all mutants, always the same in the same order: one of each kind, then the others."""
    found: list[tuple[int, Mutant]] = []
    for number, original in enumerate(ORIGINALS):
        for method in original.methods:
            found += list(_of_method(number, original, method))
        found.append((0, _skipping(number, original)))
    found.sort(key=lambda placed: placed[0])
    return [one for _, one in found if one.name not in EQUIVALENT and _runs(one)]


def _runs(mutant: Mutant) -> bool:
    """Return whether a mutant gets through one step; what does not is no mutant worth counting."""
    try:
        cell = mutant.make(**mutant.arguments)
        cell.build((None, 4))
        cell(ops.ones((2, 4)), cell.get_initial_state(batch_size=2))
    except Exception:  # a name that is not yet there, shapes that do not fit
        return False
    return True


def title(number: int, original: Original) -> str:
    """Return what a mutant's name begins with."""
    home = "keras" if original.make.__module__.startswith("keras") else "own"
    return f"{home}-{original.make.__name__}-{number}"


def _of_method(number: int, original: Original, method: str) -> Iterator[tuple[int, Mutant]]:
    """Yield the mutants of one method, each with its place among those of its kind."""
    function = getattr(original.make, method)
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    reached = _reached_lines(original, function)
    kinds: dict[str, list[tuple[str, ast.Module]]] = {}
    for kind, change, changed in _changes(tree, original.names, reached):
        kinds.setdefault(kind, []).append((change, changed))
    for kind, made in kinds.items():
        chosen = np.unique(np.linspace(0, len(made) - 1, min(MOST, len(made))).astype(int))
        for turn, k in enumerate(chosen):
            change, changed = made[k]
            name = f"{title(number, original)}-{method.strip('_')}-{kind}-{k}"
            body = {method: _compiled(changed, function)}
            yield (
                turn,
                Mutant(
                    name,
                    change,
                    _subclass(name, original, body),
                    original.arguments,
                    original.equations,
                ),
            )


def _subclass(name: str, original: Original, body: dict[str, Any]) -> type[Any]:
    bases = (original.make,)
    if not issubclass(original.make, Registered):
        bases = (Registered, original.make)
    made = type(name.replace("-", "_"), bases, {**body, "__module__": __name__})
    # Found by its name, as a class that a user writes.
    setattr(sys.modules[__name__], made.__name__, made)
    return made


def _skipping(number: int, original: Original) -> Mutant:
    """Return the original that skips the first step, which it knows by a state of zeros."""

    def call(self: Any, inputs: Any, states: Any, **options: Any) -> Any:
        output, new = original.make.call(self, inputs, states, **options)
        begun = ops.cast(ops.any(states[0] != 0, axis=-1, keepdims=True), output.dtype)
        return begun * output, [begun * state for state in new]

    if "training" in inspect.signature(original.make.call).parameters:

        def body(self: Any, inputs: Any, states: Any, training: bool = False) -> Any:
            return call(self, inputs, states, training=training)

    else:

        def body(self: Any, inputs: Any, states: Any) -> Any:  # type: ignore[misc]
            return call(self, inputs, states)

    name = f"{title(number, original)}-call-skip-first-step-0"
    made = _subclass(name, original, {"call": body})
    return Mutant(name, "the first step is skipped", made, original.arguments, original.equations)


def _reached_lines(original: Original, function: Any) -> set[int]:
    """Return the lines of a function, from 1, that a training step and an inference step run."""
    cell = original.make(**original.arguments)
    cell.build((None, 4))
    first, reached = function.__code__.co_firstlineno, set()

    def trace(frame: Any, _event: str, _: Any) -> Any:
        if frame.f_code is function.__code__:
            reached.add(frame.f_lineno - first + 1)
        return trace

    x, states = np.ones((2, 4), "float32"), cell.get_initial_state(batch_size=2)
    takes = "training" in inspect.signature(cell.call).parameters
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for options in ({"training": True}, {}) if takes else ({},):
            cell(ops.convert_to_tensor(x), states, **options)
    finally:
        sys.settrace(before)
    return reached


def _compiled(tree: ast.Module, function: Any) -> Any:
    """Return the changed function, with the names that the original sees."""
    names: dict[str, Any] = {}
    seen = {**vars(sys.modules[function.__module__]), "_ops": ops}
    exec(compile(ast.fix_missing_locations(tree), "<mutant>", "exec"), seen, names)
    return names[function.__name__]


def _changes(
    tree: ast.Module, names: tuple[tuple[str, str], ...], reached: set[int]
) -> Iterator[tuple[str, str, ast.Module]]:
    """Yield kind, words and tree of each single change."""
    places = [
        (k, node)
        for k, node in enumerate(ast.walk(tree))
        if getattr(node, "lineno", 0) in reached and not _in_subscript(tree, node)
    ]
    for k, node in places:
        for kind, words, new in _replacements(node, names):
            changed = copy.deepcopy(tree)
            _put(changed, k, new)
            yield kind, f"line {node.lineno}: {words}", changed


def _put(tree: ast.Module, index: int, new: ast.AST) -> None:
    """Replace the node that `ast.walk` gives at an index."""
    old = list(ast.walk(tree))[index]
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list) and any(item is old for item in value):
                setattr(parent, name, [new if item is old else item for item in value])


def _in_subscript(tree: ast.AST, node: ast.AST) -> bool:
    """Return whether a node is part of an index or of a condition."""
    return any(
        node in set(ast.walk(part))
        for outer in ast.walk(tree)
        for part in (
            [outer.slice]
            if isinstance(outer, ast.Subscript)
            else [outer.test]
            if isinstance(outer, (ast.If, ast.IfExp))
            else []
        )
    )


def _replacements(
    node: ast.AST, names: tuple[tuple[str, str], ...]
) -> Iterator[tuple[str, str, ast.AST]]:
    """Yield kind, words and the node to put in place, for each change of one node."""
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.BitOr):
        yield from _of_operation(node)
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        yield "drop-term", f"without {ast.unparse(node)}", ast.Pass()
        yield "sign", f"minus in {ast.unparse(node)}", _with(node, op=ast.Sub())
    if isinstance(node, ast.Assign):
        yield from _of_assignment(node, names)


def _of_operation(node: ast.BinOp) -> Iterator[tuple[str, str, ast.AST]]:
    text = ast.unparse(node)
    constant = any(isinstance(side, (ast.Constant, ast.List)) for side in (node.left, node.right))
    if isinstance(node.op, (ast.Add, ast.Sub, ast.Mult)) and not constant:
        kind = "drop-factor" if isinstance(node.op, ast.Mult) else "drop-term"
        yield kind, f"{ast.unparse(node.left)} for {text}", node.left
        yield kind, f"{ast.unparse(node.right)} for {text}", node.right
    if isinstance(node.op, ast.Add):
        yield "sign", f"minus in {text}", _with(node, op=ast.Sub())
    if isinstance(node.op, ast.Sub):
        yield "sign", f"plus in {text}", _with(node, op=ast.Add())
        yield "swap", f"operands exchanged in {text}", _with(node, left=node.right, right=node.left)


def _with(node: ast.AST, **changes: Any) -> ast.AST:
    return type(node)(**{**dict(ast.iter_fields(node)), **changes})


def _of_assignment(
    node: ast.Assign, names: tuple[tuple[str, str], ...]
) -> Iterator[tuple[str, str, ast.AST]]:
    text = ast.unparse(node)
    used = {
        n.attr if isinstance(n, ast.Attribute) else n.id
        for n in ast.walk(node.value)
        if isinstance(n, (ast.Name, ast.Attribute))
    }
    computed = isinstance(node.value, (ast.BinOp, ast.Call)) and "mask" not in text
    if computed and isinstance(node.targets[0], ast.Name):
        stopped = ast.parse("_ops.stop_gradient(x)").body[0].value.func  # type: ignore[attr-defined]
        yield (
            "detach",
            f"no gradient through {text}",
            _with(node, value=ast.Call(func=stopped, args=[node.value], keywords=[])),
        )
        cast = ast.parse(f"_ops.cast(_ops.cast({ast.unparse(node.value)}, 'float32'), self.dtype)")
        yield "cast", f"float32 in {text}", _with(node, value=cast.body[0].value)  # type: ignore[attr-defined]
    for one, other in names:
        if used & {one, other}:
            yield (
                "exchange",
                f"{one} and {other} exchanged in {text}",
                _renamed(node, {one: other, other: one}),
            )
        if one in used:
            yield "share", f"{other} for {one} in {text}", _renamed(node, {one: other})


def _renamed(node: ast.Assign, names: dict[str, str]) -> ast.AST:
    """Return an assignment whose right side uses other names."""
    value = copy.deepcopy(node.value)
    for part in ast.walk(value):
        if isinstance(part, ast.Name):
            part.id = names.get(part.id, part.id)
        elif isinstance(part, ast.Attribute):
            part.attr = names.get(part.attr, part.attr)
    return _with(node, value=value)
