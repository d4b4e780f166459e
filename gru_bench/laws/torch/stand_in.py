"""What the check of a law about modules is given in a script.

Nothing here is run by the bench: scripts hold the source of this class.
"""

from __future__ import annotations

from typing import Any

from gru_bench.laws.stand_in import Case


class TorchCase(Case):
    """What a law about a module is tried on; modules are PyTorch's own."""

    @property
    def torch(self) -> Any:
        """PyTorch."""
        return self.given["torch"]

    def module(self, weighted: bool = True) -> Any:
        """Return a new module, with the weights of this case or with those that it begins with."""
        if weighted:
            return self.given["make"](self.dtype)
        return self.given["made"]().to(getattr(self.torch, self.dtype))

    def computed(self, module: Any) -> list[Any]:
        """Return output and new states of one step of a module, from the first inputs."""
        output, new = self.given["call"](module, self.xs[0], self.states, self.training)
        return [output, *new]

    def mapped(self, module: Any) -> list[Any]:
        """Return what a step gives that is mapped over rows by `torch.func.vmap`."""
        found: list[Any] = self.given["mapped_rows"](module, self.xs[0], self.states)
        return found
