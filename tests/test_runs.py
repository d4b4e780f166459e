"""The store of runs: claims, what can happen to files, the index, and `gru-bench runs`."""

from __future__ import annotations

import csv
import errno
import itertools
import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gru_bench.cli import main
from gru_bench.errors import UsageError
from gru_bench.outside import writing
from gru_bench.outside.writing import write_whole
from gru_bench.runs import claim
from gru_bench.runs.claim import Claims, claim_path
from gru_bench.runs.index import COLUMNS, INDEX, Index
from gru_bench.runs.row import read_row
from gru_bench.runs.run import read_runs, write_run
from tests.corpus.stored_runs import divide, inputs_of, pretend


@pytest.fixture
def folder(tmp_path):
    """Eight runs, four of each of two cells."""
    place = tmp_path / "stored"
    place.mkdir()
    for seed in range(4):
        for cell in ("a:Cell", "b:Other"):
            write_run(place, pretend(inputs_of(seed, cell)))
    return place


def said(capsys):
    captured = capsys.readouterr()
    return captured.out, captured.err


# Claims.


def test_a_run_is_claimed_by_one_only_and_free_again_afterwards(tmp_path):
    first, second = Claims(tmp_path, {}), Claims(tmp_path, {})
    assert first.take(inputs_of(0))
    assert first.take(inputs_of(0)), "it stays whose it is"
    assert not second.take(inputs_of(0))
    assert second.take(inputs_of(1))
    first.close()
    assert second.take(inputs_of(0))
    second.close()


def test_what_another_has_finished_is_found_and_not_trained(tmp_path):
    found = {}
    run = pretend(inputs_of(0))
    write_run(tmp_path, run)
    claims = Claims(tmp_path, found)
    assert not claims.take(inputs_of(0))
    assert found == {run.inputs.name: run}
    assert claims.others == {run.inputs.name}
    assert not claim_path(tmp_path, run.inputs.name).exists()


def test_a_broken_file_is_claimed_to_be_trained_again(tmp_path):
    (tmp_path / inputs_of(0).name).write_text("{", encoding="utf-8")
    claims = Claims(tmp_path, {})
    assert claims.take(inputs_of(0))
    claims.close()


def test_threads_divide_runs_and_leave_no_claims(tmp_path):
    begun, results = ([], [], []), [None] * 3

    def work(number):
        results[number] = divide(tmp_path, range(24), 0.01, begun[number].append)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(itertools.chain(*begun)) == list(range(24)), "each once"
    assert [trained for _, trained in results] == [len(own) for own in begun]
    assert all(len(found) == 24 for found, _ in results)
    assert list(tmp_path.glob(".*")) == []


def start(folder, seeds, pause):
    words = [sys.executable, "-m", "tests.corpus.stored_runs", str(folder), str(seeds), str(pause)]
    root = Path(__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=root, env=environment)


def test_the_claims_of_a_killed_process_end_with_it(tmp_path):
    process = start(tmp_path, 8, 600)
    assert process.stdout.readline() == "0\n"
    assert not Claims(tmp_path, {}).take(inputs_of(0))
    process.kill()
    process.communicate()
    begun = []
    found, trained = divide(tmp_path, range(8), 0, begun.append)
    assert (sorted(begun), trained, len(found)) == (list(range(8)), 8, 8)


# What can happen to a store.


def full(folder, monkeypatch, code):
    room = writing._partial

    def none(place):
        if Path(place) == folder:
            raise OSError(code, os.strerror(code))
        return room(place)

    monkeypatch.setattr(writing, "_partial", none)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_run_that_cannot_be_written_is_elsewhere_and_the_others_stay(tmp_path, monkeypatch, code):
    divide(tmp_path, range(3), 0, lambda _: None)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.json")}
    with monkeypatch.context() as patched:
        full(tmp_path, patched, code)
        with pytest.raises(UsageError, match=r"it is in '.*' instead") as told:
            divide(tmp_path, range(5), 0, lambda _: None)
    assert "\n" not in str(told.value)
    rescued = Path(str(told.value).split("'")[-2])
    assert rescued.read_bytes()
    assert {path: path.read_bytes() for path in tmp_path.glob("*.json")} == before
    begun = []
    divide(tmp_path, range(5), 0, begun.append)
    assert begun == [3, 4]


