"""What README and docs show is what happens: each command runs, and prints what is shown.

A block marked `<!-- not run: REASON -->` is not run, because it takes long; it is read all the
same, so that a command or an option that does not exist is found. `<!-- file: NAME -->` is a file
that the commands use.
"""

import configparser
import contextlib
import doctest
import importlib.util
import io
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from gru_bench.cli import COMMANDS, group, main
from gru_bench.laws import LAWS

ROOT = Path(__file__).parent.parent
#: The README first: what it makes is there for the others.
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
README = TEXTS["README.md"]

_BLOCK = re.compile(r"^(?:<!-- ([^\n]*) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROGRAMS = ("gru-bench", "pytest", "python", "python3", "tox", "pip")


@dataclass
class Block:
    """A fenced block of a page."""

    mark: str
    language: str
    text: str

    @property
    def runs(self):
        return not self.mark.startswith(("not run", "test command"))

    @property
    def lines(self):
        """The commands, without what they print."""
        if self.language == "console":
            return [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]
        return self.text.splitlines() if self.language == "bash" else []


def blocks(text):
    return [Block(mark or "", *rest) for mark, *rest in _BLOCK.findall(text)]


def inline(text):
    """Return the commands that stand in the text itself, between backticks."""
    spans = re.findall(r"`([^`]+)`", _BLOCK.sub("", text))
    words = [" ".join(span.split()) for span in spans]
    return [word for word in words if " " in word and word.split()[0] in _PROGRAMS]


ALL_BLOCKS = {name: blocks(text) for name, text in TEXTS.items()}


# What is shown is there: commands and options exist, whether they are run or not.


def read_command(line):
    """Fail unless each program of a command line, and each of its options, exists."""
    for part in line.split(" && "):
        program, *arguments = shlex.split(part, comments=True)
        read_program(Path(program).name, arguments)


def read_program(program, arguments):
    if program == "gru-bench":
        name, *rest = arguments
        # In a text a name may stand alone; help ends the parsing.
        with contextlib.suppress(click.MissingParameter, click.exceptions.Exit):
            if name.startswith("-"):
                group.make_context("gru-bench", arguments)
            else:
                group.get_command(None, name).make_context(name, rest)
    elif program in ("python", "python3"):
        read_module(*arguments)
    elif program == "tox":
        environments = configparser.ConfigParser()
        environments.read(ROOT / "tox.ini")
        assert not arguments or f"testenv:{arguments[1]}" in environments, arguments
    elif program == "pytest":
        plugin = (ROOT / "gru_bench" / "cli" / "plugin.py").read_text(encoding="utf-8")
        assert_options(arguments, plugin)
    else:
        assert [program, arguments[0]] == ["pip", "install"]


def read_module(first, *rest):
    if first == "-m" and not rest[0].startswith(("benchmarks", "tests")):
        assert importlib.util.find_spec(rest[0]) is not None, rest[0]
        return
    path = Path(rest[0].replace(".", "/") + ".py" if first == "-m" else first)
    assert_options(rest, (ROOT / path).read_text(encoding="utf-8"))


def assert_options(arguments, source):
    for word in arguments:
        if word.startswith("--"):
            assert f'"{word.partition("=")[0]}"' in source, word


@pytest.mark.parametrize("page", TEXTS)
def test_every_command_and_option_exists(page):
    for block in ALL_BLOCKS[page]:
        assert block.language in ("bash", "console", "python", "toml", "text"), block
        assert not block.mark.startswith("not run") or len(block.mark) > len("not run: why"), block
    shown = [line for block in ALL_BLOCKS[page] for line in block.lines if line != "echo $?"]
    for line in [*shown, *inline(TEXTS[page])]:
        read_command(line)


@pytest.mark.parametrize(
    "line",
    [
        "gru-bench chekc my_cells:MyGRU",
        "gru-bench check my_cells:MyGRU --profil quick",
        "python benchmarks/nothing.py",
        "python -m benchmarks.proofs --no-such-option",
        "tox -e nothing",
        "pytest --gru-sell my_cells:MyGRU",
        "pip uninstall gru_bench",
    ],
)
def test_a_command_that_does_not_exist_is_found(line):
    with pytest.raises((AssertionError, OSError, click.ClickException, AttributeError)):
        read_command(line)


# What is shown happens.


class Workplace:
    """A folder in which commands run; the same command is not run twice."""

    def __init__(self, folder):
        shutil.copytree(ROOT / "docs" / "examples", folder, dirs_exist_ok=True)
        self.folder, self.done = folder, {}

    def run(self, line):
        """Return exit code and standard output of a command."""
        words = tuple(shlex.split(line, comments=True))
        if words not in self.done:
            self.done[words] = self._run(*words)
        return self.done[words]

    def _run(self, program, *arguments):
        if program == "gru-bench":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                code = main(arguments)
            return code, out.getvalue()
        assert program == "pytest", f"mark what is not run: {program}"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def show(self, block):
        """Do what a block shows."""
        if block.mark.startswith("file: "):
            self._file(block.mark.removeprefix("file: "), block.text)
        elif block.language == "bash":
            for line in block.lines:
                assert self.run(line)[0] == 0, line
        elif block.language == "console":
            self._session(block.text)

    def _file(self, name, text):
        path = self.folder / name
        if path.exists():
            assert text in path.read_text(encoding="utf-8")
        else:
            path.write_text(text, encoding="utf-8")

    def _session(self, text):
        code = 0
        for part in text.removeprefix("$ ").split("\n$ "):
            line, _, shown = part.partition("\n")
            if line == "echo $?":
                assert shown.strip() == str(code)
                continue
            code, out = self.run(line)
            assert_shown(shown, out)


def assert_shown(shown, out):
    """Compare what is shown, where `...` stands for anything, with what was printed."""
    shown, out = (text.rstrip("\n") + "\n" for text in (shown, out))
    checker = doctest.OutputChecker()
    assert checker.check_output(shown, out, doctest.ELLIPSIS), f"shown:\n{shown}\ngot:\n{out}"


@pytest.fixture(scope="session")
def workplace(tmp_path_factory):
    return Workplace(tmp_path_factory.mktemp("workplace"))


@pytest.fixture
def shown(workplace, monkeypatch):
    """The workplace, with what the README makes in it."""
    monkeypatch.chdir(workplace.folder)
    monkeypatch.syspath_prepend(str(workplace.folder))
    monkeypatch.setenv("COLUMNS", "80")
    for block in ALL_BLOCKS["README.md"]:
        if block.runs and block.language != "python":
            workplace.show(block)
    yield workplace
    sys.modules.pop("my_cells", None)


@pytest.mark.parametrize("page", TEXTS)
def test_what_a_page_shows_happens(page, shown):
    names = {}
    for block in filter(lambda block: block.runs, ALL_BLOCKS[page]):
        if block.language == "python" and not block.mark:
            run_python(block.text, page, names)
        else:
            shown.show(block)


def run_python(code, page, names):
    """Run a block, and compare what it prints with the comments behind its prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(code, page, "exec"), names)
    prints = re.findall(r"^print\(.*?\)(?:  # (.*))?$", code, re.MULTILINE)
    assert_shown("\n".join(said or "..." for said in prints), out.getvalue())


# What the README has to say.


def test_readme_is_short():
    assert len(README.splitlines()) <= 140


def test_readme_begins_with_what_it_is_an_example_its_failure_and_how_to_install():
    head = "\n".join(README.splitlines()[:40])
    found = [
        head.index(s) for s in ("tests\ncells", "class MyCell", "batch-row-alone:", "pip install")
    ]
    assert found == sorted(found)
    assert "gru-bench report" in head


def test_every_command_is_described():
    for name in COMMANDS:
        assert f"| `gru-bench {name}" in TEXTS["commands.md"]


def test_the_laws_are_counted_right():
    families = {law.family for law in LAWS.values()}
    assert f"There are {len(LAWS)} of them" in README
    assert f"There are {len(LAWS)} of them, in {len(families)} families" in TEXTS["laws.md"]


def test_readme_and_index_lead_to_every_page():
    for page in sorted(TEXTS.keys() - {"README.md", "index.md", "reference.md"}):
        assert f"(docs/{page}" in README
        assert f"]({page}" in TEXTS["index.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", TEXTS[page.name]):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        other = page.parent / name if name else page
        assert other.exists(), target
        # Names of Python are anchors of the site only; mkdocs looks for them.
        if anchor and not anchor.startswith("gru_bench."):
            assert anchor in anchors(other.read_text(encoding="utf-8")), target


def anchors(text):
    headings = re.findall(r"^#+ (.*)$", _BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_ci_runs_the_test_command_of_the_readme_and_nothing_else():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (command,) = re.findall(r"<!-- test command -->\n```bash\n(.*?)\n```", README, re.DOTALL)
    assert command.endswith("tox")
    assert "pytest" not in script
    assert "pip install" not in script
    assert "tox" not in script
