"""Deliberately wrong cells and layers: every law must catch some, and every one must be caught."""

from tests.corpus.wrong_cells import citizen, dropout, gru, layers, lstm
from tests.corpus.wrong_cells.table import TABLE, WrongCell

__all__ = ["TABLE", "WrongCell", "citizen", "dropout", "gru", "layers", "lstm"]
