"""Every command and option with bad values: exit code 2, one line, nothing written, soon."""

from __future__ import annotations

import random
from pathlib import Path

import click
import pytest

from gru_bench.cli import COMMANDS, group
from tests.corpus import bad_values
from tests.corpus.changed_files import small_model

#: How many are tried here; `python -m benchmarks.robustness values` tries all.
SAMPLE = 240


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "here"
    here.mkdir()
    bad_values.prepare(here, small_model(tmp_path))
    monkeypatch.chdir(here)
    return here


def test_every_option_and_argument_is_tried() -> None:
    tried = {(case.words[0], case.about) for case in bad_values.cases()}
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        for parameter in command.params:
            if not getattr(parameter, "is_flag", False):
                assert (name, parameter.opts[-1]) in tried


def test_there_are_many() -> None:
    assert len(bad_values.cases()) >= 1500


def test_each_is_refused_in_one_line_and_nothing_is_written(folder: Path) -> None:
    del folder
    quick = [case for case in bad_values.cases() if not case.starts]
    chosen = random.Random(0).sample(quick, SAMPLE)
    found = {str(case): bad_values.problem(case) for case in chosen}
    assert {case: problem for case, problem in found.items() if problem} == {}
