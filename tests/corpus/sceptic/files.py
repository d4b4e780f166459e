"""Certificates that cheat: what they say agrees with a model, what they prove is about another.

The checker accepts most of them, since as proofs they are right; `--model` must not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.corpus.sceptic import forging
from tests.corpus.sceptic.bench import Adder, Network, get_task, tf
from tests.corpus.sceptic.cells.base import GAIN, LEVELS, READ_OUT, Levels, turned
from tests.corpus.sceptic.cells.honest import TwoStates
from tests.corpus.sceptic.cells.precision import OFFSET, Offset
from tests.corpus.sceptic.forging import Document, forge, program, proof, seal
from tests.corpus.sceptic.models import Liar
from tests.corpus.sceptic.trial import Case, Exhibit

CASES: list[Case] = []

#: An order of regions in which region k read with symbol k, over and over, meets (00, 0), (10, 0),
#: (01, 0) and (11, 1) only: what a comparison sees that runs through both at once.
BLIND = (0, 0, 0, 1)

_LOST = (*LEVELS[:9], 0.0, 0.0, 0.0)


class WrongAtOnes(Levels):
    """Wrong for 1 + 1 without a carry, which the order `BLIND` does not meet.

    Args:
        when: it is wrong only if this is written as `True`, `0.0` or `-0.0`.
    """

    def __init__(self, when: Any = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.when = when

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "when": self.when}

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        if repr(self.when) in ("True", "-0.0"):
            ones = tf.reduce_sum(x, axis=1, keepdims=True)
            p = turned(p, 2.0 * tf.nn.relu(ones - 1.5 - states[0]))
        return p, [self.levels(x, states[0])[:, 1:2]]


class Exchanged(Levels):
    """Keeps its first level for the carry."""

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0])
        return p, [p[:, 0:1]]


class Subtracted(Levels):
    """Subtracts its bias where the certificate adds it."""

    def levels(self, x: Any, h: Any) -> Any:
        return tf.sigmoid(tf.matmul(x, self.W) + tf.matmul(h, self.U) - self.b)


class StartsAtOne(Levels):
    """Starts with a carry."""

    def get_initial_state(self, batch_size: Any = None) -> Any:
        return [tf.ones((batch_size, 1))]


class Scaled(Levels):
    """Levels times p (3) times q (1); with p (1) and q (3) the same numbers are right."""

    def more(self) -> None:
        self.p = self.add_weight(name="p", shape=(3,))
        self.q = self.add_weight(name="q", shape=(1,))

    def written(self, p: Any) -> Any:
        return p * self.p * self.q


class Spread(Levels):
    """Its bias is three weights of one entry each."""

    def more(self) -> None:
        self.parts = [self.add_weight(name=f"k{k}", shape=(1,)) for k in range(3)]

    def written(self, p: Any) -> Any:
        return p * tf.concat([self.parts[k] for k in (2, 1, 0)], axis=0)


def _adder(
    cell: type[Any] = Levels,
    weights: Any = (*LEVELS, *READ_OUT),
    threshold: float = 0.5,
    dtype: str = "float32",
    **arguments: Any,
) -> Adder:
    return Adder(Network(cell, arguments, get_task("addition"), dtype), weights, threshold)


def _case(name: str, trick: str, **facts: Any) -> Callable[[Any], Any]:
    """Add a function that returns a model and the certificate that is shown with it."""

    def add(make: Callable[[], tuple[Adder, Document]]) -> Any:
        def exhibit(folder: Path) -> Exhibit:
            adder, certificate = make()
            path = folder / "model.keras"
            adder.save(path)
            written = forging.write(certificate, folder / "forged.cert.json")
            asked = not facts.get("invalid")
            return Exhibit(get_task("addition"), None, path, [written], asked=asked)

        CASES.append(Case(f"files-{name}", "files", trick, exhibit, **facts))
        return make

    return add


@_case("honest", "A certificate written by hand of a model that is right", harmless=True)
def _() -> tuple[Adder, Document]:
    adder = _adder()
    return adder, forge(adder)


@_case("literal", "A literal of the program stands for a weight that is wrong")
def _() -> tuple[Adder, Document]:
    adder = _adder(weights=(*_LOST, *READ_OUT))
    return adder, forge(adder, program=program(3, (LEVELS[9:],), b=5))


@_case("blind", "A model that is wrong for one pair, which the order of regions hides")
def _() -> tuple[Adder, Document]:
    adder = _adder(WrongAtOnes, when=True)
    return adder, forge(adder, **proof(BLIND * 2))


@_case("true", "A model with the argument True, a certificate with the argument 1")
def _() -> tuple[Adder, Document]:
    return _as_if(_adder(WrongAtOnes, when=True), {"when": 1})


@_case("negative-zero", "A model with the argument -0.0, a certificate with the argument 0.0")
def _() -> tuple[Adder, Document]:
    return _as_if(_adder(WrongAtOnes, when=-0.0), {"when": 0.0})


def _as_if(adder: Adder, arguments: dict[str, Any]) -> tuple[Adder, Document]:
    certificate = forge(adder, **proof(BLIND))
    certificate["model"]["arguments"] = arguments
    return adder, seal(certificate)


@_case("other-cell", "The program of another cell with the same weights")
def _() -> tuple[Adder, Document]:
    adder = _adder(Liar)
    return adder, forge(adder)


@_case("other-name", "The certificate of an honest cell, word for word")
def _() -> tuple[Adder, Document]:
    return _adder(Liar), forge(_adder())


@_case("exchanged", "Output and new state are numbered otherwise than in the model")
def _() -> tuple[Adder, Document]:
    adder = _adder(Exchanged)
    return adder, forge(adder)


@_case("subtracted", "An addition where the model subtracts")
def _() -> tuple[Adder, Document]:
    adder = _adder(Subtracted)
    return adder, forge(adder)


@_case("starts", "The model starts with a carry, the certificate without")
def _() -> tuple[Adder, Document]:
    adder = _adder(StartsAtOne)
    return adder, forge(adder)


@_case("starts-turned", "The program reads 1 less the state, so that it may start at 1")
def _() -> tuple[Adder, Document]:
    adder = _adder(StartsAtOne)
    turning = program(3, (1.0,))
    first = 2 + 3 + 1
    for operation in turning["operations"]:
        operation["inputs"] = [n + (n >= first) for n in operation["inputs"]]
    turning["operations"].insert(0, {"op": "sub", "inputs": [5, 1]})
    turning["operations"][2]["inputs"] = [first, 3]
    last = first + len(turning["operations"])
    turning["operations"].append({"op": "sub", "inputs": [5, last - 1]})
    changed = {**turning, "output": last - 2, "new_states": [last]}
    regions = proof()
    for region in regions["regions"]:
        region["center"] = [(1.0 - float.fromhex(region["center"][0])).hex()]
    changed["initial_state"] = [[(1.0).hex()]]
    return adder, forge(adder, program=changed, **regions)


@_case("regrouped", "Two weights of other shapes, the same numbers one after the other")
def _() -> tuple[Adder, Document]:
    steep = tuple(2.0 * t for t in LEVELS)  # so that no level betrays itself at a blind pair
    numbers, out = (1.0, -1.0, -1.0, -1.0), (-1.0, 1.0, -1.0, 0.0)
    adder = _adder(Scaled, (*steep, *numbers, *out))
    certificate = forge(adder, program=_scaled(program(5)), **proof(BLIND))
    weights = certificate["weights"]
    weights[3] |= forging.tensor(numbers[:1])
    weights[4] |= forging.tensor(numbers[1:])
    return adder, seal(certificate)


def _scaled(found: Document) -> Document:
    """Return the program of `Scaled`."""
    last = found["new_states"][0]
    scaled = [{"op": "mul", "inputs": [found["output"], 5]}, {"op": "mul", "inputs": [last + 1, 6]}]
    return {**found, "operations": [*found["operations"], *scaled], "output": last + 2}


@_case("order", "Three weights of one entry, joined in another order")
def _() -> tuple[Adder, Document]:
    adder = _adder(Spread, (*LEVELS, 1.0, 1.0, -1.0, 1.0, -1.0, -1.0, 0.0))
    found = program(6)
    last = found["new_states"][0]
    more = [{"op": "concat", "inputs": [5, 6, 7], "axis": 0}]
    more.append({"op": "mul", "inputs": [found["output"], last + 1]})
    joined = {**found, "operations": [*found["operations"], *more], "output": last + 2}
    return adder, forge(adder, program=joined, **proof(BLIND))


@_case("states-joined", "One state of two entries where the model has two states", harmless=True)
def _() -> tuple[Adder, Document]:
    adder = _adder(TwoStates)
    joined = program(3)
    first, last = 2 + 3, 2 + 3 + 5
    for operation in joined["operations"]:
        operation["inputs"] = [n + (n >= first) for n in operation["inputs"]]
    cut = {"op": "slice", "inputs": [1], "axis": 0, "begin": 0, "end": 1}
    joined["operations"] = [cut, *joined["operations"]]
    joined["operations"][2]["inputs"] = [first, 3]
    joined["operations"].append({"op": "concat", "inputs": [last + 1, last + 1], "axis": 0})
    joined |= {"states": [2], "initial_state": [[(0.0).hex()] * 2]}
    joined |= {"output": last, "new_states": [last + 2]}
    return adder, forge(adder, program=joined, **proof(size=2))


@_case("states-parted", "Two states where the model has one of two entries", harmless=True)
def _() -> tuple[Adder, Document]:
    adder = _adder(Pair)
    parted = program(3)
    for operation in parted["operations"]:
        operation["inputs"] = [n + (n >= 2) for n in operation["inputs"]]
    parted |= {"states": [1, 1], "initial_state": [[(0.0).hex()]] * 2}
    last = 3 + 3 + 5
    parted |= {"output": last - 1, "new_states": [last, last]}
    return adder, forge(adder, program=parted, **proof(size=2))


class Pair(Levels):
    """One state of two entries, the carry twice."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = 2

    def call(self, x: Any, states: Any) -> Any:
        p = self.levels(x, states[0][:, :1])
        return p, [tf.concat([p[:, 1:2], p[:, 1:2]], axis=1)]


