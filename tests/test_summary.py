"""What `gru-bench check` prints: few lines where all holds, failures first, the verdict last."""

import re
import textwrap

import pytest

from gru_bench.cli import check as command
from gru_bench.cli import main
from gru_bench.laws import LAWS
from gru_bench.laws.telling.outcome import (
    EXPECTED,
    FAILED,
    NOT_APPLICABLE,
    PASSED,
    Outcome,
    Report,
)
from gru_bench.laws.telling.summary import summary, verdict

NOTE = "a note that goes on and on, as what a framework raises does, " * 8


def report_of(**statuses):
    """A report on all laws; those named ended otherwise than passed."""
    report = Report("my_cells:MyGRU", "ci", 0, list(LAWS), notes=[NOTE, NOTE])
    report.seconds["starting TensorFlow"] = 3.5
    for law in LAWS.values():
        status = statuses.get(law.name.replace("-", "_"), PASSED)
        reason = "" if status == PASSED else "the reason that there is"
        report.add(Outcome(law.name, law.family, law.statement, status, reason, seconds=0.5))
    return report


@pytest.mark.parametrize("width", [80, 200])
def test_a_cell_that_holds_takes_few_lines(width):
    report = report_of(seed_repeats=NOT_APPLICABLE, mean_over_masks=NOT_APPLICABLE)
    last = textwrap.wrap(verdict(report), width)
    lines = [*summary(report, width), *last]
    assert len(lines) <= 25
    assert max(map(len, lines)) <= width


def test_each_family_has_a_line_with_its_counts():
    report = report_of(seed_repeats=NOT_APPLICABLE)
    families = {law.family: 0 for law in LAWS.values()}
    for law in LAWS.values():
        families[law.family] += 1
    text = "\n".join(summary(report, 80))
    for family, count in families.items():
        if family == LAWS["seed-repeats"].family:
            counts = f"{count - 1} passed, 1 not applicable"
        else:
            counts = f"{count} passed"
        assert re.search(rf"^{family} +[\d.]+ s  {counts}$", text, re.MULTILINE)
    assert "note: 1 not applicable, for 1 reasons (-v says which)" in text
    assert "of which starting TensorFlow 3.5" in text


def test_what_is_expected_to_fail_is_named_and_what_does_not_apply_if_asked():
    report = report_of(batch_permuted=EXPECTED, seed_repeats=NOT_APPLICABLE)
    short, long = ("\n".join(summary(report, 200, verbose)) for verbose in (False, True))
    assert "expected failure: the reason that there is\n  batch-permuted" in short
    assert "seed-repeats" not in short
    assert "not applicable: the reason that there is\n  seed-repeats" in long
    assert " ".join(NOTE.split()) not in " ".join(short.split())
    assert " ".join(NOTE.split()) in " ".join(long.split())


def test_the_verdict_says_what_it_means():
    assert verdict(report_of()).endswith("; all that apply hold")
    assert verdict(report_of(batch_permuted=FAILED)).endswith("; broken: batch-permuted")
    stopped = report_of()
    stopped.outcomes = stopped.outcomes[:3]
    assert verdict(stopped).endswith("; not all were tried")


def test_the_law_it_is_at_is_shown_in_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "60")
    longest = max(LAWS, key=len)
    with command._live(["one-step-runs", longest]) as tell:
        tell(Outcome("one-step-runs", "shape and dtype", "", PASSED))
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    assert "0 of 2 laws" in shown
    assert "starting; one-step-runs" in shown
    assert f"{longest}" in shown
    assert max(map(len, shown.splitlines())) <= 60


def test_failures_come_first_then_every_law_if_asked_and_the_verdict_last(capfd, tmp_path):
    cell, laws = "tests.corpus.wrong_cells.strangers:Leaky", ["one-step-runs", "dropout-drops"]
    expect = tmp_path / "expected.toml"
    expect.write_text('one-step-runs = "it does not fail"\n')
    flags = [f"--law={law}" for law in laws]
    options = ["--set", "units=3", "--profile", "quick", "--expect", str(expect), *flags]
    assert main(["check", cell, *options, "--junit", str(tmp_path / "r.xml"), "-v"]) == 1
    out = capfd.readouterr().out
    assert out.startswith("one-step-runs: ")
    assert all(f"│   {law}" in out for law in laws)
    assert out.splitlines()[-1].startswith(f"{cell}: 2 laws planned, 2 run: 0 passed, 1 failed")
