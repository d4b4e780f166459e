"""The sceptic's suite: nothing that writes a wrong digit anywhere is ever PROVED."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.corpus.sceptic import trial
from tests.corpus.sceptic.case import CASES
from tests.corpus.sceptic.trial import Case, judge

BY_NAME = {case.name: case for case in CASES}

#: One cheat of each kind, and a deployment that shows it.
SHOWN = {
    "batch-AboveFour": "eager 8",
    "calls-OwnCounter": "eager 1",
    "training-ToldFalse": "eager",
    "dtype-Forced_bfloat16": "eager 1",
    "mode-Compiled": "xla 8",
    "kept-StartsLearned": "to_model",
    "gradient-RightGradient": "eager 1",
    "shape-Reshaped-wrong": "eager 1",
    "arithmetic-Overflowing": "predict 1",
    "margin-Timer": "run long",
    "foreign-NumpyFunction": "eager 8",
    "files-blind": "Keras file",
}


def every(cases: list[Case]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


#: The honest ones, and of each kind every eighth; `python -m tests.corpus.sceptic` tries all.
TRIED = [case for k, case in enumerate(CASES) if case.control or k % 8 == 0]


@every([case for case in TRIED if not case.beyond])
def test_nothing_wrong_is_proved(case: Case, tmp_path: Path) -> None:
    judgement = judge(case, tmp_path, deploy="never" if case.harmless else "if proved")
    assert not judgement.belied, (judgement.said, judgement.wrong)
    assert not judgement.accepted, judgement.said
    assert not judgement.faults
    if case.control:
        asked = {"prove", "prove FILE"} & set(judgement.said)
        assert asked <= set(judgement.proved), judgement.said


@every([case for case in CASES if case.beyond][::4])
def test_what_no_bench_can_catch_is_said_to_be_so(case: Case, tmp_path: Path) -> None:
    # If one of these is caught one day, its `beyond` says too much.
    judgement = judge(case, tmp_path, deploy="never")
    assert judgement.proved
    assert not judgement.faults


@pytest.mark.parametrize(("name", "deployment"), SHOWN.items())
def test_a_cheat_is_seen_where_it_is_deployed(name: str, deployment: str, tmp_path: Path) -> None:
    judgement = judge(BY_NAME[name], tmp_path, deploy="always")
    assert any(deployment in way for way in judgement.wrong), judgement.wrong


def test_an_honest_cell_is_right_in_all_deployments(tmp_path: Path) -> None:
    judgement = judge(BY_NAME["honest-Levels"], tmp_path, deploy="always")
    assert judgement.proved
    assert not judgement.wrong


def test_the_suite_would_notice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Believer:
        outcome, reason = "PROVED", "whatever"

    monkeypatch.setattr(trial, "prove", lambda *_, **__: Believer)
    assert judge(BY_NAME["batch-OneRow"], tmp_path).belied == ["prove"]


def test_each_case_has_a_name_and_a_trick() -> None:
    assert len(BY_NAME) == len(CASES) >= 90
    assert all(case.trick and "\n" not in case.trick for case in CASES)
