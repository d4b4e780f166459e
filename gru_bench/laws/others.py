"""What an adapter makes beside the cell that is checked: others of its kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


class Others(ABC):
    """Part of `Target`."""

    @abstractmethod
    def rates(self) -> dict[str, float]:
        """Return the cell's dropout rates above zero, by the arguments that set them."""

    @abstractmethod
    def another(self, case: Any, **changes: Any) -> Any:
        """Return a subject of a new cell, with a case's weights.

        Args:
            case: the weights, the dtype and the input size.
            **changes: constructor arguments beside those given.
        """

    @abstractmethod
    def takes(self, dtype: str, **arguments: Any) -> bool:
        """Return whether the constructor takes these arguments beside those given."""

    @abstractmethod
    def variant(self, case: Any, **arguments: Any) -> Any:
        """Return a subject of the cell made with other arguments, None where it takes none such.

        Args:
            case: draws the weights.
            **arguments: for the constructor.
        """

    @abstractmethod
    def every_weight(self, subject: Any) -> list[Array]:
        """Return the weights of a subject in its order, those too that do not learn; float64."""

    @abstractmethod
    def give_every(self, subject: Any, values: Iterable[Array]) -> None:
        """Assign what `every_weight` returns."""

    @abstractmethod
    def keeps_masks(self, cell: Any) -> bool:
        """Return whether what `another` gives keeps masks from step to step."""

    @abstractmethod
    def called(
        self, cell: Any, x: Array, states: Sequence[Array], training: bool
    ) -> tuple[Array, list[Array]]:
        """Return the output and the states of one call of what `another` gives."""

    @abstractmethod
    def forget_masks(self, cell: Any) -> None:
        """Let the next call of what `another` gives draw the masks that it keeps."""
