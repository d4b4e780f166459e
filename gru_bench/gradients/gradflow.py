"""Does the gradient vanish? The norm and the spectrum of ∂s_T/∂s_0 against T.

With the update gate shut, z = 0, the published equations give h_t = h_{t-1}: the gradient passes
unchanged. How far that holds for a cell as initialised, and as trained, is what this measures.
The product of the steps' Jacobians is kept with its scale apart, so nothing under- or overflows;
singular values more than 16 decades below the largest are rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gru_bench.equations import find_claim
from gru_bench.errors import check_integer
from gru_bench.gradients.check import cell_problem
from gru_bench.outside.text import short as short_text
from gru_bench.outside.text import visible
from gru_bench.subjects.making import make_subject
from gru_bench.subjects.protocol import Subject

Array = NDArray[Any]

#: A bias that shuts a sigmoid: 1 / (1 + e^100) is below eps.
CLOSED = 100.0


@dataclass(frozen=True)
class Flow:
    """∂s_T/∂s_0 for one number of steps.

    Args:
        cell: its name.
        condition: "initialised", "trained" or "gate shut".
        steps: T.
        log10_norm: of the largest singular value.
        log10_median: of the median one.
        log10_smallest: of the smallest one; -inf where it is zero.
        spectral_radius: the largest magnitude of an eigenvalue, to the power 1/T.
    """

    cell: str
    condition: str
    steps: int
    log10_norm: float
    log10_median: float
    log10_smallest: float
    spectral_radius: float


def measure_flow(
    subject: Subject, steps: int, condition: str = "initialised", seed: int = 0
) -> list[Flow]:
    """Return how the gradient flows back over 1, 2, 4, ... steps up to `steps`.

    Args:
        subject: the cell, in float64.
        steps: the largest T.
        condition: what to call it.
        seed: of inputs (standard normal) and of the first state.
    """
    check_integer("steps", steps, 1)
    problem = cell_problem(subject, steps, outputs=False, seed=seed)
    wanted = sorted({2**k for k in range(steps.bit_length())} | {steps})
    found: list[Flow] = []
    product, scale = None, 0.0
    for t, jacobian in enumerate(problem.state_jacobians(), start=1):
        product = jacobian if product is None else product @ jacobian
        size = float(np.abs(product).max())
        if size > 0 and np.isfinite(size):
            product, scale = product / size, scale + float(np.log10(size))
        if t in wanted:
            found.append(_flow(subject.name, condition, t, product, scale))
    return found


def _flow(cell: str, condition: str, steps: int, product: Array, scale: float) -> Flow:
    with np.errstate(divide="ignore"):
        singular = np.log10(np.linalg.svd(product, compute_uv=False)) + scale
        radius = np.log10(np.abs(np.linalg.eigvals(product)).max()) + scale
    return Flow(
        cell,
        condition,
        steps,
        float(singular[0]),
        float(np.median(singular)),
        float(singular[-1]),
        float(10 ** (radius / steps)),
    )


def gate_shut(subject: Any) -> dict[str, Array] | None:
    """Return the weights with the biases such that the state is kept, None where no gate does it.

    Which gate that is, and which bias, is known of what computes published equations.

    Args:
        subject: the cell, in float64.
    """
    claim = find_claim(subject)
    if claim is None or claim.fails or claim.equations is None or not claim.equations.gated:
        return None
    before = subject.parameters
    named = claim.weights(subject.cell)
    if claim.drive(named, claim.gates(shut=True), CLOSED):
        return None
    claim.give(subject.cell, named)
    shut: dict[str, Array] = subject.parameters
    subject.assign(before)
    return shut


def compare_flow(
    cells: Sequence[str],
    steps: int,
    arguments: Mapping[str, Any],
    seed: int = 0,
    trained: Mapping[str, Sequence[Array]] | None = None,
    input_size: int = 2,
) -> pd.DataFrame:
    """Return the flow of several cells, as initialised, trained and with their gate shut.

    Args:
        cells: `package.module:Name`s.
        steps: the largest T.
        arguments: for the constructor of the first; the others are as wide as its state.
        seed: of weights, inputs and first states.
        trained: weights of a trained cell in the cell's own order, by name of the cell.
        input_size: F.

    Returns:
        One row for each cell, condition and T; the columns are those of `Flow`.
    """
    flows: list[Flow] = []
    given = dict(arguments)
    for name in cells:
        subject = make_subject(name, given, input_size, seed=seed)
        given = {"units": int(np.prod(subject.state_shapes[0]))}
        initial = subject.parameters
        flows += measure_flow(subject, steps, "initialised", seed)
        if trained and name in trained:
            weights = [np.asarray(a, "float64") for a in trained[name]]
            subject.assign(dict(zip(initial, weights, strict=True)))
            flows += measure_flow(subject, steps, "trained", seed)
        shut = gate_shut(subject)
        if shut is not None:
            subject.assign(shut)
            flows += measure_flow(subject, steps, "gate shut", seed)
    return pd.DataFrame([vars(flow) for flow in flows])


def draw_flow(table: pd.DataFrame, path: str | Path | BinaryIO) -> None:
    """Draw log10 of the largest and the median singular value against T.

    Args:
        table: as `compare_flow` returns it.
        path: where to save; the suffix says the format, and a file gets SVG.
    """
    # Names are no formulas, whatever dollar signs they have.
    with mpl.rc_context({"text.parse_math": False}):
        _draw(table).savefig(path, format=None if isinstance(path, (str, Path)) else "svg")


def _draw(table: pd.DataFrame) -> Figure:
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    styles = {"initialised": "-", "trained": "--", "gate shut": ":"}
    colors = {cell: f"C{k}" for k, cell in enumerate(dict.fromkeys(table["cell"]))}
    for group, rows in table.groupby(["cell", "condition"], sort=False):
        cell, condition = (str(name) for name in group)
        short, color = visible(cell.rpartition(":")[2]), colors[cell]
        steps, top, middle = (rows[c] for c in ("steps", "log10_norm", "log10_median"))
        label, style = short_text(f"{short}, {condition}"), styles[condition]
        axes.plot(steps, top, label=label, color=color, linestyle=style)
        axes.fill_between(steps, middle, top, color=color, alpha=0.08)
    axes.set_xscale("log", base=2)
    axes.set_xlabel("steps T")
    axes.set_ylabel("log10 of singular values of ∂s_T/∂s_0")
    axes.set_title("line: the largest; shade: down to the median", fontsize="small")
    axes.legend(fontsize="small")
    axes.grid(alpha=0.3)
    return figure
