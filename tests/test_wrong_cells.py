from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gru_bench.laws.running.runner import check_cell
from gru_bench.laws.telling.outcome import FAILED
from gru_bench.subjects.keras.loading import load_cell_class
from tests.corpus.wrong_cells import TABLE, WrongCell, alarms, base, ledger, matrix
from tests.corpus.wrong_cells.correct import correct_rows
from tests.corpus.wrong_cells.laws import LAWS
from tests.corpus.wrong_cells.mutants import EQUIVALENT, mutants

by_name = {entry.name: entry for entry in TABLE}

#: One wrong cell for each kind of mistake, and the law that it is there for.
SAMPLE = [
    ("gru:CandidateWithoutReset", "gate-reset-forgets"),
    ("gru:CandidateWithoutReset", "every-entry-matters"),
    ("gru:RecurrentProductByEntry", "units-hear-each-other"),
    ("citizen:InnerInitialiserNotUsed", "initialiser-used"),
    ("gru:HiddenBiasOutsideReset", "equations-one-step"),
    ("gru:BlendExchanged", "equations-one-step"),
    ("gru:ActivationIgnored", "equations-activations"),
    ("gru:ActivationsSwapped", "gate-state-bounded"),
    ("gru:StaleScratchRows", "batch-row-alone"),
    ("lstm:InputForgetSwapped", "gate-shut-keeps"),
    ("lstm:ClipAfterOutput", "equations-clip"),
    ("lstm:EpsilonFixed", "equations-epsilon"),
    ("dropout:MaskNewEachStep", "masks-hold-over-steps"),
    ("dropout:SameMaskEachCall", "masks-differ-between-calls"),
    ("dropout:DropoutAtInference", "inference-repeats"),
    ("dropout:DropoutNotUsed", "dropout-drops"),
    ("dropout:MaskNotScaled", "mean-over-masks"),
    ("dropout:ZoneoutTwoMasks", "output-is-state-in-training"),
    ("dropout:DropoutHitsCarry", "gate-shut-keeps-in-training"),
    ("citizen:UnitsNotSaved", "config-keeps-arguments"),
    ("citizen:SeedNotSaved", "config-same-masks"),
    ("citizen:FanOfAllGates", "initialiser-fan"),
    ("citizen:OrthogonalAcrossGates", "initialiser-orthogonal"),
    ("citizen:GatesStartEqual", "initialiser-distinct"),
    ("citizen:SameNames", "weights-have-names"),
    ("gru:BuiltInCall", "weights-made-in-build"),
    ("layers:MaskIgnored", "layer-mask"),
    ("layers:MaskNotReversed", "layer-backwards"),
    ("layers:InitialStateIgnored", "layer-runs-the-cell"),
    ("layers:ResetDoesNothing", "layer-stateful"),
    ("layers:StatefulByDefault", "layer-forgets"),
    ("layers:ForwardStatesTwice", "layer-both-directions"),
    ("layers:MaskForwardOnly", "layer-both-directions"),
    ("layers:PairIgnoresInitialState", "layer-both-directions"),
    ("layers:OneStepSwapsBatch", "layer-last-output"),
    ("layers:TimeMajorReversesRows", "layer-time-major"),
    ("gru:SquareWeightsOnly", "one-step-runs"),
    ("gru:OutputWiderThanPromised", "shapes-promised"),
    ("gru:EmptyBatchPadded", "empty-batch"),
    ("gru:FirstCallOtherwise", "first-call-as-second"),
    ("gru:EveryOtherCall", "same-call-after-call"),
    ("gru:WeightsPackedOnce", "weights-are-read"),
    ("gru:TracedOtherwise", "graph-equals-eager"),
    ("gru:GatesOneColumnLate", "equations-one-step"),
    ("gru:SharedStack", "config-same-function"),
    ("lstm:NormalisedOverWrongAxis", "batch-row-alone"),
    ("lstm:NormalisedOverWrongAxis", "input-matters"),
    ("lstm:NoSecondDerivative", "second-derivatives"),
    ("lstm:GradientOfBothBranches", "gradients-finite"),
    ("lstm:SigmoidOverflows", "finite-at-large-inputs"),
    ("dropout:SeedDrawnByPython", "traced-masks-are-drawn-anew"),
    ("dropout:SeedIgnored", "seed-repeats"),
    ("citizen:BiasesFloat32", "float64-all-through"),
    ("citizen:DtypeNotForwarded", "float64-supported"),
    ("citizen:CarryFloat32", "rounding-is-small"),
    ("citizen:WeightsClippedInPlace", "arguments-unchanged"),
    ("citizen:ScaleMadeInCall", "weights-made-in-build"),
    ("citizen:BiasesNotSaved", "weights-saved-and-loaded"),
]


@pytest.mark.parametrize(("name", "law"), SAMPLE)
def test_a_wrong_cell_is_caught_by_its_law(name: str, law: str) -> None:
    wrong = by_name[f"tests.corpus.wrong_cells.{name}"]
    report = check_cell(
        wrong.make, wrong.arguments, equations=wrong.equations, profile="quick", law=law
    )
    assert [outcome.law for outcome in report.failed] == [law]
    assert not report[law].case or fails(report[law].script)


