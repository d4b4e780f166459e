"""Family "batch": the rows of a batch have nothing to do with each other."""

from __future__ import annotations

from gru_bench.laws.case import Case
from gru_bench.laws.law import Wants, law

FAMILY = "batch"


@law(
    "batch-row-alone",
    FAMILY,
    "A row computed alone gives what the same row gives in a batch.",
    caught=(
        "https://github.com/microsoft/onnxruntime/pull/3893",
        "https://github.com/Element-Research/rnn/issues/366",
    ),
    wants=Wants(batch=(3,)),
)
def row_alone(case: Case) -> None:
    """Run each row by itself."""
    cell = case.cell()
    together, _ = case.run(cell, case.xs, case.states)
    for row in range(case.batch):
        case.note(row=row)
        one = slice(row, row + 1)
        alone, _ = case.run(cell, case.xs[:, one], [s[one] for s in case.states])
        case.close(alone[:, 0], together[:, row], "output of the row alone")


@law(
    "batch-permuted",
    FAMILY,
    "Permuting the rows of a batch permutes the outputs and the states.",
    wants=Wants(batch=(3,)),
    caught=("https://github.com/microsoft/onnxruntime/pull/3893",),
)
def permuted(case: Case) -> None:
    """Run the rows in another order."""
    cell = case.cell()
    order = case.rng.permutation(case.batch)
    case.note(order=order)
    outputs, final = case.run(cell, case.xs, case.states)
    moved, last = case.run(cell, case.xs[:, order], [s[order] for s in case.states])
    case.close(moved, outputs[:, order], "outputs of permuted rows")
    for k in range(len(final)):
        case.close(last[k], final[k][order], f"final state {k} of permuted rows")
