"""Family "modules": what users of PyTorch do with a module beside calling it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator, Mapping
from typing import Any

from gru_bench.laws.broken import NotApplicable
from gru_bench.laws.law import Wants, law
from gru_bench.laws.torch.case import TorchCase

FAMILY = "modules"

ONCE = Wants(steps=(1,), batch=(3,), narrow=True)


def _check_same(case: TorchCase, module: Any, other: Any, what: str) -> None:
    pairs = zip(case.computed(other), case.computed(module), strict=True)
    for k, (got, expected) in enumerate(pairs):
        case.close(got, expected, f"{'output' if not k else f'final state {k - 1}'} of {what}")


@law(
    "module-state-dict",
    FAMILY,
    "The state dict of one module, loaded strictly into another, makes it compute the same.",
    caught=("https://github.com/pytorch/pytorch/issues/1532",),
    wants=ONCE,
)
def state_dict(case: TorchCase) -> None:
    """Load it."""
    module, other = case.module(), case.module(weighted=False)
    other.load_state_dict(module.state_dict(), strict=True)
    _check_same(case, module, other, "a module with a loaded state dict")


@law(
    "module-copied",
    FAMILY,
    "A deep copy of a module computes the same, and shares no tensor with it.",
    wants=ONCE,
)
def copied(case: TorchCase) -> None:
    """Copy it, and look where the copy's tensors are."""
    module = case.module()
    other = copy.deepcopy(module)
    _check_same(case, module, other, "a deep copy")
    places = {tensor.data_ptr() for tensor in module.state_dict().values() if tensor.numel()}
    shared = [n for n, t in other.state_dict().items() if t.numel() and t.data_ptr() in places]
    if shared:
        case.fail(f"a deep copy shares {shared[0]} with the module", what="a shared tensor")


@law(
    "module-pickled",
    FAMILY,
    "A module that is pickled and read again computes the same.",
    wants=ONCE,
)
def pickled(case: TorchCase) -> None:
    """Pickle it, as `torch.save` does."""
    module = case.module()
    try:
        data = pickle.dumps(module)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise NotApplicable(f"it cannot be pickled: {str(error)[:120]}") from None
    _check_same(case, module, pickle.loads(data), "a module read from a pickle")


def _kept(module: Any, torch: Any) -> Iterator[tuple[str, Any]]:
    """Yield modules and tensors that are kept where PyTorch does not look, by their places."""
    for name, part in module.named_modules():
        for attribute, value in vars(part).items():
            if not attribute.startswith("_"):
                place = f"{name}.{attribute}" if name else attribute
                yield from _within(place, value, torch)


def _within(place: str, value: Any, torch: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _within(f"{place}[{key!r}]", item, torch)
    elif isinstance(value, (list, tuple)):
        for key, item in enumerate(value):
            yield from _within(f"{place}[{key}]", item, torch)
    elif isinstance(value, torch.nn.Module):
        if next(value.parameters(), None) is not None:
            yield place, value
    elif torch.is_tensor(value):
        yield place, value


@law(
    "module-registers-all",
    FAMILY,
    "Layers, weights and tensors of real numbers that a module keeps are registered in it, so that "
    "they learn, move and are saved with it.",
    wants=ONCE,
    most=1,
)
def registers_all(case: TorchCase) -> None:
    """Look for those that stand in plain attributes, lists and dictionaries."""
    module, torch = case.module(), case.torch
    known = {id(part) for part in (*module.modules(), *module.parameters(), *module.buffers())}
    for place, value in _kept(module, torch):
        if id(value) in known:
            continue
        if not torch.is_tensor(value):
            case.fail(f"{place} is a module that is not registered: use nn.ModuleList or alike")
        if isinstance(value, torch.nn.Parameter) or value.requires_grad:
            case.fail(f"{place} learns and is not registered as a parameter")
        # One number works on every device and in every dtype.
        if value.is_floating_point() and value.ndim:
            case.fail(f"{place} is a tensor that is neither a parameter nor a buffer")


@law(
    "module-maps-over-rows",
    FAMILY,
    "A step that torch.func.vmap maps over rows gives what the batch gives.",
    wants=ONCE,
)
def maps_over_rows(case: TorchCase) -> None:
    """Map it."""
    module = case.module()
    try:
        found = case.mapped(module)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        raise NotApplicable(f"it cannot be mapped: {str(error)[:120]}") from None
    for k, (got, expected) in enumerate(zip(found, case.computed(module), strict=True)):
        case.close(got, expected, f"{'output' if not k else f'final state {k - 1}'} of mapped rows")
