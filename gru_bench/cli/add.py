"""`gru-bench add`: what a trained adder says the sum is."""

from __future__ import annotations

import re

import click

from gru_bench.cli import kinds, options
from gru_bench.cli.terminal import say
from gru_bench.errors import UsageError
from gru_bench.outside.bounds import LENGTH, shown

#: How an addend is written: ASCII digits, nothing between them.
_ADDEND = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+", re.ASCII)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("a")
@click.argument("b")
@click.option(
    "--model", default="adder.keras", show_default=True, type=kinds.NAME, help="A saved adder."
)
@options.trust
@click.option("--bits", type=kinds.LENGTH, help="Bits per number, leading zeros included.")
@click.option("--check", is_flag=True, help="Compare with the true sum; exit 1 if it differs.")
def command(
    a: str, b: str, model: str, trust: tuple[str, ...], bits: int | None, check: bool
) -> int:
    """Print what the adder says A + B is, and nothing else.

    A and B are non-negative integers of any size (decimal, or 0x, 0b, 0o).
    """
    addends = [_parse(text) for text in (a, b)]
    least = max(1, *(addend.bit_length() for addend in addends))
    if least > LENGTH.most:
        raise UsageError(f"an addend may have at most {LENGTH.most} bits, got {least}")
    if bits is not None and bits < least:
        raise UsageError(f"--bits must be at least {least} for these addends, got {bits}")

    said = options.load_adder(model, trust).add(addends[0], addends[1], length=bits)
    say(said)
    if not check or said == sum(addends):
        return 0
    wrong = said ^ sum(addends)
    bit = (wrong & -wrong).bit_length() - 1
    say(
        f"wrong: bit {bit} (counted from 0, least significant first) is {said >> bit & 1}, "
        f"but the sum is {sum(addends)}",
        err=True,
    )
    return 1


def _parse(text: str) -> int:
    """Return a non-negative integer."""
    if not _ADDEND.fullmatch(text):
        raise UsageError(f"an addend must be a non-negative integer, got {shown(text)}")
    if len(text) > LENGTH.most:  # a decimal of so many digits takes minutes to read
        raise UsageError(f"an addend may have at most {LENGTH.most} bits, got {len(text)} digits")
    return int(text, 0 if text[:2].lower() in {"0x", "0b", "0o"} else 10)
