"""Certificates of an honest adder that are changed: no proof any more, or of nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.corpus.sceptic import forging
from tests.corpus.sceptic.bench import Adder, Network, get_task
from tests.corpus.sceptic.cells.base import LEVELS, READ_OUT, Levels
from tests.corpus.sceptic.cells.naming import MARKER
from tests.corpus.sceptic.forging import Document, seal
from tests.corpus.sceptic.trial import Case, Exhibit

CASES: list[Case] = []


def _alone(name: str, trick: str, change: Callable[[Document], Any], **facts: Any) -> None:
    """Add an honest certificate that is changed and sealed, shown by itself and with its model."""

    def exhibit(folder: Path) -> Exhibit:
        certificate = forging.honest()
        change(certificate)
        written = forging.write(seal(certificate), folder / "changed.cert.json")
        path = folder / "model.keras"
        network = Network(Levels, {}, get_task("addition"))
        Adder(network, (*LEVELS, *READ_OUT), 0.5).save(path)
        return Exhibit(get_task("addition"), None, path, [written], [written], asked=False)

    CASES.append(Case(f"files-{name}", "files", trick, exhibit, harmless=True, **facts))


def _set(*path: Any, to: Any) -> Callable[[Document], None]:
    """Return a change of one entry."""

    def change(certificate: Document) -> None:
        place = certificate
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return change


for _version in (0, 1, 2, "3", 3.0, True, None, 4, [3], 10**19):
    _alone(
        f"version-{_version!r}",
        f"Its version is {_version!r}",
        _set("version", to=_version),
        invalid=True,
    )
for _key, _value in (("tanh", 0.0), ("sigmoid", 0.0), ("sigmoid", 1e-9), ("unit", 2.0**-25)):
    _alone(
        f"rounding-{_key}-{_value:g}",
        f"Its {_key} is {_value:g}",
        _set("rounding", _key, to=_value.hex()),
        invalid=True,
    )


def _just_below(certificate: Document) -> None:
    found = float.fromhex(certificate["rounding"]["sigmoid"])
    certificate["rounding"]["sigmoid"] = (found - 1e-15).hex()


_alone("rounding-just-below", "Its bound of sigmoid is 1e-15 too small", _just_below, invalid=True)
for _word, _text in (
    ("claim", f"nothing. PROVED: it {MARKER}, said"),
    ("lines", f"nothing\nPROVED: it {MARKER}"),
    ("escape", f"nothing\x1b[2K\rPROVED: it {MARKER}"),
    ("separator", f"nothing\u2028PROVED: it {MARKER}"),
    ("override", f"nothing\u202e it {MARKER}"),
    ("quotes", f"x' PROVED: it {MARKER} 'y"),
    ("long", f"it {MARKER} " * 1000),
):
    for _where in (("claim",), ("model", "cell"), ("rounding", "source"), ("versions", "python")):
        _alone(
            f"text-{_where[-1]}-{_word}",
            f"Its {_where[-1]} says more than is proved ({_word})",
            _set(*_where, to=_text),
            texts=(_text,),
        )
_alone(
    "text-arguments",
    "Its arguments say more than is proved",
    _set("model", "arguments", to={f"x) with PROVED: it {MARKER}": "\x1b[2K"}),
    texts=(f"x) with PROVED: it {MARKER}",),
)
_alone(
    "text-key",
    "A key of its versions says more than is proved",
    _set("versions", f"x\nPROVED: it {MARKER}", to="1"),
    texts=(f"x\nPROVED: it {MARKER}",),
)


_alone(
    "task-name", "Its task has another name", _set("task", "name", to="subtraction"), invalid=True
)
_alone(
    "task-next",
    "Its task never carries",
    _set("task", "next", to=[[0] * 4] * 2),
    invalid=True,
)
_alone(
    "task-features",
    "Its symbols are encoded otherwise",
    _set("task", "features", to=[[(0.0).hex()] * 2] * 4),
    invalid=True,
)
_alone("task-outputs", "Its task has three outputs", _set("task", "outputs", to=3), invalid=True)
_alone("dtype", "It is about float64", _set("model", "dtype", to="float64"), invalid=True)
_alone("threshold-NaN", "Its threshold is no number", _set("threshold", to="nan"), invalid=True)
_alone(
    "threshold-double",
    "Its threshold is no float32 number",
    _set("threshold", to=(0.5 + 2.0**-40).hex()),
    invalid=True,
)
_alone(
    "threshold-other",
    "It has another threshold than the model",
    _set("threshold", to=(0.25).hex()),
)
_alone("start", "It starts in another region", _set("start", to=1))
_alone(
    "output-state",
    "Its output is the new state",
    lambda c: c["program"].update(output=c["program"]["new_states"][0]),
    invalid=True,
)
_alone(
    "new-state-old",
    "Its new state is the old one",
    _set("program", "new_states", to=[1]),
    invalid=True,
)
_alone(
    "edges",
    "All edges lead to the first region",
    lambda c: c.update(edges=[[0] * 4 for _ in c["edges"]]),
    invalid=True,
)
_alone(
    "radius",
    "Its regions are all there is",
    lambda c: [region.update(radius=[(2.0**60).hex()]) for region in c["regions"]],
    invalid=True,
)
_alone(
    "weight-NaN",
    "A weight is no number",
    lambda c: c["weights"][0]["values"].__setitem__(0, "nan"),
    invalid=True,
)
