from __future__ import annotations

from pathlib import Path

import pytest

from gru_bench.errors import UsageError
from gru_bench.learning.recipe import DEFAULT, RECIPES, TUTORIAL, Recipe, get_recipe
from gru_bench.outside.opening import read_toml
from gru_bench.records import parse


def test_the_tutorial_is_to_the_letter() -> None:
    r = TUTORIAL
    assert (r.units, r.dtype, r.bits, r.batch, r.iterations) == (16, "float64", 5, 100, 5000)
    assert (r.form, r.fresh, r.loss, r.schedule) == ("tutorial", False, "quadratic", "constant")
    assert (r.stddev, r.learning_rate, r.beta_1, r.beta_2) == (0.01, 0.001, 0.9, 0.999)
    assert (r.weight_decay, r.clip_norm, r.noise, r.warmup) == (0, 0, 0, 0)
    assert r.threshold == 0.5
    assert DEFAULT.threshold == 0.0


def test_a_recipe_by_name_with_changes() -> None:
    changed = get_recipe("default", iterations=7, bits=None)
    assert changed == DEFAULT.model_copy(update={"iterations": 7})
    assert get_recipe(changed) == changed
    assert set(RECIPES) == {recipe.name for recipe in RECIPES.values()}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"iterations": 0}, "recipe 'default': iterations = 0: Input should be greater than or"),
        ({"iterations": 2.5}, "recipe 'default': iterations = 2.5: Input should be a valid int"),
        ({"iterations": "7"}, "recipe 'default': iterations = '7': Input should be a valid int"),
        ({"iteration": 7}, "recipe 'default': unknown key 'iteration', did you mean 'iterations'?"),
        ({"zzz": 7}, "recipe 'default': unknown key 'zzz'"),
        ({"loss": "hinge"}, "recipe 'default': loss = 'hinge': Input should be 'quadratic' or"),
        ({"families": ["unform"]}, "recipe 'default': families.0 = 'unform'"),
        ({"learning_rate": -1.0}, "recipe 'default': learning_rate = -1.0"),
        ({"learning_rate": float("inf")}, "recipe 'default': learning_rate"),
        ({"learning_rate": float("nan")}, "recipe 'default': learning_rate"),
        ({"fresh": 1}, "recipe 'default': fresh = 1: Input should be a valid boolean"),
    ],
)
def test_bad_values_are_refused_in_one_line(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        get_recipe("default", **changes)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_an_unknown_recipe_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown recipe 'defualt', did you mean 'default'"):
        get_recipe("defualt")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        parse(Recipe, {"name": "mine"}, "recipe 'mine'")
    assert str(caught.value) == "recipe 'mine': key 'iterations' is missing"


def test_toml_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[recipe]\nbits = 5\n", encoding="utf-8")
    assert read_toml(tmp_path / "a.toml") == {"recipe": {"bits": 5}}


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "there is no file"), (b"bits = ", "is not TOML"), (b"\xff\xfe", "cannot be read")],
)
def test_what_is_no_toml_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "a.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_toml(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_toml(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_toml(tmp_path)
