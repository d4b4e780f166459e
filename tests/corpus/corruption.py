"""Corrupt a certificate in 1,000 ways: does the checker believe any of them?

    python -m tests.corpus.corruption    # a certificate built by hand
    python -m tests.corpus.corruption adder.cert.json --kinds 1000
    python -m tests.corpus.corruption --kinds 10000 --any-theorem

Each corruption is tried twice. With its digest left stale it must be refused. With the hash of the
weights and the digest taken anew it must be refused too, or be another proof of the same theorem
(task, cell, weights, program, threshold, rounding): then it differs in regions, images, margins,
or free text only, and the checker has proved it anew. With --any-theorem a file may prove
another theorem: each network that is believed then reads words, and must be right.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import hashlib
import json
import math
import random
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gru_bench.checker.certificate import read
from gru_bench.checker.induction import verify
from gru_bench.checker.rejection import Rejected
from gru_bench.errors import UsageError
from tests.corpus.handmade import certificate
from tests.corpus.simulation import is_right

Document = dict[str, Any]
Place = tuple[Any, ...]

#: Certificates built by hand, of these tasks in these styles, that are changed.
TASKS, STYLES = ("addition", "subtraction", "comparison", "parity"), ("plain", "gated", "mixed")

#: What may differ between two proofs of one theorem.
PROOF = {"claim", "regions", "start", "edges", "images", "margins", "versions"}


def _hexadecimal(change: Callable[[float], Any]) -> Callable[[str], Any]:
    def changed(text: str) -> Any:
        result = change(float.fromhex(text))
        return result.hex() if isinstance(result, float) else result

    return changed


def _single_ulp(direction: float) -> Callable[[float], float]:
    """The next float32 number."""

    def step(number: float) -> float:
        (bits,) = struct.unpack("<i", struct.pack("<f", number))
        if number == 0:
            return math.copysign(2.0**-149, direction)
        bits += 1 if (direction > 0) == (number > 0) else -1
        (found,) = struct.unpack("<f", struct.pack("<i", bits))
        return float(found)

    return step


NUMBERS: dict[str, Callable[[str], Any]] = {
    "one ulp up": _hexadecimal(lambda t: math.nextafter(t, math.inf)),
    "one ulp down": _hexadecimal(lambda t: math.nextafter(t, -math.inf)),
    "one float32 ulp up": _hexadecimal(_single_ulp(1)),
    "one float32 ulp down": _hexadecimal(_single_ulp(-1)),
    "sign": _hexadecimal(lambda t: -t),
    "zero": lambda _: "0x0.0p+0",
    "double": _hexadecimal(lambda t: 2 * t),
    "half": _hexadecimal(lambda t: t / 2),
    "a percent more": _hexadecimal(lambda t: 1.01 * t),
    "plus one": _hexadecimal(lambda t: t + 1),
    "huge": lambda _: "0x1.0000000000000p+1000",
    "NaN": lambda _: "nan",
    "infinity": lambda _: "inf",
    "JSON number": _hexadecimal(int),
    "decimal": _hexadecimal(str),
    "too many digits": lambda t: t.replace("p", "0p") if "." in t else t + "0",
    "giant exponent": lambda t: t.partition("p")[0] + "p+99999",
}
INTEGERS: dict[str, Callable[[int], Any]] = {
    "one more": lambda n: n + 1,
    "one less": lambda n: n - 1,
    "negative": lambda n: -n - 1,
    "a billion": lambda _: 10**9,
    "true": lambda _: True,
    "float": lambda n: n + 0.5,
    "text": str,
    "null": lambda _: None,
}
TEXTS: dict[str, Callable[[str], Any]] = {
    "empty": lambda _: "",
    "one letter more": lambda t: t + "x",
    "null": lambda _: None,
    "a number": lambda _: 7,
}
LISTS: dict[str, Callable[[list[Any]], Any]] = {
    "first dropped": lambda v: v[1:],
    "last dropped": lambda v: v[:-1],
    "first twice": lambda v: v[:1] + v,
    "reversed": lambda v: v[::-1],
    "rotated": lambda v: v[1:] + v[:1],
    "emptied": lambda _: [],
    "nested": lambda v: [v],
    "null": lambda _: None,
}
OBJECTS: dict[str, Callable[[Document], Any]] = {
    "first entry dropped": lambda v: dict(list(v.items())[1:]),
    "last entry dropped": lambda v: dict(list(v.items())[:-1]),
    "an entry more": lambda v: {**v, "more": 1},
    "a list": lambda v: list(v.values()),
    "emptied": lambda _: {},
}


def changes(value: Any) -> dict[str, Callable[[Any], Any]]:
    """Return the ways to change a value of this kind."""
    if isinstance(value, dict):
        return OBJECTS
    if isinstance(value, list):
        return LISTS
    if isinstance(value, bool) or value is None:
        return {"zero": lambda _: 0, "text": lambda _: "x"}
    if isinstance(value, str):
        return NUMBERS if value.lstrip("-").startswith("0x") else TEXTS
    return INTEGERS


def places(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Return every place in a document, with what stands there."""
    if place:
        yield place, value
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from places(entry, (*place, key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from places(entry, (*place, index))


def replaced(document: Document, place: Place, value: Any) -> Document:
    """Return a copy with another value at one place."""
    result = copy.deepcopy(document)
    owner: Any = result
    for key in place[:-1]:
        owner = owner[key]
    owner[place[-1]] = value
    return result


def corruptions(document: Document, kinds: int, seed: int) -> Iterator[tuple[str, Document]]:
    """Return that many corrupted documents with their names, all fields and changes in turn.

    A field is a place whatever its indices; the fields take turns, so that each is changed in
    each way before any is changed twice.
    """
    rng = random.Random(seed)
    yield from _exchanges(document)
    kinds -= sum(1 for _ in _exchanges(document))
    fields: dict[tuple[str, str], list[tuple[Place, Any]]] = {}
    for place, value in places(document):
        if place == ("digest",):
            continue
        field = "/".join("*" if isinstance(key, int) else key for key in place)
        for change in changes(value):
            fields.setdefault((field, change), []).append((place, value))
    for entries in fields.values():
        rng.shuffle(entries)
    while kinds > 0 and any(fields.values()):
        for (_, change), entries in fields.items():
            found = _changed(document, change, entries)
            if found is not None and kinds > 0:
                kinds -= 1
                yield found


def _changed(
    document: Document, change: str, entries: list[tuple[Place, Any]]
) -> tuple[str, Document] | None:
    """Return the next place that a change does change."""
    while entries:
        place, value = entries.pop()
        try:
            after = changes(value)[change](value)
        except OverflowError:
            continue
        if json.dumps(after) != json.dumps(value):
            where = "/".join(map(str, place))
            return f"{where}: {change}", replaced(document, place, after)
    return None


def _exchanges(document: Document) -> Iterator[tuple[str, Document]]:
    """Return changes of several places at once."""
    regions = document["regions"]
    for i in range(len(regions)):
        other = (i + 1) % len(regions)
        swapped = list(regions)
        swapped[i], swapped[other] = regions[other], regions[i]
        if swapped != regions:
            yield f"regions {i} and {other} swapped", {**document, "regions": swapped}
        half = [(float.fromhex(t) / 2**10).hex() for t in regions[i]["radius"]]
        if half != regions[i]["radius"]:
            yield f"region {i} shrunk", replaced(document, ("regions", i, "radius"), half)
    for key in ("tanh", "sigmoid"):
        for factor in (0.0, 2.0**-10):
            bound = (float.fromhex(document["rounding"][key]) * factor).hex()
            yield f"bound of {key} times {factor}", replaced(document, ("rounding", key), bound)
    for key in ("output", "next"):
        rows = [[(n + 1) % (1 + max(row)) for n in row] for row in document["task"][key]]
        if rows != document["task"][key]:
            yield f"task {key} permuted", replaced(document, ("task", key), rows)
    foreign = copy.deepcopy(document)
    foreign["weights"][0]["values"].reverse()
    if foreign != document:
        yield "foreign weights", foreign


def sealed(document: Document) -> Document:
    """Return the document with the hash of its weights and its digest taken anew, if possible."""
    document = copy.deepcopy(document)
    document.pop("digest", None)
    with contextlib.suppress(KeyError, TypeError):
        document["model"]["weights_sha256"] = digest(document["weights"])
    return {**document, "digest": f"sha256:{digest(document)}"}


def digest(content: Any) -> str:
    """Return the sha256 of a part of a certificate, as canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def judge(document: Document, folder: Path, theorem: str | None) -> str:
    """Return "refused", "rejected", or "accepted"; any other exception is the checker's defect."""
    path = folder / "corrupted.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        verify(path, theorem)
    except UsageError:
        return "refused"
    except Rejected:
        return "rejected"
    return "accepted"


def differs_only_in_proof(before: Document, after: Document) -> bool:
    """Say whether two documents have the same theorem, word for word."""
    names = [{k: v for k, v in entry.items() if k != "name"} for entry in after["weights"]]
    same = [{k: v for k, v in entry.items() if k != "name"} for entry in before["weights"]]
    rest = before.keys() - PROOF - {"digest", "weights"}
    return names == same and all(after[key] == before[key] for key in rest)


def simulated(documents: list[Document], kinds: int, seed: int) -> int:
    """Let every network that is believed, hashes taken anew, read words; count the wrong ones."""
    counts: Counter[str] = Counter()
    share = -(-kinds // len(documents))
    made = (found for document in documents for found in corruptions(document, share, seed))
    with tempfile.TemporaryDirectory() as name:
        for kind, corrupted in made:
            answer = judge(sealed(corrupted), Path(name), None)
            if answer == "accepted":
                right = is_right(read(Path(name) / "corrupted.json"), seed)
                answer = "accepted, right" if right else "accepted, WRONG"
                if not right:
                    print(f"WRONG: {kind}")
            counts[answer] += 1
    print(f"of {counts.total()}: " + ", ".join(f"{n} {what}" for what, n in counts.items()))
    return bool(counts["accepted, WRONG"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?")
    parser.add_argument("--kinds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--any-theorem", action="store_true")
    options = parser.parse_args()
    if options.file:
        document = json.loads(Path(options.file).read_text(encoding="utf-8"))
    else:
        document = certificate("addition", "gated")
    if options.any_theorem:
        made = [certificate(task, style) for task in TASKS for style in STYLES]
        return simulated([document] if options.file else made, options.kinds, options.seed)
    counts: Counter[tuple[str, str]] = Counter()
    wrong = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "honest.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        theorem = verify(path).theorem
        for kind, corrupted in corruptions(document, options.kinds, options.seed):
            for seal in ("stale", "taken anew"):
                found = sealed(corrupted) if seal == "taken anew" else corrupted
                answer = judge(found, folder, theorem)
                if answer == "accepted":
                    proof_only = seal != "stale" and differs_only_in_proof(document, found)
                    answer = "another proof of the same theorem" if proof_only else "BELIEVED"
                    if not proof_only:
                        wrong.append(f"{kind}, digest {seal}")
                counts[f"digest {seal}", answer] += 1
    for (seal, answer), count in sorted(counts.items()):
        print(f"{seal}: {count} {answer}")
    for line in wrong:
        print(f"WRONG: {line}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
