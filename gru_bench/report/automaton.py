"""The automaton of a proof, drawn, and how its regions are seen in the plane."""

from __future__ import annotations

from typing import Any

import jinja2
import networkx as nx
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from gru_bench.report.chart import COLOURS
from gru_bench.report.exhibit import Exhibit
from gru_bench.task.transducer import Transducer

Array = NDArray[Any]

#: More regions than this are drawn merged only.
MOST_NODES = 16
#: An edge with more symbols than this says how many there are.
_MOST_SYMBOLS = 4
#: Of a node.
_RADIUS = 20


def automaton(exhibit: Exhibit) -> list[Markup]:
    """Return the automaton of a proof's regions, and the same merged by transducer state, as SVG.

    Of a proof with many regions only the second.
    """
    task, family = exhibit.system.task, exhibit.family
    whole = graph(task, family.following, family.labels)
    merged = graph(task, np.array(task.next_state), np.arange(task.states))
    counts = np.bincount(family.labels, minlength=task.states)
    names = {q: f"{q} ({counts[q]})" for q in merged}
    drawn = [draw(merged, names, f"{len(whole)} regions merged by transducer state")]
    if len(whole) <= MOST_NODES:
        own = {k: str(whole.nodes[k]["label"]) for k in whole}
        drawn.append(draw(whole, own, "regions, each with its transducer state"))
    return drawn


def graph(task: Transducer, following: Array, labels: Array) -> nx.DiGraph:
    """Return the automaton, with parallel edges merged.

    Args:
        task: the transducer.
        following: node after each symbol, `(K, X)`.
        labels: transducer state of each node, `(K,)`.

    Returns:
        Nodes 0 .. K-1 with their `label`; edges with `marks`, "symbol/output" for each symbol.
    """
    found = nx.DiGraph()
    for node, label in enumerate(labels.tolist()):
        found.add_node(node, label=label)
    for node, row in enumerate(following.tolist()):
        for symbol, target in enumerate(row):
            digits = "".join(map(str, task.digits(np.array(symbol)).tolist()))
            mark = f"{digits}/{task.output[int(labels[node])][symbol]}"
            if found.has_edge(node, target):
                found.edges[node, target]["marks"].append(mark)
            else:
                found.add_edge(node, target, marks=[mark])
    return found


def draw(drawn: nx.DiGraph, names: dict[int, str], title: str) -> Markup:
    """Return a graph as SVG that fits it; the initial node stands out by its rim."""
    places = {node: 90 * np.asarray(place) for node, place in _places(drawn).items()}
    edges = [_edge(drawn, places, *edge) for edge in drawn.edges]
    nodes = [
        {
            "place": place,
            "colour": COLOURS[drawn.nodes[node]["label"] % len(COLOURS)],
            "name": names[node],
            "first": node == 0,
        }
        for node, place in places.items()
    ]
    spots = np.array([*places.values(), *(edge["spot"] for edge in edges)])
    room = np.array([75, 34])
    low, high = spots.min(axis=0) - room, spots.max(axis=0) + room
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gru_bench.report"), autoescape=True
    )
    template = environment.get_template("automaton.svg")
    return Markup(template.render(low=low, size=high - low, edges=edges, nodes=nodes, title=title))


def _edge(drawn: nx.DiGraph, places: dict[int, Array], one: int, other: int) -> dict[str, Any]:
    """Return the path of an edge, and where its text stands: a bow, or a loop outside its node."""
    marks = drawn.edges[one, other]["marks"]
    text = " ".join(marks) if len(marks) <= _MOST_SYMBOLS else f"{len(marks)} symbols"
    start, end = places[one], places[other]
    if one == other:
        out = _outward(drawn, places, one)
        side = np.array([-out[1], out[0]])
        ends = [start + 60 * (out + turn * side) for turn in (-0.7, 0.7)]
        tip = start + _RADIUS * (out + 0.6 * side) / np.hypot(1, 0.6)
        points = [start, ends[0], ends[1], tip]
        path = "M{:.0f},{:.0f} C{:.0f},{:.0f} {:.0f},{:.0f} {:.0f},{:.0f}"
        # Text is centred on its spot: beside a node it needs half its width more.
        spot = start + (58 + 3.6 * len(text) * abs(out[0])) * out
    else:
        along = (end - start) / np.linalg.norm(end - start)
        bow = 0.18 * np.linalg.norm(end - start) * np.array([along[1], -along[0]])
        middle = (start + end) / 2 + bow
        last = end - middle
        points = [start, middle, end - (_RADIUS + 3) * last / np.linalg.norm(last)]
        path = "M{:.0f},{:.0f} Q{:.0f},{:.0f} {:.0f},{:.0f}"
        spot = 0.36 * start + 0.16 * end + 0.48 * middle
    return {"path": path.format(*np.concatenate(points)), "spot": spot, "text": text}


def _outward(drawn: nx.DiGraph, places: dict[int, Array], node: int) -> Array:
    """Return the unit direction from the middle of a node's transducer state to the node."""
    state = drawn.nodes[node]["label"]
    members = [places[other] for other, label in drawn.nodes(data="label") if label == state]
    if len(members) == 1:
        members = list(places.values())
    away = places[node] - np.mean(members, axis=0)
    length = float(np.linalg.norm(away))
    return np.asarray(away / length) if length > 1e-9 else np.array([0.0, -1.0])


def _places(drawn: nx.DiGraph) -> dict[int, Array]:
    """Return a place for each node: a circle for each transducer state, on a larger circle."""
    states = sorted({label for _, label in drawn.nodes(data="label")})
    places = {}
    for number, state in enumerate(states):
        members = [node for node, label in drawn.nodes(data="label") if label == state]
        turn = 2 * np.pi * number / len(states) + np.pi
        middle = 2.2 * np.array([np.cos(turn), np.sin(turn)]) * (len(states) > 1)
        for k, node in enumerate(members):
            angle = 2 * np.pi * k / len(members) + 0.4
            place = np.array([np.cos(angle), np.sin(angle)]) * (len(members) > 1)
            places[node] = middle + 1.25 * place * max(1, len(members) / 6)
    return places


def principal(states: Array) -> tuple[Array, Array]:
    """Return the mean `(N,)` of states `(S, N)` and their first two principal directions `(N, 2)`.

    Directions are turned so that their largest entry is above zero.
    """
    mean = states.mean(axis=0)
    _, _, rows = np.linalg.svd(states - mean, full_matrices=False)
    found = np.zeros((states.shape[1], 2))
    found[:, : len(rows[:2])] = rows[:2].T
    largest = found[np.abs(found).argmax(axis=0), np.arange(2)]
    return mean, found * np.where(largest < 0, -1, 1)


def zonotope(generators: Array) -> Array:
    """Return the corners, in order, of { sum_i e_i g_i : |e_i| <= 1 } in the plane.

    The corners of a zonotope are reached by flipping its generators one after the other, in the
    order of their directions.

    Args:
        generators: g, `(N, 2)`.
    """
    up = np.where(
        (generators[:, 1:] < 0) | ((generators[:, 1:] == 0) & (generators[:, :1] < 0)), -1, 1
    )
    sides = generators * up
    sides = sides[np.argsort(np.arctan2(sides[:, 1], sides[:, 0]), kind="stable")]
    steps = np.concatenate([sides, -sides])
    return np.asarray(-sides.sum(axis=0) + 2 * np.cumsum(steps, axis=0))
