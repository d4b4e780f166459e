"""Files that are written: tried before the work begins, whole or not at all, and by one writer."""

import ast
import errno
import os
from pathlib import Path

import pytest

import gru_bench
from gru_bench import files
from gru_bench.cli import main
from gru_bench.errors import UsageError
from gru_bench.files import check_folder, check_writable, write_whole

PACKAGE = Path(gru_bench.__file__).parent


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_file_is_written_whole_and_takes_the_place_of_another(tmp_path):
    path = tmp_path / "a.json"
    for text in (b"first", b"second"):
        write_whole(path, text)
        assert contents(tmp_path) == {"a.json": text}


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_what_cannot_be_finished_leaves_what_was_there(tmp_path, monkeypatch, function):
    path = tmp_path / "a.json"
    path.write_text("old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, function, full)
    with pytest.raises(UsageError) as refused:
        write_whole(path, b"new")
    assert str(refused.value) == f"cannot write {str(path)!r}: No space left on device"
    assert contents(tmp_path) == {"a.json": b"old"}


def test_an_interrupt_leaves_what_was_there(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a.json", b"new")
    assert contents(tmp_path) == {}


def test_a_link_stays_a_link_and_a_file_keeps_its_permissions(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_new_file_has_the_permissions_of_any_other(tmp_path):
    (tmp_path / "a").touch()
    write_whole(tmp_path / "b", b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_pipe_takes_what_it_is_given(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    check_writable(pipe)
    write_whole(pipe, b"text")
    assert os.read(end, 10) == b"text"
    os.close(end)
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("nowhere/a", "there is no folder '.*nowhere'"),
        ("file/a", "there is no folder '.*file'"),
        ("folder", "it is a folder"),
        (300 * "a", "File name too long"),
    ],
)
def test_what_cannot_be_written_is_refused_before_and_nothing_is_left(tmp_path, path, why):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match=f"^cannot write '.*': {why}$"):
        check_writable(tmp_path / path)
    check_writable(tmp_path / "file")
    check_writable(tmp_path / "folder" / "new")
    check_folder(tmp_path / "new" / "and" / "deep")
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(UsageError, match=r"^cannot write '.*': "):
        check_folder(tmp_path / "file" / "new")


#: Each option that names what is written, with what else its command needs.
OPTIONS = [
    "activations -o",
    "check no:Cell --json",
    "check no:Cell --junit",
    "falsify no.keras --json",
    "gradcheck no:Cell --json",
    "gradcheck no:Cell --script",
    "gradflow no:Cell -o",
    "prove no.keras --json",
    "prove no.keras -o",
    "train --cell no:Cell -o",
    "verify no.json --json",
]


@pytest.mark.parametrize("words", OPTIONS)
def test_every_command_tries_what_it_will_write_before_anything_else(
    words, tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    assert main([*words.split(), "file/below.keras"]) == 2
    told = capfd.readouterr().err
    assert told.count("\n") == 1
    assert "file" in told
    assert "no.keras" not in told
    assert "no:Cell" not in told
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_one_module_writes_files():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in {"write_text", "write_bytes"}:
                assert path.name == "files.py", f"{path.name}, line {node.lineno}: {node.attr}"
