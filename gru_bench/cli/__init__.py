"""The command line: `gru-bench`, or `python -m gru_bench`.

Each command lives in a module of its own that is imported when it is called, and imports
TensorFlow inside its body, so that help and usage errors answer at once.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gru_bench.cli.interrupt import INTERRUPTED, Interruptions, interruptions
from gru_bench.cli.terminal import patient_streams, say
from gru_bench.errors import BenchError, UsageError, in_one_line, nearest, own_fault
from gru_bench.outside.bounds import shown
from gru_bench.outside.text import one_line

#: Command, its module, and its line in `gru-bench --help`.
COMMANDS = {
    "check": ("gru_bench.cli.check", "Check a cell against the laws of recurrent cells."),
    "identify": ("gru_bench.cli.identify", "Find out which published equations a cell computes."),
    "laws": ("gru_bench.cli.laws", "List the laws."),
    "compare": ("gru_bench.cli.compare", "Compare a cell with a base: does it learn worse?"),
    "train": ("gru_bench.cli.train", "Train a cell to add and save the adder."),
    "add": ("gru_bench.cli.add", "Add two integers with a trained adder."),
    "gradcheck": ("gru_bench.cli.gradcheck", "Check a cell's gradients against numeric ones."),
    "gradflow": ("gru_bench.cli.gradflow", "Show whether a cell's gradient vanishes over time."),
    "prove": ("gru_bench.cli.prove", "Prove that an adder adds integers of any length."),
    "verify": ("gru_bench.cli.verify", "Check the certificate of a proved adder."),
    "falsify": ("gru_bench.cli.falsify", "Search for integers that an adder gets wrong."),
    "activations": ("gru_bench.cli.activations", "Measure the error of tanh and sigmoid."),
    "report": ("gru_bench.cli.report", "Train what an experiment says and write its report."),
    "runs": ("gru_bench.cli.runs", "List, filter, show, export and remove finished runs."),
}


class _Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            raise UsageError(
                f"unknown command {shown(args[0])}{nearest(args[0], COMMANDS)} "
                f"(known: {', '.join(COMMANDS)})"
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine; 1 a finding; 2 bad input, or the bench does not work here; "
    "130 interrupted.",
)
@click.version_option(package_name="gru_bench", prog_name="gru-bench")
def group() -> None:
    """Check recurrent cells, train them to add, and tabulate what they learn."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    # Addends have as many digits as the user likes.
    sys.set_int_max_str_digits(0)
    if arguments is None:
        _keep_out_of_the_current_folder()
    with interruptions() as found:
        code, message = _run(arguments, found)
    if message:
        with contextlib.suppress(OSError):  # nobody is there to tell
            say(f"gru-bench: {message}", err=True)
    return code


def _run(arguments: Sequence[str] | None, found: Interruptions) -> tuple[int, str]:
    """Return the exit code, and what there is to say of it."""
    try:
        with patient_streams():
            _check_current_folder()
            result: Any = group.main(
                args=None if arguments is None else list(arguments),
                prog_name="gru-bench",
                standalone_mode=False,
            )
        # A command that was interrupted and has kept what was finished says so itself.
        return result if isinstance(result, int) else 0, ""
    except click.ClickException as error:
        message = one_line(error.format_message()) + _hint(error)
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED, found.message
    except SystemExit as error:
        message = f"code that was given asked Python to exit, with {error.code!r}"
    except Exception as error:
        if found.received:  # whatever broke, broke because it was interrupted
            return INTERRUPTED, found.message
        if isinstance(error, (UsageError, BenchError)):
            return 2, in_one_line(error)
        if isinstance(error, MemoryError):
            return 2, "there is not enough memory for this"
        if sys.flags.dev_mode:
            raise
        # Not exit code 1, Python's own: nothing was found out about what was given.
        message = f"{own_fault(error)}; python -X dev -m gru_bench shows where it comes from"
    return 2, message


def _hint(error: click.ClickException) -> str:
    """Return how a cell is given to a command that takes it as an option."""
    context = getattr(error, "ctx", None)
    options = [] if context is None else [one.opts for one in context.command.params]
    if "unexpected extra argument" in error.message and ["--cell"] in options:
        return ": a cell is given as --cell package.module:Name"
    return ""


def _check_current_folder() -> None:
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError(f"the current folder cannot be used: {error.strerror}") from None


def _keep_out_of_the_current_folder() -> None:
    """Let Hypothesis, of this process and of those it starts, keep its files with other caches."""
    with contextlib.suppress(RuntimeError):  # there is no home
        caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        os.environ.setdefault(
            "HYPOTHESIS_STORAGE_DIRECTORY", str(Path(caches) / "gru_bench" / "hypothesis")
        )