def test_a_folder_in_which_nothing_can_be_claimed_is_told_in_a_line(tmp_path, monkeypatch):
    class Refusing(claim.FileLock):
        def acquire(self, *_args, **_options):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(claim, "FileLock", Refusing)
    with pytest.raises(UsageError, match="cannot be written: Read-only file system"):
        divide(tmp_path, range(2), 0, lambda _: None)


def cut(path):
    write_whole(path, path.read_bytes()[:-40])


def edited(path):
    write_whole(path, path.read_bytes().replace(b'"exact": 20', b'"exact": 19', 1))


def other_version(path):
    write_whole(path, path.read_bytes().replace(b"gru_bench run 2", b"gru_bench run 1"))


def emptied(path):
    path.write_bytes(b"")


def misnamed(path):
    path.write_bytes((path.parent / inputs_of(3).name).read_bytes())


@pytest.mark.parametrize("damage", [cut, edited, other_version, emptied, misnamed])
def test_a_damaged_run_is_not_counted_but_told_and_trained_again(folder, damage, capsys):
    expected, _ = read_runs(folder)
    assert main(["runs", str(folder)]) == 0
    path = folder / inputs_of(1).name
    damage(path)
    said(capsys)
    assert main(["runs", str(folder)]) == 0
    out, err = said(capsys)
    assert "7 runs, 3 solving the task" in out
    assert err.count("\n") == 1
    assert "not counted" in err
    begun = []
    divide(folder, range(4), 0, begun.append)
    assert begun == [1]
    assert read_runs(folder) == (expected, [])


def test_a_clock_that_was_set_back_hides_no_change(folder):
    index = Index(folder, lambda: read_row)
    index.close()
    path = folder / inputs_of(1).name
    found = path.stat()
    data = path.read_bytes().replace(b'"exact": 20', b'"exact": 19', 1)
    path.write_bytes(data)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns - 10**15))
    os.utime(folder / inputs_of(2).name, ns=(0, 0))
    again = Index(folder, lambda: read_row)
    assert again.read == 2
    assert len(again.notices()) == 1
    assert len(again.select([])) == 7
    again.close()


# The index.


def rows_of(folder):
    index = Index(folder, lambda: read_row)
    rows = index.select([])
    index.close()
    return rows, index.read


def test_only_what_has_changed_is_read_again(folder):
    rows, read = rows_of(folder)
    assert (len(rows), read) == (8, 8)
    assert rows_of(folder) == (rows, 0)
    (folder / inputs_of(0).name).unlink()
    write_run(folder, pretend(inputs_of(9)))
    changed, read = rows_of(folder)
    assert (len(changed), read) == (8, 1)
    assert {row["seed"] for row in changed if row["cell"] == "a:Cell"} == {1, 2, 3, 9}


def damage_text(path):
    path.write_bytes(b"no database " * 500)


def damage_middle(path):
    data = bytearray(path.read_bytes())
    data[100:4000] = bytes(3900)
    path.write_bytes(data)


def older(path):
    path.unlink()
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE runs (file TEXT)")
    base.execute("PRAGMA user_version = 1")
    base.commit()
    base.close()


@pytest.mark.parametrize("damage", [Path.unlink, damage_text, damage_middle, older])
def test_an_index_that_is_gone_or_damaged_is_made_anew(folder, damage):
    rows, _ = rows_of(folder)
    damage(folder / INDEX)
    assert rows_of(folder) == (rows, 8)
    assert rows_of(folder) == (rows, 0)


def test_where_no_index_can_be_written_there_is_one_in_memory(folder):
    (folder / INDEX).mkdir()
    rows, read = rows_of(folder)
    assert (len(rows), read) == (8, 8)


