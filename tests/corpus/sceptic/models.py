"""Saved adders whose parts disagree: what the package reads is honest, what Keras runs is not."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.corpus.sceptic import forging
from tests.corpus.sceptic.bench import Adder, Network, get_task, keras
from tests.corpus.sceptic.cells.base import LEVELS, READ_OUT, Levels, turned
from tests.corpus.sceptic.cells.precision import OFFSET, Offset
from tests.corpus.sceptic.trial import Case, Exhibit

HERE = "tests.corpus.sceptic.models"

CASES: list[Case] = []

#: The entry that the package adds to Keras's file.
FACTS = "gru_bench.json"


class Switched(Levels):
    """Writes the other digit if its argument says so."""

    def __init__(self, wrong: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wrong = wrong

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "wrong": self.wrong}

    def written(self, p: Any) -> Any:
        return turned(p) if self.wrong else p


@keras.saving.register_keras_serializable("sceptic")
class Liar(Levels):
    """Writes the other digit."""

    def written(self, p: Any) -> Any:
        return turned(p)


@keras.saving.register_keras_serializable("sceptic", "Levels")
class _Impostor(Liar):
    pass


class Biased(Levels):
    """Has a frozen weight of 0 that turns the digits, should it be 1."""

    def more(self) -> None:
        self.k = self.add_weight(name="k", shape=(), initializer="zeros", trainable=False)

    def written(self, p: Any) -> Any:
        return turned(p, self.k)


class ToldTrue(Levels):
    """Writes the other digit where it is told that it trains."""

    def call(self, x: Any, states: Any, training: Any = None) -> Any:
        p, states = super().call(x, states)
        return (turned(p) if training else p), states


class Raised(Levels):
    """Writes its levels plus 4096, which half precision cannot hold."""

    def written(self, p: Any) -> Any:
        return p + 4096.0


def honest_adder(
    cell: type[Any] = Levels, weights: Any = (*LEVELS, *READ_OUT), **facts: Any
) -> Adder:
    network = Network(cell, facts.get("arguments", {}), get_task("addition"))
    return Adder(network, weights, facts.get("threshold", 0.5))


def facts_of(adder: Adder, path: Path) -> dict[str, Any]:
    """Return what the package notes of an adder that it saves, and leave the file there."""
    adder.save(path)
    with zipfile.ZipFile(path) as archive:
        found: dict[str, Any] = json.loads(archive.read(FACTS))
    return found


def rewritten(path: Path, changes: dict[str, Any], twice: bool = False) -> Path:
    """Change entries of an archive.

    Args:
        path: of the archive.
        changes: by name of an entry, its new content.
        twice: whether the old entry stays, before the new one.
    """
    with zipfile.ZipFile(path) as archive:
        entries = [(name, archive.read(name)) for name in archive.namelist()]
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore", UserWarning)  # of names that stand twice
        for name, content in entries:
            if twice or name not in changes:
                archive.writestr(name, content)
            if name in changes:
                archive.writestr(name, changes[name])
    return path


def keras_model(
    cell: Any,
    weights: Any = (*LEVELS, *READ_OUT),
    rnn: dict[str, Any] | None = None,
    dense: dict[str, Any] | None = None,
    shape: tuple[int | None, ...] = (None, None, 2),
    before: tuple[Any, ...] = (),
    after: tuple[Any, ...] = (),
    **called: Any,
) -> Any:
    """Return a model as the package makes it, but for what is said here.

    Args:
        cell: of its layer rnn.
        weights: of cell and read-out, one after the other.
        rnn: options of the layer rnn.
        dense: options of the layer read_out.
        shape: of its input.
        before: layers before the layer rnn.
        after: layers after the read-out.
        **called: options of the call of the layer rnn.
    """
    inputs = x = keras.Input(batch_shape=shape, name="symbols")
    for layer in before:
        x = layer(x)
    layer = keras.layers.RNN(
        cell, **{"return_sequences": True, "dtype": "float32", "name": "rnn", **(rnn or {})}
    )
    read_out = keras.layers.Dense(1, **{"dtype": "float32", "name": "read_out", **(dense or {})})
    x = read_out(layer(x, **called))
    for last in after:
        x = last(x)
    model = keras.Model(inputs, x, name="adder")
    variables = [*cell.trainable_variables, *read_out.trainable_variables]
    at = 0
    for variable in variables:
        size = int(np.prod(variable.shape))
        variable.assign(np.reshape(weights[at : at + size], variable.shape))
        at += size
    return model


def shown(model: Any, honest: Adder, folder: Path, **facts: Any) -> Exhibit:
    """Save a model with the facts of an honest adder, and that adder's certificate."""
    path = folder / "model.keras"
    noted = {**facts_of(honest, path), **facts}
    path.unlink()
    model.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(FACTS, json.dumps(noted))
    return exhibit_of(honest, path, folder)


