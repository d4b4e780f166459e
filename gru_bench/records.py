"""Records read from TOML and JSON: no unknown keys, no silent conversions, errors of one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import pydantic

from gru_bench.errors import UsageError, nearest
from gru_bench.outside import bounds
from gru_bench.outside.bounds import Bound, shown
from gru_bench.outside.text import one_line


class Record(pydantic.BaseModel):
    """A frozen record read from TOML or JSON: no unknown keys, no silent conversions."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)


Model = TypeVar("Model", bound=Record)


def _within(bound: Bound) -> Any:
    return pydantic.Field(ge=bound.least, le=bound.most)


#: Integers as `bounds` has them.
Seed = Annotated[int, _within(bounds.SEED)]
Iterations = Annotated[int, _within(bounds.ITERATIONS)]
Checkpoint = Annotated[int, pydantic.Field(ge=0, le=bounds.ITERATIONS.most)]
Length = Annotated[int, _within(bounds.LENGTH)]
Pairs = Annotated[int, _within(bounds.PAIRS)]
Bits = Annotated[int, _within(bounds.BITS)]
Batch = Annotated[int, _within(bounds.BATCH)]
Units = Annotated[int, _within(bounds.UNITS)]
Regions = Annotated[int, _within(bounds.REGIONS)]
Search = Annotated[int, _within(bounds.SEARCH_OR_NONE)]

#: Numbers beyond which no float32 is left to compute with.
_LARGEST = 1e38
Positive = Annotated[float, pydantic.Field(gt=0, le=_LARGEST, allow_inf_nan=False)]
Share = Annotated[float, pydantic.Field(ge=0, le=1, allow_inf_nan=False)]
#: How much of the past an average keeps: at 1 it would never see anything new.
Decay = Annotated[float, pydantic.Field(ge=0, lt=1, allow_inf_nan=False)]
NotNegative = Annotated[float, pydantic.Field(ge=0, le=_LARGEST, allow_inf_nan=False)]
#: A name, a label, a title: shown as one line in which every character can be seen.
Line = Annotated[str, pydantic.Field(max_length=1000), pydantic.AfterValidator(one_line)]


def parse(model: type[Model], data: Mapping[str, Any], where: str) -> Model:
    """Return `data` as a record.

    Raises:
        UsageError: an unknown key (with the nearest known one), a missing key or a wrong value,
            in one line that begins with `where`.
    """
    try:
        # TOML has arrays where records have tuples; nothing else is converted.
        return model.model_validate_json(_as_json(data, where))
    except pydantic.ValidationError as failure:
        # A misspelt key makes two errors, unknown and missing: the first says more.
        error = min(failure.errors(), key=lambda e: e["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in error["loc"])
        if error["type"] == "extra_forbidden":
            known = _fields_at(model, error["loc"][:-1])
            hint = nearest(str(error["loc"][-1]), known)
            raise UsageError(f"{where}: unknown key {key!r}{hint}") from None
        if error["type"] == "missing":
            raise UsageError(f"{where}: key {key!r} is missing") from None
        raise UsageError(
            one_line(f"{where}: {key} = {shown(error['input'])}: {error['msg']}")
        ) from None


#: JSON has no NaN: it is written all the same, to be refused by what it is.
_ANYTHING = pydantic.TypeAdapter(Any, config=pydantic.ConfigDict(ser_json_inf_nan="constants"))


def _as_json(data: Mapping[str, Any], where: str) -> bytes:
    try:
        return _ANYTHING.dump_json(data)
    except (ValueError, RecursionError) as error:  # half a character, or deeper than JSON goes
        raise UsageError(one_line(f"{where}: it cannot be written as JSON: {error}")) from None


def _fields_at(model: type[Record], path: tuple[int | str, ...]) -> list[str]:
    """Return the keys known at a path inside a record."""
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            inner = model.model_fields[part].annotation
            candidates = [inner, *getattr(inner, "__args__", ())]
            records = [c for c in candidates if isinstance(c, type) and issubclass(c, Record)]
            model = records[0] if records else model
    return list(model.model_fields)