def test_the_index_is_never_the_truth(folder, capsys):
    rows_of(folder)
    for path in folder.glob("*.json"):
        path.unlink()
    write_run(folder, pretend(inputs_of(5)))
    assert main(["runs", str(folder)]) == 0
    assert said(capsys)[0].endswith("1 run, 1 solving the task\n")


# The command.


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ((), 8),
        (("--cell", "Other"), 4),
        (("--cell", "Other", "--seed", "2"), 1),
        (("--solved", "yes"), 4),
        (("--solved", "no", "--cell", "a:"), 2),
        (("--recipe", "default", "--task", "addition"), 8),
        (("--recipe", "other"), 0),
        (("--verdict", "PROVED"), 0),
        (("--most", "3"), 8),
    ],
)
def test_runs_are_listed_and_chosen(folder, capsys, words, count):
    assert main(["runs", str(folder), *words]) == 0
    lines = said(capsys)[0].splitlines()
    assert lines[-1].startswith(f"{count} run")
    listed = min(count, 3) if "--most" in words else count
    assert len(lines) == 1 + (listed + 1 if listed else 0)


def test_a_report_has_its_runs_in_a_folder_of_its_own(folder, tmp_path, capsys):
    folder.rename(tmp_path / "runs")
    assert main(["runs", str(tmp_path)]) == 0
    assert "8 runs" in said(capsys)[0]


def test_all_that_is_known_of_a_run_is_shown(folder, capsys):
    name = inputs_of(1).name
    for given in (name, name.removesuffix(".json")):
        assert main(["runs", str(folder), "--show", given]) == 0
        out, _ = said(capsys)
        assert "solved     from iteration 50 on" in out
        assert "64 bits, long-carry: 20 of 20 pairs right" in out


def test_runs_are_exported(folder, tmp_path, capsys):
    target = tmp_path / "runs.csv"
    assert main(["runs", str(folder), "--seed", "1", "--csv", str(target)]) == 0
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["cell"], row["solved"]) for row in rows] == [("a:Cell", "50"), ("b:Other", "50")]
    assert list(rows[0]) == list(COLUMNS)
    assert json.loads(rows[0]["arguments"]) == {"units": 4}
    assert "written" in said(capsys)[0]


def test_runs_are_exported_as_parquet(folder, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    target = tmp_path / "runs.parquet"
    assert main(["runs", str(folder), "--parquet", str(target)]) == 0
    table = parquet.read_table(target)
    assert table.num_rows == 8
    assert sorted(set(table["solved"].to_pylist()), key=str) == [50, None]


def test_without_pyarrow_a_line_says_what_to_install(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    target = tmp_path / "runs.parquet"
    assert main(["runs", str(folder), "--parquet", str(target)]) == 2
    assert said(capsys)[1] == (
        "gru-bench: --parquet needs pyarrow: pip install 'gru_bench[parquet]'\n"
    )
    assert not target.exists()


def test_chosen_runs_are_removed_and_no_others(folder, capsys):
    assert main(["runs", str(folder), "--cell", "b:", "--solved", "no", "--remove"]) == 0
    assert said(capsys)[0] == "2 runs removed\n"
    runs, notices = read_runs(folder)
    assert notices == []
    assert sorted((run.inputs.cell, run.inputs.seed) for run in runs.values()) == [
        *(("a:Cell", seed) for seed in range(4)),
        ("b:Other", 1),
        ("b:Other", 3),
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "there is no folder of runs 'nowhere'"),
        (["."], "has no runs"),
        (["stored", "--remove"], "--remove takes the runs that are chosen by"),
        (["stored", "--show", "nothing"], "has no run 'nothing'"),
        (["stored", "--show", "../stored/x"], "has no run"),
        (["stored", "--solved", "maybe"], "--solved takes yes or no, got 'maybe'"),
        (["stored", "--verdict", "proved"], "--verdict takes PROVED, REFUTED or OPEN"),
    ],
)
def test_bad_input_is_one_line(folder, tmp_path, monkeypatch, capsys, words, message):
    del folder
    monkeypatch.chdir(tmp_path)
    assert main(["runs", *words]) == 2
    _, err = said(capsys)
    assert message in err
    assert err.count("\n") == 1
