"""Charts: specifications in Vega-Lite, by Altair; the page fills them with rows and draws them.

A specification stands once in a page, however many cells it has. Rows come by name, and ink is the
colour of the text around, so that charts follow the page into the dark.
"""

from __future__ import annotations

from typing import Any

import altair as alt

#: Okabe and Ito's colours, which differ for every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8A8A")
#: What may become of a seed, and its colour.
OUTCOMES = {
    "proved": "#0072B2",
    "solved": "#0072B2",
    "open": "#E69F00",
    "not solved": "#E69F00",
    "refuted": "#D55E00",
    "diverged": "#8A8A8A",
}
_SHARE = alt.Scale(domain=[0, 1])
_PERCENT = alt.Axis(format="%", tickCount=5)
_INK = "currentColor"


def specifications() -> dict[str, dict[str, Any]]:
    """Return the specification of each kind of chart by its name."""
    charts = {
        "overview": _overview(),
        "heat": _heat(),
        "curves": _curves(),
        "survival": _survival(),
        "regions": _regions(),
    }
    return {name: _dressed(chart) for name, chart in charts.items()}


def _rows() -> alt.Chart:
    return alt.Chart(alt.NamedData("rows"))


def _dressed(chart: Any) -> dict[str, Any]:
    """Return the specification of a chart whose ink is that of the page."""
    axis = {"labelColor": _INK, "titleColor": _INK, "tickColor": _INK, "domainColor": _INK}
    dressed = (
        chart.configure(background="transparent")
        .configure_axis(**axis, gridColor=_INK, gridOpacity=0.15, titleFontWeight="normal")
        .configure_view(stroke=None)
        .configure_legend(labelColor=_INK, titleColor=_INK, orient="top", labelLimit=280)
    )
    specification: dict[str, Any] = dressed.to_dict()
    del specification["$schema"]  # an address, where nothing is to be loaded
    return specification


def _overview() -> Any:
    """Seeds of each cell by what became of them, as bars."""
    order = list(OUTCOMES)
    bars = _rows().encode(
        alt.Y("group:N", sort=None, title=None, axis=alt.Axis(labelLimit=150, ticks=False)),
        alt.X("seeds:Q", stack="zero", axis=alt.Axis(tickMinStep=1, format="d"), title="seeds"),
        order="order:Q",
        description="label:N",
    )
    colour = alt.Color(
        "outcome:N",
        title=None,
        scale=alt.Scale(domain=order, range=list(OUTCOMES.values())),
        legend=alt.Legend(values=alt.ExprRef("outcomes"), columns=4),
    )
    numbers = bars.mark_text(align="right", dx=-4, aria=False, fontWeight="bold").encode(
        text="seeds:Q",
        color=alt.condition("datum.dark", alt.value("white"), alt.value("black")),
    )
    return alt.layer(bars.mark_bar(height={"band": 0.8}).encode(colour), numbers).add_params(
        alt.param(name="outcomes", value=order)
    )


def _heat() -> Any:
    """Exact accuracy, length × iteration."""
    places = _rows().encode(
        alt.X("length:O", sort=None, title="bits per number", axis=alt.Axis(labelAngle=0)),
        alt.Y("iteration:O", sort="descending", title="iterations", axis=alt.Axis(format=",d")),
    )
    shade = alt.Color("mean:Q", scale=alt.Scale(scheme="cividis", domain=[0, 1]), legend=None)
    numbers = places.mark_text(aria=False, fontSize=11).encode(
        text="text:N",
        color=alt.condition("datum.mean > 0.5", alt.value("black"), alt.value("white")),
    )
    return places.mark_rect(cursor="pointer").encode(shade, description="label:N") + numbers


def _curves() -> Any:
    """Exact accuracy over iterations: a band, the mean, and seeds behind it."""
    time = alt.X("iteration:Q", title="iterations", axis=alt.Axis(tickCount=5, format=",d"))
    share = alt.Y("share:Q", scale=_SHARE, axis=_PERCENT, title="pairs all right")
    points = _rows().encode(time)
    seeds = points.transform_filter("datum.seed != null").mark_line(
        aria=False, strokeWidth=1, opacity=0.35, color=_INK
    )
    means = points.transform_filter("datum.seed == null")
    band = means.mark_area(aria=False, opacity=0.25, color=COLOURS[0])
    line = means.mark_line(strokeWidth=2.5, color=COLOURS[0], point={"color": COLOURS[0]})
    return alt.layer(
        seeds.encode(share, detail="seed:N"),
        band.encode(alt.Y("low:Q", scale=_SHARE), alt.Y2("high:Q")),
        line.encode(share, description="label:N"),
    )


def _survival() -> Any:
    """Seeds that are done by each iteration, to the last; dashed: proved."""
    points = _rows().encode(
        alt.X("iteration:Q", title="iterations", axis=alt.Axis(tickCount=5, format=",d")),
        alt.Color("group:N", sort=None, title=None, scale=alt.Scale(range=list(COLOURS))).legend(
            columns=1, symbolType="square", symbolOpacity=1
        ),
    )
    steps = points.mark_line(interpolate="step-after", strokeWidth=2).encode(
        alt.Y("share:Q", scale=_SHARE, axis=_PERCENT, title="seeds without error, to the end"),
        alt.StrokeDash("what:N", sort=None, title=None).legend(symbolStrokeColor=_INK),
    )
    band = points.mark_area(interpolate="step-after", opacity=0.1, aria=False)
    shown = band.transform_filter("datum.banded").encode(
        alt.Y("low:Q", scale=_SHARE), alt.Y2("high:Q")
    )
    return shown + steps


def _regions() -> Any:
    """Regions of a proof among states that the network visits, in two directions."""
    places = _rows().encode(
        alt.X("x:Q", title="first direction", scale=alt.Scale(zero=False)),
        alt.Y("y:Q", title="second", scale=alt.Scale(zero=False)),
        alt.Color("state:N", title="transducer state", scale=alt.Scale(range=list(COLOURS))),
    )
    outlines = places.transform_filter("datum.kind == 'region'").mark_line(
        interpolate="linear-closed", strokeWidth=1, aria=False
    )
    states = places.transform_filter("datum.kind == 'state'").mark_circle(size=8, aria=False)
    start = places.transform_filter("datum.kind == 'start'").mark_point(
        shape="cross", size=90, aria=False, strokeWidth=2
    )
    return alt.layer(
        outlines.encode(detail="region:N", order="order:Q"),
        states,
        start.encode(color=alt.value(_INK)),
    )
