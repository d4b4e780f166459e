"""Records read from TOML and JSON: no unknown keys, no silent conversions, errors of one line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pydantic

from gru_bench.errors import UsageError, nearest


class Record(pydantic.BaseModel):
    """A frozen record read from TOML or JSON: no unknown keys, no silent conversions."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)


Model = TypeVar("Model", bound=Record)
Count = Annotated[int, pydantic.Field(ge=1)]
Positive = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, pydantic.Field(ge=0, le=1)]
NotNegative = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]


def parse(model: type[Model], data: Mapping[str, Any], where: str) -> Model:
    """Return `data` as a record.

    Raises:
        UsageError: an unknown key (with the nearest known one), a missing key or a wrong value,
            in one line that begins with `where`.
    """
    try:
        # TOML has arrays where records have tuples; nothing else is converted.
        return model.model_validate_json(pydantic.TypeAdapter(Any).dump_json(data))
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
        message = f"{where}: {key} = {error['input']!r}: {error['msg']}"
        raise UsageError(" ".join(message.split())) from None


def _fields_at(model: type[Record], path: tuple[int | str, ...]) -> list[str]:
    """Return the keys known at a path inside a record."""
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            inner = model.model_fields[part].annotation
            candidates = [inner, *getattr(inner, "__args__", ())]
            records = [c for c in candidates if isinstance(c, type) and issubclass(c, Record)]
            model = records[0] if records else model
    return list(model.model_fields)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the contents of a TOML file.

    Raises:
        UsageError: it is missing, cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"there is no file {str(path)!r}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{str(path)!r} is not TOML: {error}") from None