def exhibit_of(honest: Adder, path: Path, folder: Path) -> Exhibit:
    certificate = forging.write(forging.forge(honest), folder / "forged.cert.json")
    return Exhibit(get_task("addition"), None, path, [certificate])


def case(name: str, trick: str, **facts: Any) -> Callable[[Any], Any]:
    """Add a function that makes an exhibit in a folder."""

    def add(make: Callable[[Path], Exhibit]) -> Callable[[Path], Exhibit]:
        CASES.append(Case(f"models-{name}", "models", trick, make, **facts))
        return make

    return add


def _model(name: str, trick: str, make: Callable[[], Any], **facts: Any) -> None:
    """Add a model that is saved with the facts of an honest adder of `Levels`."""
    case(name, trick, **facts)(lambda folder: shown(make(), honest_adder(), folder))


_model(
    "honest",
    "As the package makes it",
    lambda: keras_model(Levels(dtype="float32")),
    control=True,
    harmless=True,
)
_model(
    "other-class", "Another class that is registered", lambda: keras_model(Liar(dtype="float32"))
)
_model(
    "same-name",
    "Another class that is registered under the same name",
    lambda: keras_model(_Impostor(dtype="float32")),
)
for _activation in ("sigmoid", "softmax", "relu6", "softsign", "hard_sigmoid", "exponential"):
    _model(
        f"read-out-{_activation}",
        f"The read-out has the activation {_activation}",
        lambda activation=_activation: keras_model(
            Levels(dtype="float32"), dense={"activation": activation}
        ),
        harmless=_activation == "relu6",
    )
_model(
    "dense-after",
    "A layer more turns the scores",
    lambda: keras_model(
        Levels(dtype="float32"),
        after=(
            keras.layers.Dense(
                1,
                kernel_initializer=keras.initializers.Constant(-1.0),
                bias_initializer="ones",
                name="more",
            ),
        ),
    ),
)
_model(
    "rescaled-after",
    "Scores are turned by a layer without weights",
    lambda: keras_model(Levels(dtype="float32"), after=(keras.layers.Rescaling(-1.0, 1.0),)),
)
_model(
    "rescaled-before",
    "Symbols are rescaled to nothing",
    lambda: keras_model(Levels(dtype="float32"), before=(keras.layers.Rescaling(0.0),)),
)
_model(
    "noise-after",
    "Noise after the read-out, which Keras leaves out",
    lambda: keras_model(Levels(dtype="float32"), after=(keras.layers.GaussianNoise(1.0),)),
    harmless=True,
)
_model(
    "masked",
    "A masking layer leaves out steps of zeros",
    lambda: keras_model(Levels(dtype="float32"), before=(keras.layers.Masking(0.0),)),
)
_model(
    "masked-zeros",
    "A masking layer leaves out steps of zeros, and zeros are written",
    lambda: keras_model(
        Levels(dtype="float32"),
        before=(keras.layers.Masking(0.0),),
        rnn={"zero_output_for_mask": True},
    ),
)
_model(
    "backwards",
    "It reads backwards",
    lambda: keras_model(Levels(dtype="float32"), rnn={"go_backwards": True}),
)
_model(
    "last-only",
    "It returns the last output only",
    lambda: keras_model(Levels(dtype="float32"), rnn={"return_sequences": False}),
)
_model(
    "stateful",
    "It keeps its state from one call to the next",
    lambda: keras_model(Levels(dtype="float32"), rnn={"stateful": True}, shape=(1, None, 2)),
)
_model(
    "one-row",
    "It takes one row only",
    lambda: keras_model(Levels(dtype="float32"), shape=(1, None, 2)),
    harmless=True,
)
_model(
    "rescaled-by-one",
    "Symbols are rescaled by 1",
    lambda: keras_model(Levels(dtype="float32"), before=(keras.layers.Rescaling(1.0),)),
    harmless=True,
)
for _policy in ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16", "float64"):
    case(
        f"inside-{_policy}",
        f"The cell inside computes in {_policy}, the facts say float32",
        harmless=_policy == "float64",
    )(
        lambda folder, policy=_policy: shown(
            keras_model(Offset(dtype=policy), (*LEVELS, OFFSET, *READ_OUT)),
            honest_adder(Offset, (*LEVELS, OFFSET, *READ_OUT)),
            folder,
        )
    )
