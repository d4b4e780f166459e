"""Saved adders: what a file says, before anything is made of it.

A model is data. Keras's own reader makes whatever object a file names; so it is not used here: the
bench makes its own model from the few facts below, compares Keras's description with it, and reads
nothing but numbers from the rest.
"""

from __future__ import annotations

import io
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import h5py  # type: ignore[import-untyped]
import pydantic

from gru_bench.errors import UsageError, in_one_line
from gru_bench.outside.opening import LARGEST, LARGEST_MODEL, parse_json, read_bytes
from gru_bench.records import Record, parse

#: Entry beside Keras's own in a saved file: what the weights alone do not say.
FACTS = "gru_bench.json"
FORMAT: Literal[1] = 1
CONFIG, WEIGHTS = "config.json", "model.weights.h5"
_ENTRIES = {FACTS, CONFIG, WEIGHTS, "metadata.json"}
#: Bytes of the longest table of contents.
_CONTENTS = 2**16
#: How many groups and arrays weights may lie in.
_OBJECTS = 4096


class Facts(Record):
    """What an adder is, beside its weights.

    Args:
        format: of the file.
        cell: `package.module:Name`.
        arguments: of the cell.
        task: that it was trained for.
        dtype: a Keras dtype policy.
        threshold: of a two-valued read-out.
        origin: how it was trained.
    """

    format: Literal[1]
    cell: Annotated[str, pydantic.Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][\w.]*$")]
    arguments: dict[str, Any]
    task: str
    dtype: Annotated[str, pydantic.Field(pattern="^[a-z0-9_]{1,40}$")]
    threshold: Annotated[float, pydantic.Field(ge=-1e38, le=1e38, allow_inf_nan=False)]
    origin: dict[str, Any]


@dataclass(frozen=True)
class Saved:
    """A saved adder, not yet made.

    Args:
        facts: what it is.
        config: Keras's description of the model.
        weights: the bytes of Keras's HDF5 file.
    """

    facts: Facts
    config: dict[str, Any]
    weights: bytes


def read_saved(path: Path) -> Saved:
    """Return what a saved adder says.

    Raises:
        UsageError: the file is missing, damaged, too large, or no saved adder.
    """
    if not path.exists():
        raise UsageError(f"there is no model file {str(path)!r}")
    raw = read_bytes(path, LARGEST_MODEL)
    name = f"model {str(path)!r}"
    entries = _unpack(raw, path)
    if FACTS not in entries:
        raise UsageError(f"{str(path)!r} is not an adder saved by gru_bench")
    if missing := _ENTRIES - entries.keys():
        raise UsageError(f"{name} is damaged: it has no {min(missing)}")
    facts, config = (parse_json(entries[key], f"{name}: {key}") for key in (FACTS, CONFIG))
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise UsageError(f"{str(path)!r} has another format than {FORMAT}")
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise UsageError(f"{name} is damaged: it does not describe a Keras model")
    return Saved(parse(Facts, facts, f"{name}: {FACTS}"), config["config"], entries[WEIGHTS])


def _unpack(raw: bytes, path: Path) -> dict[str, bytes]:
    """Return the entries of an archive by name, none larger than it may be."""
    try:
        _check_contents(raw)
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            listed = archive.infolist()
            names = [entry.filename for entry in listed]
            if len(set(names)) < len(names):
                raise UsageError("an entry stands twice in it")
            if FACTS in names and (others := set(names) - _ENTRIES):
                raise UsageError(f"it has an entry {ascii(min(others))[:60]} of no saved adder")
            return {
                entry.filename: _entry(archive, entry)
                for entry in listed
                if entry.filename in _ENTRIES
            }
    except UsageError as error:
        raise UsageError(f"model {str(path)!r} is refused: {error}") from None
    # What zipfile raises for damage, encryption, and kinds of compression that it lacks.
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, EOFError) as error:
        raise UsageError(f"{str(path)!r} is not a whole .keras file: {error}") from None
    except Exception as error:  # zlib and its like have kinds of their own
        raise UsageError(
            f"{str(path)!r} is not a whole .keras file: {in_one_line(error)}"
        ) from None


def _check_contents(raw: bytes) -> None:
    """Refuse a table of contents that would take all memory before it can be looked at."""
    end = raw.rfind(b"PK\x05\x06", max(0, len(raw) - 2**16 - 22))
    if end < 0 or len(raw) < end + 16:
        raise zipfile.BadZipFile("File is not a zip file")
    (size,) = struct.unpack_from("<I", raw, end + 12)
    if size > _CONTENTS or raw[max(0, end - 20) :].startswith(b"PK\x06\x07"):
        raise UsageError("its table of contents is too long")


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    most = LARGEST_MODEL if entry.filename == WEIGHTS else LARGEST
    if entry.file_size > most:
        raise UsageError(f"{entry.filename} has more than {most} bytes")
    with archive.open(entry) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise UsageError(f"{entry.filename} has more than {most} bytes")
    return data


def load_weights(model: Any, weights: bytes) -> None:
    """Set a Keras model's weights to those in the bytes of an HDF5 file.

    Raises:
        UsageError: they link to other files, are too many, or are not those of the model.
    """
    with h5py.File(io.BytesIO(weights), "r") as file:
        _check_weights(file)
    with tempfile.TemporaryDirectory(prefix="gru_bench-") as folder:
        path = Path(folder) / WEIGHTS
        path.write_bytes(weights)
        model.load_weights(path)


def check_same_arrays(model: Any, weights: bytes) -> None:
    """Refuse a file that holds other arrays than the model itself would write.

    Raises:
        UsageError: it does: a cell may read more than its weights from it.
    """
    with tempfile.TemporaryDirectory(prefix="gru_bench-") as folder:
        path = Path(folder) / WEIGHTS
        model.save_weights(path)
        own = path.read_bytes()
    given, expected = (_arrays(data) for data in (weights, own))
    if given != expected:
        other = min(given ^ expected)
        raise UsageError(f"its weights are not just those of the adder: {other!r:.100}")


def _arrays(weights: bytes) -> set[tuple[str, tuple[int, ...]]]:
    """Return the arrays in an HDF5 file, by name and shape."""
    with h5py.File(io.BytesIO(weights), "r") as file:
        found = list(_objects(file))
        return {(str(a.name), tuple(a.shape)) for a in found if isinstance(a, h5py.Dataset)}


def _check_weights(file: h5py.File) -> None:
    total = 0
    for number, found in enumerate(_objects(file)):
        if number >= _OBJECTS:
            raise UsageError(f"its weights lie in more than {_OBJECTS} groups and arrays")
        if isinstance(found, h5py.Dataset):
            if found.external or found.is_virtual:
                raise UsageError("its weights are in other files")
            total += found.nbytes
            if total > 4 * LARGEST_MODEL:
                raise UsageError("its weights take too much memory")


def _objects(group: h5py.Group, depth: int = 0) -> Iterator[Any]:
    """Yield what is in a group, and in groups within it."""
    if depth > 16:
        raise UsageError("its weights are nested too deeply")
    for name in group:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise UsageError("its weights link to something else")
        found = group[name]
        yield found
        if isinstance(found, h5py.Group):
            yield from _objects(found, depth + 1)
