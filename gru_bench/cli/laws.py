"""`gru-bench laws`: what the laws are."""

from __future__ import annotations

import click

from gru_bench.cli.terminal import say


@click.command()
def command() -> int:
    """List every law: what it says, when it applies, what it has caught."""
    from gru_bench.laws import LAWS

    family = ""
    for law in LAWS.values():
        if law.family != family:
            family = law.family
            say(f"{family}\n")
        needs = f"the cell has: {', '.join(law.needs)}" if law.needs else "always"
        say(f"  {law.name}\n      {law.statement}\n      applies: {needs}")
        for address in law.caught:
            say(f"      has caught: {address}")
        say("")
    say(f"{len(LAWS)} laws")
    return 0
