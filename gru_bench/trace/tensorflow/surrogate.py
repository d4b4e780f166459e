"""Gradients that stand in for those of step functions: spikes, rounding, binary weights.

A step function has the derivative 0 wherever it has one, so whoever trains through it gives it
another (1901.09948), by hand or by what passes around it (1308.3432). Numeric derivatives say
nothing of such a gradient.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gru_bench.subjects.keras.runtime import tf

#: Operations whose results stay as they are when their arguments move a little.
COMPARISONS = ["Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual"]
STEPS = frozenset(
    ["Ceil", "Floor", "Rint", "Round", "Sign", "FloorDiv", "ArgMax", "ArgMin", *COMPARISONS]
)

#: Operations through which no gradient passes.
STOPS = frozenset(["StopGradient", "PreventGradient"])


def surrogate(graph: Any) -> str:
    """Return which step function has a gradient of its own in a graph; empty where none has.

    Args:
        graph: of a step.
    """
    defined = graph.as_graph_def()
    for nodes in (defined.node, *(function.node_def for function in defined.library.function)):
        if found := _within({node.name: node for node in nodes}):
            return found
    return ""


def _within(nodes: Mapping[str, Any]) -> str:
    for node in nodes.values():
        if node.op == "IdentityN" and "_gradient_op_type" in node.attr:
            given = [_name(place) for place in node.input]
            above = [_above(nodes, [name]) for name in given]
            results = [k for k, one in enumerate(above) if any(g in one for g in given)]
            # Its results first, then what it was given (`tf.custom_gradient`).
            passed = {name for k, name in enumerate(given) if k not in results}
            for k in results:
                smooth = _above(nodes, [given[k]], without=True)
                if passed & above[k] and not passed & smooth:
                    return _step_of(nodes, above[k] | {given[k]})
        elif node.op in STOPS:
            above_it = _above(nodes, map(_name, node.input)) | {_name(node.input[0])}
            if found := _step_of(nodes, above_it):
                return found
    return ""


def _step_of(nodes: Mapping[str, Any], names: Iterable[str]) -> str:
    return next((nodes[n].op for n in sorted(names) if n in nodes and _is_step(nodes[n])), "")


def _is_step(node: Any) -> bool:
    whole = node.op == "Cast" and not tf.as_dtype(node.attr["DstT"].type).is_floating
    return whole or node.op in STEPS


def _above(nodes: Mapping[str, Any], names: Iterable[str], without: bool = False) -> set[str]:
    """Return what some nodes depend on, themselves apart; without step functions if asked."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        node = nodes.get(waiting.pop())
        if node is None or (without and _is_step(node)):
            continue
        above = {_name(place) for place in node.input if not place.startswith("^")} - found
        found |= above
        waiting += above
    return found


def _name(place: str) -> str:
    """Return the node of `node:0`, or of `node:output:0` within a function."""
    return place.partition(":")[0]
