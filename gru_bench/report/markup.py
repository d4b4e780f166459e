"""Tables as HTML."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
from great_tables import GT, loc, style
from matplotlib.colors import to_hex

from gru_bench.report.certainty import COLUMN, widen
from gru_bench.report.table import select

COLOURS = mpl.colormaps["cividis"]
#: The page's style sheet decides, in the light as in the dark.
OPTIONS = {
    "table_background_color": "transparent",
    "table_font_names": "inherit",
    "table_font_size": "0.9rem",
    "table_margin_left": "0",
    "data_row_padding": "4px",
}


def accuracy_table(summary: pd.DataFrame, name: str, certain: pd.DataFrame | None = None) -> str:
    """Return one cell and recipe: rows iterations within families, columns lengths, shaded.

    Args:
        summary: of the cell and recipe.
        name: the table's id in the page.
        certain: the column beside the lengths, `certainty.beside`.
    """
    families = summary["family"].unique()
    parts = {family: select(summary, family=family) for family in families}
    entries = pd.concat([widen(parts[f], certain).assign(family=f) for f in families])
    entries = entries.reset_index()
    entries.columns = entries.columns.map(str)
    means = pd.concat([widen(parts[f], certain, "mean") for f in families]).to_numpy()
    lengths = [str(n) for n in summary["length"].unique()]
    columns = [*lengths, *([] if certain is None else [COLUMN])]
    entries["iteration"] = entries["iteration"].map("{:,}".format)
    table = (
        GT(entries, rowname_col="iteration", groupname_col="family", id=name)
        .tab_stubhead("iterations")
        .tab_spanner("length (bits per number)", columns=lengths)
        .cols_label({n: f"{int(n):,}" for n in lengths})
        .cols_align("center", columns=columns)
        .tab_options(**OPTIONS)
    )
    for row in range(len(entries)):
        for column, name_of in enumerate(columns):
            table = _shade(table, float(means[row, column]), name_of, row)
    return str(table.as_raw_html())


def _shade(table: GT, mean: float, column: str, row: int) -> GT:
    text = "#000000" if mean > 0.5 else "#ffffff"
    return table.tab_style(
        [style.fill(to_hex(COLOURS(mean))), style.text(color=text)],
        loc.body(columns=[column], rows=[row]),
    )


def plain_table(frame: pd.DataFrame, name: str) -> str:
    """Return a frame of texts as a table, its first column as row names."""
    first, *others = frame.columns
    table = GT(frame, rowname_col=first, id=name).tab_stubhead(first)
    return str(table.cols_align("center", columns=others).tab_options(**OPTIONS).as_raw_html())
