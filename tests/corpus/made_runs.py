"""Runs that nobody trained: as many as a page must bear, with what curves it must show."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from gru_bench.learning.recipe import Recipe, get_recipe
from gru_bench.report.page import Page
from gru_bench.report.table import make_results
from gru_bench.runs.execution import Group, Outcome
from gru_bench.runs.experiment import Experiment, make_experiment
from gru_bench.runs.provenance import machine
from gru_bench.runs.run import FORM, Inputs, Row, Run, Weights
from gru_bench.runs.verdict import AnyLength, Judgement


def without_code(text: str) -> str:
    """Return a page without its scripts and its style sheet: what people read."""
    return re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)


def made_page(**changes: Any) -> Page:
    """Return the page of an experiment whose runs are made up.

    Args:
        **changes: of the experiment; `labels`, a list of labels of cells; `skill`, a share of seeds
            that solve the task; `diverging`, seeds that diverge.
    """
    labels = changes.pop("labels", ["GRU", "LSTM"])
    skill, diverging = changes.pop("skill", 0.7), changes.pop("diverging", ())
    data: dict[str, Any] = {
        "title": "Which cell learns to add?",
        "seeds": 8,
        "checkpoints": [50, 100, 200, 300],
        "lengths": [8, 64, 256],
        "pairs": 50,
        "any_length": True,
        "cells": [{"name": f"cells:Cell{k}", "label": name} for k, name in enumerate(labels)],
    }
    experiment = make_experiment(data | changes)
    rng = np.random.default_rng(0)
    recipe = get_recipe("default")
    groups = [
        _group(experiment, cell.title, recipe, rng, skill, diverging) for cell in experiment.cells
    ]
    return Page(experiment, Outcome(groups, 0, []), make_results(groups), "gru-bench report x.toml")


def _group(
    experiment: Experiment, title: str, recipe: Recipe, rng: Any, skill: float, diverging: Any
) -> Group:
    checkpoints = experiment.checkpoints_of(recipe)
    common: dict[str, Any] = {
        "cell": f"cells:{title}",
        "arguments": {},
        "source": "0" * 16,
        "recipe": recipe,
        "task": experiment.task,
        "checkpoints": checkpoints,
        "lengths": experiment.lengths,
        "families": experiment.families,
        "pairs": experiment.pairs,
        "evaluation_seed": 0,
        "any_length": experiment.any_length,
        "versions": {"gru_bench": "0.2.0"},
    }
    inputs = [Inputs(seed=seed, **common) for seed in experiment.seeds]
    runs = [_run(one, rng, skill, one.seed in diverging) for one in inputs]
    return Group(title, recipe, cast(Any, SimpleNamespace()), inputs, runs)


def _run(inputs: Inputs, rng: Any, skill: float, diverges: bool) -> Run:
    when = int(rng.integers(60, 250)) if rng.random() < skill else 10**9
    diverged = inputs.checkpoints[0] + 1 if diverges else None
    kept = [c for c in inputs.checkpoints if diverged is None or c <= diverged]
    rows = []
    for c in kept:
        share = 1.0 if c >= when else float(rng.uniform(0, 0.9)) * c / inputs.checkpoints[-1]
        for family in inputs.families:
            for n in inputs.lengths:
                exact = int(share * inputs.pairs)
                rows.append(
                    Row(
                        iteration=c,
                        family=family,
                        length=n,
                        pairs=inputs.pairs,
                        exact=exact,
                        bits=inputs.pairs * n,
                        bits_right=exact * n,
                    )
                )
    judged = [_judgement(c, c >= when, inputs.any_length) for c in kept if inputs.any_length]
    proved = bool(judged) and judged[-1].outcome == "PROVED"
    return Run(
        form=FORM,
        inputs=inputs,
        machine=machine(),
        seconds=1.0,
        diverged=diverged,
        curve=(),
        measurements=tuple(rows),
        weights=tuple(Weights.of(c, np.zeros(1, np.float32)) for c in kept),
        verdicts=tuple(judged),
        certificate={} if proved else None,
        worst_curve=(),
    )


def _judgement(iteration: int, right: bool, effort: AnyLength | None) -> Judgement:
    del effort
    if right and iteration % 200:
        return Judgement(
            iteration=iteration,
            outcome="PROVED",
            reason="proved",
            theorem="0" * 64,
            margin=0.5,
            resolution=1.0,
            regions=8,
        )
    if right:
        return Judgement(iteration=iteration, outcome="OPEN", reason="too many regions")
    return Judgement(
        iteration=iteration,
        outcome="REFUTED",
        reason="refuted",
        operands=("3", "1"),
        length=2,
        position=1,
        steps=100,
        exhaustive=3,
        longest=4,
    )