for _policy in ("float16", "bfloat16"):
    case(f"rnn-{_policy}", f"The layer rnn casts its outputs to {_policy}")(
        lambda folder, policy=_policy: shown(
            keras_model(
                Raised(dtype="float32"),
                (*LEVELS, *READ_OUT[:3], -4096.0),
                rnn={"dtype": policy},
                dense={"dtype": "float32"},
            ),
            honest_adder(Raised, (*LEVELS, *READ_OUT[:3], -4096.0)),
            folder,
        )
    )
    case(f"read-out-{_policy}", f"The read-out computes in {_policy}")(
        lambda folder, policy=_policy: shown(
            keras_model(
                Levels(dtype="float32"), (*LEVELS, *READ_OUT[:3], 4096.0), dense={"dtype": policy}
            ),
            honest_adder(weights=(*LEVELS, *READ_OUT[:3], 4096.0), threshold=4096.5),
            folder,
        )
    )


@case("other-argument", "The cell inside has another argument than the facts say")
def _(folder: Path) -> Exhibit:
    honest = honest_adder(Switched, arguments={"wrong": False})
    return shown(keras_model(Switched(wrong=True, dtype="float32")), honest, folder)


@case("default-argument", "The facts leave the argument out that the cell inside has")
def _(folder: Path) -> Exhibit:
    return shown(keras_model(Switched(wrong=True, dtype="float32")), honest_adder(Switched), folder)


@case("other-cell", "The facts name a cell that is right, the file has one that is wrong")
def _(folder: Path) -> Exhibit:
    return shown(
        keras_model(Switched(wrong=True, dtype="float32")),
        honest_adder(),
        folder,
        cell=f"{HERE}:Switched",
    )


@case("facts-lie", "The facts name a cell that is wrong, the file has one that is right")
def _(folder: Path) -> Exhibit:
    return shown(keras_model(Levels(dtype="float32")), honest_adder(), folder, cell=f"{HERE}:Liar")


@case("frozen", "A weight that is not trained has another value in the file")
def _(folder: Path) -> Exhibit:
    cell = Biased(dtype="float32")
    model = keras_model(cell)
    cell.k.assign(1.0)
    return shown(model, honest_adder(Biased), folder)


@case("training", "The call of its layer rnn is kept as one in training")
def _(folder: Path) -> Exhibit:
    return shown(
        keras_model(ToldTrue(dtype="float32"), training=True), honest_adder(ToldTrue), folder
    )


@case("start", "Another layer gives the initial state")
def _(folder: Path) -> Exhibit:
    inputs = keras.Input((None, 2), name="symbols")
    start = keras.layers.Dense(
        1, kernel_initializer="zeros", bias_initializer="ones", name="start", trainable=False
    )
    first = start(keras.layers.GlobalMaxPooling1D(name="any")(inputs))
    cell, read_out = Levels(dtype="float32"), keras.layers.Dense(1, name="read_out")
    outputs = keras.layers.RNN(cell, return_sequences=True, name="rnn")(
        inputs, initial_state=[first]
    )
    model = keras.Model(inputs, read_out(outputs), name="adder")
    _assign(cell, read_out)
    return shown(model, honest_adder(), folder)


def _assign(cell: Any, read_out: Any) -> None:
    """Give a cell and a read-out the weights of an adder."""
    parts = (np.reshape(LEVELS[:6], (2, 3)), np.reshape(LEVELS[6:9], (1, 3)), LEVELS[9:])
    for variable, value in zip(cell.trainable_variables, parts, strict=True):
        variable.assign(value)
    for variable, value in zip(
        read_out.trainable_variables, (np.reshape(READ_OUT[:3], (3, 1)), READ_OUT[3:]), strict=True
    ):
        variable.assign(value)


@case("decoy", "Layers rnn and read_out are there for show; others write")
def _(folder: Path) -> Exhibit:
    inputs = keras.Input((None, 2), name="symbols")
    cell, read_out = Levels(dtype="float32"), keras.layers.Dense(1, name="read_out")
    idle = read_out(keras.layers.RNN(cell, return_sequences=True, name="rnn")(inputs))
    others = keras.layers.RNN(Liar(dtype="float32"), return_sequences=True, name="others")(inputs)
    said = keras.layers.Dense(1, name="said")(others)
    none = keras.layers.Rescaling(0.0, name="none")(idle)
    model = keras.Model(inputs, keras.layers.Add(name="sum")([none, said]), name="adder")
    _assign(cell, read_out)
    return shown(model, honest_adder(), folder)


