# ruff: noqa: E501 - tables
"""Labels, titles and claims that a terminal, a page, a figure or a parser might obey."""

from __future__ import annotations

TEXTS = (
    "$\\frac{$", "$x^2$", "$", "$$", "\\$", "$\\undefined$", "$\\sqrt{", "a_b^c",
    "\\input{x}", "%%",    "[/x]", "[bold]x[/bold]", "[red]", "[link=javascript:1]x[/link]", "[[x]]", "[/]", "\\[x]",
    ":bomb:",    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b]8;;http://x\x07x\x1b]8;;\x07", "\x1b[2J",
    "\x9b31m",    "\x00", "a\x00b", "\x07", "\x08\x08\x08", "\x7f", "\r", "a\nb", "a\r\nb", "\x0b\x0c", "\x85",
    "\u2028", "\u202eevil", "\u2066x\u2069", "\u200b", "\ufeffx", "\ufffe", "\U000e0041", "💥" * 20,
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</td></tr></table>", "<!--",
    "-->",    "]]>", "&lt;b&gt;", "&#27;[31m", "\"><svg onload=1>", "{{ 7*7 }}", "{% raw %}", "${7*7}",
    "#{7}",    "# heading", "- item", "1. item", "> quote", "| a | b |", "`code`", "```", "*a* _b_ ~~c~~",
    "[x](javascript:alert(1))", "![x](http://x/y.png)", "[x]: http://x", "=cmd|' /C calc'!A1",
    "a,b;c\"d", "%n%s", "x" * 1000, "é" * 300, "\t tab", "../../x", "con", "' OR 1=1",
)  # fmt: skip
