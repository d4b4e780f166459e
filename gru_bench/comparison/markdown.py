"""A comparison as Markdown, for the summary of a job or a comment on a pull request."""

from __future__ import annotations

import pandas as pd

from gru_bench.comparison import telling
from gru_bench.comparison.record import Comparison
from gru_bench.outside.text import code, markdown

#: By which a later comment finds the one that it takes the place of.
MARK = "<!-- gru-bench compare -->"


def to_markdown(found: Comparison) -> str:
    """Return a short text with tables; whatever cells are called is shown, not obeyed."""
    title = f"{found.verdict}: {code(found.candidate.title)} against {code(found.base.title)}"
    rows = [[markdown(entry) for entry in row] for row in telling.rows(found)]
    details = [
        "Seeds that have solved the task, by iteration:",
        _table(_survival(found), ["iteration", "base", "candidate"]),
        f"Log-rank test for a fixed number of seeds, beside the verdict: p = {_p(found)}.",
        "Exact accuracy after the last iteration:",
        _table(_places(found), ["family", "bits", "base", "candidate", "evidence", "differs"]),
        markdown(f"Measured on {found.machine}."),
    ]
    parts = [
        MARK,
        f"### {title}",
        markdown(telling.sentence(found)),
        _table(rows, telling.HEAD),
        markdown(telling.legend(found)),
        "\n".join(f"- {markdown(line)}" for line in telling.remarks(found)),
        "<details><summary>How fast they learn, and where accuracy lies</summary>",
        *details,
        "</details>",
    ]
    return "\n\n".join(parts) + "\n"


def _table(rows: list[list[str]], head: list[str]) -> str:
    return str(pd.DataFrame(rows, columns=head).to_markdown(index=False, disable_numparse=True))


def _survival(found: Comparison) -> list[list[str]]:
    pairs = zip(found.base.solved_by, found.candidate.solved_by, strict=True)
    return [[f"{i:,}", f"{100 * b:.0f} %", f"{100 * c:.0f} %"] for (i, b), (_, c) in pairs]


def _places(found: Comparison) -> list[list[str]]:
    return [
        [
            place.family,
            f"{place.length:,}",
            f"{place.base:.3f}",
            f"{place.candidate:.3f}",
            telling.number(place.evidence),
            "yes" if place.differs else "no",
        ]
        for place in found.places
    ]


def _p(found: Comparison) -> str:
    return "none, nobody solves it" if found.log_rank is None else f"{found.log_rank:.2g}"