@case("two-outputs", "The model has two outputs, the first of which is no score")
def _(folder: Path) -> Exhibit:
    inputs = keras.Input((None, 2), name="symbols")
    cell, read_out = Levels(dtype="float32"), keras.layers.Dense(1, name="read_out")
    scores = read_out(keras.layers.RNN(cell, return_sequences=True, name="rnn")(inputs))
    model = keras.Model(inputs, [keras.layers.Rescaling(-1.0)(scores), scores], name="adder")
    _assign(cell, read_out)
    return shown(model, honest_adder(), folder)


@case("sequential", "A sequential model with the same layers", harmless=True)
def _(folder: Path) -> Exhibit:
    cell, read_out = Levels(dtype="float32"), keras.layers.Dense(1, name="read_out")
    layer = keras.layers.RNN(cell, return_sequences=True, name="rnn")
    model = keras.Sequential([keras.Input((None, 2)), layer, read_out], name="adder")
    _assign(cell, read_out)
    return shown(model, honest_adder(), folder)


@case("stacked", "The cell stands in a stack of cells, above one that is wrong")
def _(folder: Path) -> Exhibit:
    inputs = keras.Input((None, 2), name="symbols")
    stack = keras.layers.StackedRNNCells([keras.layers.SimpleRNNCell(2), Levels(dtype="float32")])
    layer = keras.layers.RNN(stack, return_sequences=True, name="rnn")
    read_out = keras.layers.Dense(1, name="read_out")
    model = keras.Model(inputs, read_out(layer(inputs)), name="adder")
    return shown(model, honest_adder(), folder)


@case("quantised", "The read-out is quantised to eight bits")
def _(folder: Path) -> Exhibit:
    model = keras_model(Levels(dtype="float32"), (*LEVELS, 300.0, -1.0, 1.0, 0.0))
    model.get_layer("read_out").quantize("int8")
    honest = honest_adder(weights=(*LEVELS, 300.0, -1.0, 1.0, 0.0))
    return shown(model, honest, folder)


@case("lora", "The read-out has a low-rank addition that turns the digit")
def _(folder: Path) -> Exhibit:
    model = keras_model(Levels(dtype="float32"))
    read_out = model.get_layer("read_out")
    read_out.enable_lora(1)
    read_out.lora_kernel_a.assign(np.reshape([-2.0, 2.0, -2.0], (3, 1)))
    read_out.lora_kernel_b.assign(np.ones((1, 1)))
    return shown(model, honest_adder(), folder)


@case("tied", "Two layers share one read-out, of which one turns it")
def _(folder: Path) -> Exhibit:
    inputs = keras.Input((None, 2), name="symbols")
    cell, read_out = Levels(dtype="float32"), keras.layers.Dense(1, name="read_out")
    outputs = keras.layers.RNN(cell, return_sequences=True, name="rnn")(inputs)
    zeros = keras.layers.Rescaling(0.0, name="zeros")(outputs)
    difference = keras.layers.Subtract(name="turned")([read_out(zeros), read_out(outputs)])
    model = keras.Model(inputs, difference, name="adder")
    _assign(cell, read_out)
    return shown(model, honest_adder(), folder)


@case("loop-twice", "The layer rnn is called twice, the second time with its own outputs' states")
def _(folder: Path) -> Exhibit:
    inputs = keras.Input((None, 2), name="symbols")
    cell, read_out = Levels(dtype="float32"), keras.layers.Dense(1, name="read_out")
    layer = keras.layers.RNN(cell, return_sequences=True, return_state=True, name="rnn")
    _, last = layer(inputs)
    outputs, _ = layer(inputs, initial_state=[last])
    model = keras.Model(inputs, read_out(outputs), name="adder")
    _assign(cell, read_out)
    return shown(model, honest_adder(), folder)


for _what, _number in (("NaN", np.nan), ("infinity", np.inf)):

    @case(f"weight-{_what}", f"A weight in the file is {_what}")
    def _(folder: Path, number: float = _number) -> Exhibit:
        model = keras_model(Levels(dtype="float32"), (*LEVELS[:-1], number, *READ_OUT))
        return shown(model, honest_adder(), folder)
