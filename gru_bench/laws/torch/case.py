"""A case of a law about PyTorch modules."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from gru_bench.laws.case import Case

if TYPE_CHECKING:
    from gru_bench.subjects.protocol import Array
    from gru_bench.subjects.torch.subject import TorchSubject


class TorchCase(Case):
    """What a law about a module is tried on; modules are PyTorch's own."""

    @property
    def torch(self) -> Any:
        """PyTorch, which whoever made the module has imported: laws are listed without it."""
        return sys.modules["torch"]

    def module(self, weighted: bool = True) -> Any:
        """Return a new module, with the weights of this case or with those that it begins with."""
        if weighted:
            subject: Any = self.fresh()
            return subject.own
        return self.target.fresh(self.features, self.dtype).own  # type: ignore[attr-defined]

    def computed(self, module: Any) -> list[Array]:
        """Return output and new states of one step of a module, from the first inputs."""
        like: TorchSubject = self.subject()  # type: ignore[assignment]
        output, new = like.with_cell(module).call(self.xs[0], self.states)
        return [output, *new]

    def mapped(self, module: Any) -> list[Array]:
        """Return what a step gives that is mapped over rows by `torch.func.vmap`."""
        like: Any = self.subject()
        return like.with_cell(module).mapped(self.xs[0], self.states)  # type: ignore[no-any-return]