def fails(script: str) -> bool:
    """Return whether a script says that the law does not hold, as it does by hand."""
    try:
        exec(script, {"__name__": "__script__"})
    except AssertionError:  # nothing else: a script says what it finds
        return True
    return False


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (base.GRU, {}),
        (base.LSTM, {"peephole": True, "cell_clip": 0.5, "forget_bias": 1.0}),
        (base.MinGRU, {}),
        (base.LayerNormLSTM, {}),
        (base.Zoneout, {"zoneout": 0.25}),
    ],
)
def test_what_wrong_cells_are_made_of_is_right(make: Any, arguments: dict[str, Any]) -> None:
    laws = [law.name for law in LAWS.values() if law.family in ("equations", "gates")]
    report = check_cell(make, {"units": 3, **arguments}, profile="quick", law=laws)
    assert report.ok, report


def test_there_are_enough_and_none_stands_there_twice() -> None:
    assert len(by_name) == len(TABLE) >= 60


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.name.rpartition(":")[2])
def test_an_entry_says_what_is_wrong_and_where_it_was_seen(entry: WrongCell) -> None:
    assert re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+", entry.address)
    assert re.fullmatch(r"[A-Z].+\.", entry.mistake)
    assert load_cell_class(entry.name) is entry.make


def test_mutants_are_the_same_each_time() -> None:
    first, second = mutants(), mutants()
    assert [(m.name, m.change) for m in first] == [(m.name, m.change) for m in second]
    assert len({m.name for m in first}) == len(first) >= 60
    assert not EQUIVALENT.keys() & {m.name for m in first}


@pytest.mark.parametrize("path", sorted(matrix.FOLDER.glob("*.csv")), ids=lambda path: path.stem)
def test_the_published_matrix_is_of_these_cells_and_laws(path: Any) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        head, _, *cells = csv.reader(file)
    laws = head[len(ledger.HEAD) + 1 :]
    known = {row.cell: row.mistake for row in matrix.rows()}
    assert set(laws) <= set(LAWS)
    for cell in cells:
        assert known.get(re.sub(r", seed \d+$", "", cell[0])) == cell[2], cell[0]
        assert set(cell[len(ledger.HEAD) :]) <= {*ledger.LETTERS.values(), ""}


def published(name: str) -> tuple[list[ledger.Row], dict[str, ledger.Letters]]:
    known, rows = ledger.kept(matrix.FOLDER / name), matrix.rows()
    return rows, {row.cell: ledger.recalled(row, known) for row in rows}


def test_the_published_matrix_is_whole_and_nothing_survives_it() -> None:
    rows, table = published("ci.csv")
    tried = {
        cell for cell, found in table.items() if {*LAWS} <= {*found} or ledger.REFUSED in found
    }
    blank = [row.cell for row in rows if row.cell not in tried]
    assert not blank, "python -m tests.corpus.wrong_cells.matrix --profile ci"
    caught = {cell: {law for law, x in found.items() if x == "F"} for cell, found in table.items()}
    wrong = [row.cell for row in rows if row.kind in matrix.WRONG]
    assert [cell for cell in wrong if not caught[cell]] == []
    assert [row.cell for row in rows if row.cell not in wrong and caught[row.cell]] == []
    assert {*LAWS} == {law for cell in wrong for law in caught[cell]}


def test_what_a_law_is_said_to_have_caught_it_catches() -> None:
    rows, letters = published("ci.csv")
    for law in LAWS.values():
        caught = {row.address for row in rows if letters[row.cell].get(law.name) == "F"}
        assert set(law.caught) <= caught, law.name


def test_quick_catches_nearly_all() -> None:
    rows, table = published("quick.csv")
    wrong = [table[row.cell] for row in rows if row.kind in matrix.WRONG]
    assert all(wrong), "python -m tests.corpus.wrong_cells.matrix --until-caught"
    assert sum("F" in letters.values() for letters in wrong) >= 0.95 * len(wrong)


def test_no_correct_cell_is_caught_with_any_seed_that_was_tried() -> None:
    rows = {row.cell for row in alarms.seeded(correct_rows(), range(20))}
    # Of laws as they were when they were tried; the sweep takes many hours.
    known = ledger.kept(matrix.FOLDER / "correct-thorough.csv")
    tried = {cell: letter for (cell, _, _, _), letter in known.items() if cell in rows}
    assert len(tried) == len(rows), "python -m tests.corpus.wrong_cells.alarms"
    assert ledger.LETTERS[FAILED] not in known.values()


def test_the_same_seed_gives_the_same_letters_and_what_is_known_is_not_tried_again() -> None:
    names = ["dropout:MaskNotScaled", "dropout:ZoneoutTwoMasks"]
    laws = ["mean-over-masks", "masks-differ-between-calls", "output-is-state-in-training"]
    rows = [row for row in matrix.rows() if row.cell.rpartition("cells.")[2] in names]
    tasks = [ledger.Task([row], laws, "quick", [{}]) for row in rows]
    found = {row.cell: letters for row, letters in ledger.filled(tasks, jobs=2)}
    assert found == {task.rows[0].cell: task.run()[0] for task in tasks}
    assert all("F" in letters.values() for letters in found.values())
    again = [ledger.Task([row], laws, "quick", [found[row.cell]]) for row in rows]
    assert all(task.is_done for task in again)
    assert list(ledger.filled(again, jobs=2)) == []


def test_what_is_kept_is_of_the_sources_of_today(tmp_path: Path) -> None:
    row = correct_rows()[0]
    ledger.write(tmp_path / "some.csv", {row.cell: {"batch-permuted": "."}}, [row])
    known = ledger.kept(tmp_path / "some.csv")
    assert ledger.recalled(row, known) == {"batch-permuted": "."}
    assert ledger.recalled(replace(row, source="changed"), known) == {}
    assert ledger.recalled(row.with_seed(1), known) == {}
