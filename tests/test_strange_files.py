"""Files from strangers, and what becomes of files that are written."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gru_bench.errors import UsageError
from gru_bench.outside import opening, writing
from gru_bench.runs.run import read_run, read_runs
from tests.corpus import changed_files, hostile_models, hostile_reports
from tests.corpus.signals import EXPERIMENT


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def runs(tmp_path: Path) -> changed_files.Runs:
    return changed_files.Runs(tmp_path)


@pytest.mark.parametrize("kind", changed_files.KINDS)
def test_a_changed_file_is_opened_or_refused_in_one_line(kind: str) -> None:
    opened, refused, problems = changed_files.fuzz(kind, 40)
    assert problems == []
    assert refused > 0
    assert opened + refused >= 20


def test_hostile_models_run_nothing() -> None:
    found = hostile_models.try_all()
    assert len(found) >= 30
    assert {name: problem for name, problem in found.items() if problem} == {}


def test_an_edited_run_is_not_counted() -> None:
    tried, counted = changed_files.edit_runs(200)
    assert (tried, counted) == (200, 0)


def test_an_impossible_run_is_not_counted_though_its_digest_is_right(
    runs: changed_files.Runs,
) -> None:
    for key, value in (("exact", 5), ("exact", -1), ("bits_right", 10**6), ("pairs", 3)):
        data = json.loads(json.dumps(runs.document))
        data["measurements"][0][key] = value
        runs.path.write_bytes(changed_files.signed(data))
        with pytest.raises(UsageError, match="counts are impossible"):
            read_run(runs.path)
    runs.path.write_bytes(changed_files.signed(runs.document))
    assert read_run(runs.path).inputs.seed == 0


def test_what_is_no_file_in_a_folder_of_runs_is_named_and_passed_over(
    runs: changed_files.Runs,
) -> None:
    os.mkfifo(runs.folder / "a-pipe.json")
    (runs.folder / "b-folder.json").mkdir()
    (runs.folder / "c-zeros.json").symlink_to("/dev/zero")
    (runs.folder / "d-loop.json").symlink_to("d-loop.json")
    (runs.folder / "e-deep.json").write_text("[" * 10**6, encoding="utf-8")
    (runs.folder / "f-digits.json").write_text("[" + "9" * 10**6 + "]", encoding="utf-8")
    with (runs.folder / "g-large.json").open("wb") as file:
        file.truncate(2**40)
    begun = time.perf_counter()
    found, notices = read_runs(runs.folder)
    assert list(found) == [runs.path.name]
    assert len(notices) == 7
    assert all("not counted" in line and line.isprintable() for line in notices)
    assert time.perf_counter() - begun < 20


@pytest.mark.parametrize("text", ["$\\frac{$", "[/x]", "\x1b[31mred", "<script>x</script>", "a|b"])
def test_a_report_with_a_hostile_label_comes_out_whole(text: str) -> None:
    assert hostile_reports.problem(text, Path("out")) is None


@pytest.mark.parametrize("strange", ["pipe", "folder", "/dev/zero", "nothing", "a\x00b", "x" * 999])
def test_only_ordinary_files_are_opened(strange: str) -> None:
    os.mkfifo("pipe")
    Path("folder").mkdir()
    with pytest.raises(UsageError):
        opening.read_bytes(strange)


def test_a_result_that_cannot_be_written_is_elsewhere_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = writing._partial

    def full(folder: Path) -> tuple[int, str]:
        if folder == tmp_path:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return room(folder)

    monkeypatch.setattr(writing, "_partial", full)
    with pytest.raises(
        UsageError, match=r"No space left on device; it is in '(.*)' instead"
    ) as told:
        writing.write_result(tmp_path / "adder.keras", b"weights")
    elsewhere = Path(str(told.value).split("'")[-2])
    assert elsewhere.read_bytes() == b"weights"
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_a_link_and_a_file_keeps_its_permissions(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o600)
    link.symlink_to(target)
    writing.write_whole(writing.check_output(link), b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o600


def test_partial_files_of_the_dead_are_removed_and_those_of_the_living_stay(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", ""], check=True)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    del done
    left = tmp_path / f".gru_bench-{writing._host()}-{dead.pid}-x.partial"
    kept = tmp_path / f".gru_bench-{writing._host()}-{os.getppid()}-x.partial"
    other = tmp_path / ".gru_bench-another.machine-1-x.partial"
    for path in (left, kept, other):
        path.touch()
    writing.remove_partials(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {kept.name, other.name}


def gru_bench(*words: str, **options: object) -> subprocess.Popen[bytes]:
    """Start the command line in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "gru_bench", *words], **options)  # type: ignore[call-overload,no-any-return]


def test_a_reader_that_leaves_changes_no_exit_code() -> None:
    process = gru_bench("laws", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), said) == (0, b"")


def test_a_full_standard_output_is_said() -> None:
    with Path("/dev/full").open("wb") as full:
        process = gru_bench("laws", stdout=full, stderr=subprocess.PIPE)
        _, said = process.communicate()
    assert process.returncode == 2
    assert said == b"gru-bench: standard output cannot be written: No space left on device\n"


def test_sigterm_keeps_what_is_finished_and_says_so() -> None:
    Path("small.toml").write_text(EXPERIMENT, encoding="utf-8")
    words = ("report", "small.toml", "-o", "out", "--workers", "1")
    process = gru_bench(*words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None and not list(Path("out").glob("runs/*.json")):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    assert process.returncode in (130, 0)
    if process.returncode == 130:
        assert b"finished runs are kept in out/runs" in said
        assert b"Traceback" not in said
    finished = list(Path("out").glob("runs/*.json"))
    assert finished
    assert all(read_run(path).diverged is None for path in finished)
    assert not list(Path("out").rglob("*.partial"))


def test_caches_stay_out_of_the_current_folder() -> None:
    script = (
        "import os, sys; sys.argv = ['gru-bench', '--version']; from gru_bench.cli import main;"
        "main(); print(os.environ['HYPOTHESIS_STORAGE_DIRECTORY'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert str(Path.cwd()) not in done.stdout.splitlines()[-1]
