"""Family "batch": the rows of a batch have nothing to do with each other."""

from __future__ import annotations

from gru_bench.laws.case import Case
from gru_bench.laws.law import Wants, law

FAMILY = "batch"


@law(
    "batch-row-alone",
    FAMILY,
    "A row computed alone gives what the same row gives in a batch.",
    script="""
together, final = run(cell, xs, states)
alone, last = run(cell, xs[:, row : row + 1], [s[row : row + 1] for s in states])
compare(alone[:, 0], together[:, row], limit)
""",
    caught=(
        "https://github.com/microsoft/onnxruntime/pull/3893",
        "https://github.com/Element-Research/rnn/issues/366",
    ),
    wants=Wants(batch=(3,)),
)
def row_alone(case: Case) -> None:
    """Run each row by itself."""
    subject = case.subject()
    together, _ = subject.fast_run(case.xs, case.states)
    for row in range(case.batch):
        case.note(row=row)
        one = slice(row, row + 1)
        alone, _ = subject.fast_run(case.xs[:, one], [s[one] for s in case.states])
        case.agree(alone[:, 0], together[:, row], case.rounding, "output of the row alone")


@law(
    "batch-permuted",
    FAMILY,
    "Permuting the rows of a batch permutes the outputs and the states.",
    script="""
outputs, final = run(cell, xs, states)
permuted, last = run(cell, xs[:, order], [s[order] for s in states])
compare(permuted, outputs[:, order], limit)
""",
    wants=Wants(batch=(3,)),
    caught=("https://github.com/microsoft/onnxruntime/pull/3893",),
)
def permuted(case: Case) -> None:
    """Run the rows in another order."""
    subject = case.subject()
    order = case.rng.permutation(case.batch)
    case.note(order=order)
    outputs, _ = subject.fast_run(case.xs, case.states)
    moved, _ = subject.fast_run(case.xs[:, order], [s[order] for s in case.states])
    case.agree(moved, outputs[:, order], case.rounding, "outputs of permuted rows")
