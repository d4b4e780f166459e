"""Cells of all kinds; `CASES` has each with its weights."""

from tests.corpus.sceptic.cells import (
    arithmetic,
    batch,
    calls,
    foreign,
    gradient,
    hidden,
    honest,
    kept,
    margin,
    mode,
    naming,
    precision,
    shape,
    training,
)
from tests.corpus.sceptic.cells.base import CellCase, Register

CASES: list[CellCase] = Register.every

__all__ = [
    "CASES",
    "CellCase",
    "arithmetic",
    "batch",
    "calls",
    "foreign",
    "gradient",
    "hidden",
    "honest",
    "kept",
    "margin",
    "mode",
    "naming",
    "precision",
    "shape",
    "training",
]
