"""The README's commands run and print what it says they print."""

import re
import shlex
from pathlib import Path

import pytest

from gru_bench.cli import COMMANDS, main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    """Return the README's code blocks in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_console_commands_print_what_is_shown(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (session,) = blocks("console")
    for part in session.split("$ ")[1:]:
        line, _, shown = part.partition("\n")
        program, *arguments = shlex.split(line)
        assert program == "gru-bench"
        code = main(arguments)
        captured = capsys.readouterr()
        assert (code, captured.out) == (0, shown)


def test_the_commands_that_prove_an_adder_prove_it(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (session,) = (block for block in blocks("bash") if "gru-bench prove" in block)
    for line in session.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "gru-bench"
        assert main(arguments) == 0
    assert capsys.readouterr().out.count("PROVED: gru_bench:GRUCell") == 2


@pytest.mark.parametrize("code", blocks("python"))
def test_python_prints_what_its_comments_say(code, capsys):
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.split() == re.findall(r"print\(.*#\s*(\S+)", code)


def test_ci_runs_the_test_command_of_the_readme_and_nothing_else():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (command,) = re.findall(r"<!-- test command -->\n```bash\n(.*?)\n```", README, re.DOTALL)
    assert command.endswith("tox")
    assert "pytest" not in script
    assert "pip install" not in script
    assert "tox" not in script


def test_every_command_is_described():
    for name in COMMANDS:
        assert f"`gru-bench {name}" in README


def test_it_says_how_to_install_and_what_it_prints_at_once():
    head = "\n".join(README.splitlines()[:30])
    for needed in ("pip install", "gru-bench report", "gru-bench add 1024 16", "1040"):
        assert needed in head