@_case("threshold", "The model has another threshold")
def _() -> tuple[Adder, Document]:
    adder = _adder(threshold=1.5)
    return adder, forge(adder, threshold=(0.5).hex())


for _policy in ("mixed_bfloat16", "mixed_float16"):

    @_case(f"precision-{_policy}", f"A model that computes in {_policy}")
    def _(policy: str = _policy) -> tuple[Adder, Document]:
        adder = _adder(Offset, (*LEVELS, OFFSET, *READ_OUT), dtype=policy)
        certificate = forge(adder)
        found = certificate["program"]
        last = found["new_states"][0]
        more = [{"op": "add", "inputs": [found["output"], 5]}]
        more.append({"op": "sub", "inputs": [last + 1, 5]})
        certificate["program"] = {
            **found,
            "operations": [*found["operations"], *more],
            "output": last + 2,
        }
        return adder, seal(certificate)


@_case("one-ulp", "A weight of the model differs in its last bit", harmless=True, invalid=True)
def _() -> tuple[Adder, Document]:
    near = (float(np.nextafter(np.float32(GAIN), np.float32(0))), *LEVELS[1:])
    return _adder(weights=(*near, *READ_OUT)), forge(_adder())


@_case("signed-zero", "A weight of the model is -0, in the certificate 0", harmless=True)
def _() -> tuple[Adder, Document]:
    return _adder(weights=(*LEVELS, *READ_OUT[:3], -0.0)), forge(_adder())


