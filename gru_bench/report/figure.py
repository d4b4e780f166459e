"""Figures: accuracy over iterations and lengths, learning curves, seeds that solved the task."""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from gru_bench.outside.text import short
from gru_bench.report.certainty import COLUMN, widen
from gru_bench.report.statistics import share_interval, solved_share
from gru_bench.report.table import Results, group_keys, group_title, select, share_text

#: Dark is wrong, bright is right; readable without colour vision and in grey.
COLOURS = mpl.colormaps["cividis"]
#: Okabe and Ito's colours, which differ for every kind of colour vision; and marks beside them.
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = "osD^vPX"


def heat_map(summary: pd.DataFrame, certain: pd.DataFrame | None = None) -> Figure:
    """Return exact accuracy of one cell and recipe: length × iteration, a panel per family.

    Args:
        summary: of the cell and recipe.
        certain: the share of seeds proved, drawn as a further length, ∞.
    """
    families = summary["family"].unique()
    rows, columns = summary["iteration"].nunique(), summary["length"].nunique()
    columns += certain is not None
    width = 1.6 + len(families) * max(2.0, 0.5 * columns + 0.2)
    figure, panels = _panels(len(families), width, 1.5 + 0.36 * rows)
    for axes, family in zip(panels, families, strict=True):
        _draw_map(axes, widen(select(summary, family=family), certain, "mean"))
        axes.set_title(family)
    figure.supxlabel("length (bits per number)")
    panels[0].set_ylabel("iterations")
    bar = figure.colorbar(
        panels[0].images[0], ax=panels, pad=0.02, shrink=0.9, format=PercentFormatter(1)
    )
    bar.set_label("pairs with every bit right")
    bar.outline.set_visible(False)
    return figure


def _draw_map(axes: Any, means: pd.DataFrame) -> None:
    axes.imshow(means.to_numpy(), COLOURS, vmin=0, vmax=1, aspect="auto", origin="lower")
    axes.set_xticks(
        range(means.shape[1]), ["∞" if n == COLUMN else f"{n:,}" for n in means.columns]
    )
    axes.set_yticks(range(means.shape[0]), [f"{i:,}" for i in means.index])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    _write_values(axes, means.to_numpy())


def _panels(count: int, width: float, height: float) -> tuple[Figure, list[Any]]:
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, count, sharey=True, squeeze=False)[0])


def _write_values(axes: Any, means: Any) -> None:
    for (row, column), mean in np.ndenumerate(means):
        colour = "black" if mean > 0.5 else "white"
        text = share_text(mean) if 0 < mean < 1 else f"{mean:.0f}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)


def learning_curves(summary: pd.DataFrame) -> Figure:
    """Return exact accuracy of one cell and recipe over iterations, a panel per family."""
    families = summary["family"].unique()
    figure, panels = _panels(len(families), 1.2 + 2.6 * len(families), 3.4)
    for axes, family in zip(panels, families, strict=True):
        part = select(summary, family=family)
        for number, length in enumerate(part["length"].unique()):
            _draw_curve(axes, select(part, length=length), number, f"{length:,} bits")
        axes.set_title(family)
        _style_share(axes)
    panels[0].set_ylabel("pairs with every bit right")
    figure.supxlabel("iterations")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False)
    return figure


def _draw_curve(axes: Any, part: pd.DataFrame, number: int, label: str) -> None:
    """Draw a line with bars for intervals, shifted a little so that lengths stay apart."""
    shift = 0.008 * (number - 1.5) * part["iteration"].max()
    axes.errorbar(
        part["iteration"] + shift,
        part["mean"],
        [part["mean"] - part["low"], part["high"] - part["mean"]],
        color=LINES[number % len(LINES)],
        marker=MARKS[number % len(MARKS)],
        ms=4,
        lw=1.5,
        elinewidth=0.8,
        label=label,
    )


def _style_share(axes: Any) -> None:
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def solved_seeds(results: Results) -> Figure:
    """Return the share of seeds that have solved the task, or are proved, by each iteration."""
    figure, (axes,) = _panels(1, 7.5, 3.4)
    for number, key in enumerate(group_keys(results.seeds)):
        part = select(results.seeds, cell=key[0], recipe=key[1])
        title = group_title(results.seeds, *key)
        grid, shares, ends = _steps(part, "solved_at")
        style = {"color": LINES[number % len(LINES)], "marker": MARKS[number % len(MARKS)]}
        axes.fill_between(grid, *ends.T, step="post", color=style["color"], alpha=0.15, lw=0)
        # A paler line lets a dashed one on top of it be seen.
        alpha = 0.45 if len(results.verdicts) else 1
        axes.step(
            grid, shares, where="post", ms=4, lw=1.8, alpha=alpha, label=short(title), **style
        )
        if len(results.verdicts):
            grid, shares, _ = _steps(part, "proved_at")
            label = f"{short(title)}: proved for any length"
            axes.step(grid, shares, where="post", ms=4, lw=1.4, ls="--", label=label, **style)
    axes.set_xlabel("iterations")
    axes.set_ylabel("seeds without any error")
    _style_share(axes)
    columns = 2 if len(results.verdicts) else 3
    figure.legend(loc="outside upper left", frameon=False, ncols=columns)
    return figure


def _steps(part: pd.DataFrame, column: str) -> tuple[Any, Any, Any]:
    """Return iterations, the share of seeds there by then, and its intervals."""
    times = [None if pd.isna(time) else int(time) for time in part[column]]
    last = int(part["iterations"].iloc[0])
    grid, shares = solved_share(times, last)
    grid, shares = np.hstack([0, grid, last]), np.hstack([0, shares, shares[-1]])
    ends = np.array([share_interval(share * len(times), len(times)) for share in shares])
    return grid, shares, ends


def png(figure: Figure) -> bytes:
    """Return a figure as PNG, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
