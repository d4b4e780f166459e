"""`gru-bench add`: what a trained adder says the sum is."""

from __future__ import annotations

import click

from gru_bench.errors import UsageError, check_integer


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("a")
@click.argument("b")
@click.option("--model", default="adder.keras", show_default=True, help="A saved adder.")
@click.option("--bits", type=int, help="Bits per number, leading zeros included.")
@click.option("--check", is_flag=True, help="Compare with the true sum; exit 1 if it differs.")
def command(a: str, b: str, model: str, bits: int | None, check: bool) -> int:
    """Print what the adder says A + B is, and nothing else.

    A and B are non-negative integers of any size (decimal, or 0x, 0b, 0o).
    """
    addends = [_parse(text) for text in (a, b)]
    if bits is not None:
        check_integer("--bits", bits, 1)
    from gru_bench.learning.adder import Adder

    said = Adder.load(model).add(addends[0], addends[1], length=bits)
    click.echo(said)
    if not check or said == sum(addends):
        return 0
    wrong = said ^ sum(addends)
    bit = (wrong & -wrong).bit_length() - 1
    click.echo(
        f"wrong: bit {bit} (counted from 0, least significant first) is {said >> bit & 1}, "
        f"but the sum is {sum(addends)}",
        err=True,
    )
    return 1


def _parse(text: str) -> int:
    """Return a non-negative integer."""
    prefixed = text[:2].lower() in {"0x", "0b", "0o"}
    try:
        number = int(text, 0 if prefixed else 10)
    except ValueError:
        raise UsageError(f"an addend must be a non-negative integer, got {text!r}") from None
    if number < 0:
        raise UsageError(f"an addend must be a non-negative integer, got {text!r}")
    return number
