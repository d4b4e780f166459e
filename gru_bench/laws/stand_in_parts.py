"""What a stand-in for a case answers about chance, and about the equations that a cell claims.

As `stand_in`, of whose `Case` these are parts: nothing here is run by the bench.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np


class Drawing:
    """What a case is asked about chance."""

    if TYPE_CHECKING:
        given: dict[str, Any]
        dtype: str
        features: int

        @property
        def rng(self) -> np.random.Generator:
            """A new generator."""

    @property
    def epsilon(self) -> float:
        """The machine epsilon of the cell's dtype."""
        return float(np.finfo(self.dtype).eps)

    def another(self, **changes: Any) -> Any:
        """Return a new cell with the weights, made with other arguments."""
        return self.given["make"](self.dtype, **changes)

    def takes(self, **arguments: Any) -> bool:
        """Return whether the cell's constructor takes these arguments."""
        try:
            self.given["made"](self.dtype, **arguments)
        except Exception:  # a constructor can refuse in any way
            return False
        return True

    def called(self, cell: Any, x: Any, states: Sequence[Any], training: bool) -> Any:
        """Return the output and the new states of one call."""
        return self.given["call"](cell, x, states, training)

    def forget_masks(self, cell: Any) -> None:
        """Let the next call draw the masks that the cell keeps."""
        self.given["forget_masks"](cell)

    def keeps_masks(self, cell: Any) -> bool:
        """Return whether a cell keeps masks from step to step."""
        names = ("reset_dropout_mask", "reset_recurrent_dropout_mask")
        return any(hasattr(cell, name) for name in names)

    def rates(self) -> dict[str, float]:
        """Return the cell's dropout rates above zero."""
        names = ("dropout", "recurrent_dropout")
        found = {name: getattr(self.given["cell"], name, 0.0) for name in names}
        return {name: rate for name, rate in found.items() if isinstance(rate, float) and rate}

    def drawn(self, rows: int) -> Any:
        """Return inputs and states of so many rows that are nowhere zero."""
        if "start" in self.given:
            return self.given["x"], self.given["start"]
        shapes = [(rows, self.features), *((rows, *s.shape[1:]) for s in self.given["states"])]
        rng = self.rng
        arrays = [rng.normal(size=shape) for shape in shapes]
        x, *states = [array + np.copysign(0.25, array) for array in arrays]
        return x, states


class Claimed:
    """What a case is asked about equations: the answers are numbers of the script."""

    if TYPE_CHECKING:
        given: dict[str, Any]
        dtype: str

        def cell(self) -> Any:
            """Return the cell."""

        def rounding(self) -> Any:
            """Return how far two results may lie apart."""

    def claims(self, what: str) -> Any:
        """Return what the equations say of themselves."""
        return self.given["claim"][what]

    def claim_fails(self) -> str:
        """Return why the cell cannot be what it claims."""
        return str(self.given.get("claim", {}).get("fails", ""))

    def still(self, **results: Any) -> bool:
        """Return whether these are what they were when the law failed."""
        return all(
            np.allclose(result, self.given[name], 1e-3, 1e-6, True)
            for name, result in results.items()
        )

    def claimed(self, cell: Any, steps: int) -> Any:
        """Return what the equations say for each step, and how far the cell may lie from it."""
        del cell, steps
        return self.given["wanted"], self.rounding()

    @property
    def claim_name(self) -> str:
        """What is claimed."""
        return str(self.given["claim"]["name"])

    def variant(self, **arguments: Any) -> Any:
        """Return the cell made with other arguments, where these are those of the failure."""
        if arguments != self.given["arguments"]:
            return None
        return self._driven(self.given["built"](self.dtype, **arguments), self.given["driven"])

    def gates(self, shut: bool) -> dict[str, float]:
        """Return nothing: the weights are known that drive the gates."""
        del shut
        return {}

    def saturated(self, gates: Mapping[str, float], without: Sequence[str] = ()) -> Any:
        """Return the cell with weights that drive its gates to 0 or 1."""
        del gates, without
        return self._driven(self.cell(), self.given["driven"])

    def permuted(self, order: Any) -> Any:
        """Return the cell with weights for its units in another order."""
        del order
        return self._driven(self.cell(), self.given["driven"])

    def opened(self, cell: Any) -> bool:
        """Give a cell weights that open its update gate."""
        if "opened" not in self.given:
            return False
        self._driven(cell, self.given["opened"])
        return True

    def part(self, states: Sequence[Any], state: int) -> Any:
        """Return a state of the equations, where the cell has it."""
        which, first, last = self.given["claim"][f"state {state}"]
        return states[which][:, first:last]

    def setting(self, name: str) -> Any:
        """Return what the cell has by this name."""
        return getattr(self.given["cell"], name, None)

    def _driven(self, cell: Any, values: Sequence[Any]) -> Any:
        self.given["assign_every"](cell, values)
        return cell
