"""Text from outside, made fit for where it is shown.

A label, a title, the message of an exception: whoever wrote them may have put in what a terminal
obeys, or what a page takes for its own marks.
"""

from __future__ import annotations

import re

#: Characters of the longest text that a figure shows.
FIGURE = 60

#: What Markdown would take for its own marks, wherever it stands.
_MARKS = re.compile(r"[\\`*_~|$]|<(?=[A-Za-z/!?])|&(?=[#A-Za-z])|!(?=\[)|\](?=[(\[:])")
#: And what it would only at the beginning.
_FIRST = re.compile(r"^([#>+=-]|\d+[.)](?=\s|$))")


def one_line(text: str) -> str:
    """Return text as one line in which every character can be seen."""
    return visible(" ".join(text.split()))


def visible(text: str, keep: str = "") -> str:
    """Return text in which what cannot be seen is shown as escapes, as in Python's strings.

    Control characters cannot be seen, nor marks that turn the direction of writing, nor halves of
    characters.

    Args:
        text: of any characters.
        keep: those that are left as they are.
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in keep else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def lines(text: str) -> str:
    """Return text of several lines for a terminal or a pipe: no escape sequences."""
    return visible(text, keep="\n\t\N{NO-BREAK SPACE}")


def markdown(text: str) -> str:
    """Return text for a paragraph, a heading or a table of Markdown, which shows it as it is."""
    marked = _MARKS.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), text)
    return _FIRST.sub(r"\\\1", marked)


_ENTITIES = {"<": "&lt;", "&": "&amp;"}


def code(text: str) -> str:
    """Return text as a span of code in Markdown, whatever backticks it has."""
    runs = [len(run) for run in re.findall(r"`+", text)]
    fence = "`" * (max(runs, default=0) + 1)
    inner = f" {text} " if text.startswith("`") or text.endswith("`") else text
    return f"{fence}{inner}{fence}"


def short(text: str, most: int = FIGURE) -> str:
    """Return the beginning of a text that is too long for its place."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def xml(text: str) -> str:
    """Return text without what XML cannot hold, which is shown as escapes."""
    kept = visible(text, keep="\n\t")
    return "".join(c if c not in "\ufffe\uffff" else "?" for c in kept)
