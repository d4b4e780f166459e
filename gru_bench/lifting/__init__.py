"""Lifting: the step of a cell, traced by TensorFlow, read off as a program.

Nothing is believed of what was read: the program's own expressions, entry by entry, must be those
of the trace, for one row and for several, so a program computes what the cell computes, whatever
the batch, or the cell is refused with the reason.
"""

from gru_bench.lifting.error import LiftingError
from gru_bench.lifting.lift import lift

__all__ = ["LiftingError", "lift"]
