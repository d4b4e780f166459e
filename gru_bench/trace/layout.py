"""Named tensors in one flat vector: where each entry is, and what it is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Part:
    """One tensor in a layout.

    Args:
        name: as reports show it.
        kind: "weight", "input", "state" of arguments; "output", "final" of results.
        shape: of the tensor.
        offset: where its entries begin in the flat vector.
        batch: whether an axis of one row is hidden from names of entries, and which.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    offset: int
    batch: int | None = None

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(np.prod(self.shape))

    @property
    def where(self) -> slice:
        """Its entries in the flat vector."""
        return slice(self.offset, self.offset + self.size)

    def index(self, flat: int) -> tuple[int, ...]:
        """Return the index of entry `flat` of the vector within this tensor."""
        full = [int(k) for k in np.unravel_index(flat - self.offset, self.shape)]
        if self.batch is not None and self.shape[self.batch] == 1:
            del full[self.batch]
        return tuple(full)


#: Name, kind, shape, and the axis of the batch (None without) of a tensor.
Described = tuple[str, str, tuple[int, ...], int | None]


class Layout:
    """Tensors one after another.

    Args:
        parts: what each is.
    """

    def __init__(self, parts: Sequence[Described]) -> None:
        made, offset = [], 0
        for name, kind, shape, batch in parts:
            made.append(Part(name, kind, tuple(shape), offset, batch))
            offset += made[-1].size
        self.parts = tuple(made)
        self.size = offset
        self._offsets = np.array([part.offset for part in made])

    def part(self, flat: int) -> Part:
        """Return the tensor that entry `flat` belongs to."""
        sized = [k for k, part in enumerate(self.parts) if part.size]
        found = np.searchsorted(self._offsets[sized], flat, side="right") - 1
        return self.parts[sized[int(found)]]

    def label(self, flat: int) -> str:
        """Return the name of an entry, for example `U_z[3, 5]`."""
        part = self.part(flat)
        index = part.index(flat)
        return f"{part.name}[{', '.join(str(k) for k in index)}]" if index else part.name

    def split(self, vector: Array) -> list[Array]:
        """Return the tensors in `vector` `(..., size)`, each `(..., *shape)`."""
        return [vector[..., p.where].reshape((*vector.shape[:-1], *p.shape)) for p in self.parts]

    def join(self, arrays: Sequence[Array]) -> Array:
        """Return the flat vector of tensors, the inverse of `split`."""
        return np.concatenate([np.asarray(a).reshape(-1) for a in arrays])
