"""Figures of a proof: the extracted automaton, and its regions among the states of the network."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Polygon
from numpy.typing import NDArray

from gru_bench.report.exhibit import Exhibit
from gru_bench.report.figure import LINES
from gru_bench.task.transducer import Transducer

Array = NDArray[Any]

#: More regions than this are drawn merged only.
MOST_NODES = 16
#: An edge with more symbols than this says how many there are.
_MOST_SYMBOLS = 4


def automaton(exhibit: Exhibit) -> Figure:
    """Return the automaton of a proof's regions, and the same merged by transducer state."""
    task, family = exhibit.system.task, exhibit.family
    whole = graph(task, family.following, family.labels)
    merged = graph(task, np.array(task.next_state), np.arange(task.states))
    counts = np.bincount(family.labels, minlength=task.states)
    names = {q: f"{q}\n({counts[q]})" for q in merged}
    small = len(whole) <= MOST_NODES
    figure = Figure(figsize=(13 if small else 6, 5), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 1 + small, squeeze=False, width_ratios=[3, 2][1 - small :])[0]
    if small:
        _draw(panels[0], whole, {k: str(whole.nodes[k]["label"]) for k in whole}, 8, 500)
        panels[0].set_title("regions, each with its transducer state")
    _draw(panels[-1], merged, names, 9, 1500)
    panels[-1].set_title(f"{len(whole)} regions merged by transducer state")
    return figure


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


def _draw(axes: Any, drawn: nx.DiGraph, names: dict[int, str], size: int, area: int) -> None:
    places = _places(drawn)
    colours = [LINES[label % len(LINES)] for _, label in drawn.nodes(data="label")]
    # The initial region stands out by its rim.
    rims = ["black" if node == 0 else "white" for node in drawn]
    texts = {edge: _text(drawn.edges[edge]["marks"]) for edge in drawn.edges}
    bent = {"connectionstyle": "arc3,rad=0.18", "ax": axes}
    between = [(a, b) for a, b in drawn.edges if a != b]
    nx.draw_networkx_edges(
        drawn, places, between, node_size=area, edge_color="#888888", width=0.8, **bent
    )
    labels = {edge: texts[edge] for edge in between}
    nx.draw_networkx_edge_labels(drawn, places, labels, font_size=size, label_pos=0.35, **bent)
    for node in drawn:
        if drawn.has_edge(node, node):
            _draw_loop(axes, np.array(places[node]), _outward(drawn, places, node))
            spot = places[node] + 0.92 * _outward(drawn, places, node)
            axes.text(*spot, texts[node, node], fontsize=size, ha="center", va="center")
    nx.draw_networkx_nodes(
        drawn, places, ax=axes, node_color=colours, node_size=area, edgecolors=rims
    )
    nx.draw_networkx_labels(
        drawn, places, names, ax=axes, font_size=size, font_color="white", font_weight="bold"
    )
    corners = np.array(list(places.values()))
    axes.set_xlim(corners[:, 0].min() - 1.4, corners[:, 0].max() + 1.4)
    axes.set_ylim(corners[:, 1].min() - 1.2, corners[:, 1].max() + 1.2)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _text(marks: list[str]) -> str:
    return " ".join(marks) if len(marks) <= _MOST_SYMBOLS else f"{len(marks)} symbols"


def _draw_loop(axes: Any, place: Array, outward: Array) -> None:
    """Draw an edge from a node to itself; its rest lies behind the node."""
    x, y = place + 0.38 * outward
    axes.add_patch(Circle((x, y), 0.3, fill=False, ec="#888888", lw=0.8, zorder=0))


def _outward(drawn: nx.DiGraph, places: dict[int, Array], node: int) -> Array:
    """Return the unit direction from the middle of a node's transducer state to the node."""
    state = drawn.nodes[node]["label"]
    members = [places[other] for other, label in drawn.nodes(data="label") if label == state]
    away = places[node] - np.mean(members, axis=0)
    length = float(np.linalg.norm(away))
    return np.asarray(away / length) if length > 1e-9 else np.array([0.0, 1.0])


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


def region_map(exhibit: Exhibit) -> Figure:
    """Return the regions among sampled states, in the two directions in which states vary most."""
    states, where = exhibit.sample()
    mean, axes_of = principal(states)
    labels = exhibit.family.labels
    figure = Figure(figsize=(7.5, 5.5), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for center, radius, label in zip(exhibit.center, exhibit.radius, labels, strict=True):
        outline = (center - mean) @ axes_of + zonotope(radius[:, None] * axes_of)
        colour = LINES[label % len(LINES)]
        axes.add_patch(Polygon(outline, facecolor=colour, alpha=0.12, lw=0))
        axes.add_patch(Polygon(outline, fill=False, edgecolor=colour, lw=0.8))
    for label in np.unique(labels):
        here = (states[labels[where] == label] - mean) @ axes_of
        colour = LINES[label % len(LINES)]
        axes.plot(*here.T, ".", ms=2, color=colour, label=f"transducer state {label}", alpha=0.6)
    axes.plot(*((exhibit.center[:1] - mean) @ axes_of).T, "x", color="black", ms=7, mew=1.5)
    axes.autoscale_view()
    axes.set_xlabel("first principal direction of the states")
    axes.set_ylabel("second")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper left", frameon=False, ncols=3, markerscale=4)
    return figure


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