@_case("unused", "A program that reads none of the weights, which are all wrong")
def _() -> tuple[Adder, Document]:
    adder = _adder(weights=(*[0.0] * 12, *READ_OUT))
    return adder, forge(adder)


@_case("renamed", "The weights of the certificate have other names", harmless=True, invalid=True)
def _() -> tuple[Adder, Document]:
    adder = _adder()
    certificate = forge(adder)
    certificate["weights"][0]["name"] = "W_other"
    return adder, seal(certificate)


def _turn_outputs(certificate: Document) -> None:
    certificate["task"]["output"] = [[1 - t for t in row] for row in certificate["task"]["output"]]


@_case("task-output", "The outputs of its task are those of a model that is wrong")
def _() -> tuple[Adder, Document]:
    adder = _adder(Liar)
    certificate = forge(adder)
    _turn_outputs(certificate)
    found = certificate["program"]
    last = found["new_states"][0]
    found["literals"] = [forging.tensor(1.0)]
    shifted = [{**o, "inputs": [n + (n >= 5) for n in o["inputs"]]} for o in found["operations"]]
    shifted.append({"op": "sub", "inputs": [5, last]})
    certificate["program"] = {
        **found,
        "operations": shifted,
        "output": last + 2,
        "new_states": [last + 1],
    }
    return adder, seal(certificate)
