"""The checker of certificates: honest ones pass, all others are answered in one line."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gru_bench import ADDITION, TASKS, Adder, Network, Rejected, UsageError, verify
from gru_bench.checker import certificate, document, section
from gru_bench.checker.induction import enclose_step
from gru_bench.checker.transducer import TRANSDUCERS
from gru_bench.cli import main
from gru_bench.program.activation import activation_error
from tests.corpus import corruption, handmade

Document = dict[str, Any]


@pytest.fixture(autouse=True)
def _unmeasured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The bounds assumed in these certificates are not those measured of TensorFlow."""
    monkeypatch.setattr(section, "MEASURED", tmp_path / "nothing")
    section.least_error.cache_clear()
    yield
    section.least_error.cache_clear()


@pytest.fixture(scope="module")
def honest() -> Document:
    found: Document = handmade.certificate("addition", "gated")
    return found


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a document, its hashes taken anew."""

    def write(found: Document, seal: bool = True) -> Path:
        path = tmp_path / "a.cert.json"
        path.write_text(json.dumps(corruption.sealed(found) if seal else found), encoding="utf-8")
        return path

    return write


def with_change(found: Document, *place: Any, to: Any) -> Document:
    changed: Document = corruption.replaced(found, place, to)
    return changed


@pytest.mark.parametrize("style", ["plain", "gated", "mixed"])
@pytest.mark.parametrize("task", ["addition", "subtraction", "comparison", "parity"])
def test_honest_certificates_are_accepted(save: Callable[..., Path], task: str, style: str) -> None:
    found = handmade.certificate(task, style)
    proved = verify(save(found, seal=False))
    assert proved.certificate.task == task
    assert proved.steps == sum(len(margins) for margins in found["margins"])
    assert proved.margin > 0.4
    assert 0 < proved.reach < 0.2


def test_ten_digits_and_a_hundred_symbols_are_checked_alike(save: Callable[..., Path]) -> None:
    proved = verify(save(handmade.certificate("decimal-addition", "plain")))
    assert proved.steps == 2000


def test_the_claim_names_what_was_proved_and_what_was_assumed(
    honest: Document, save: Callable[..., Path]
) -> None:
    proved = verify(save(honest))
    assert "addition" in proved.claim
    assert "every length" in proved.claim
    assert honest["model"]["weights_sha256"][:16] in proved.claim
    for part in ("rounds to nearest", "any order", "fused", "tanh <= 5e-07", "assumed for tests"):
        assert part in proved.assumptions
    assert json.loads(json.dumps(proved.to_json()))["digest"] == honest["digest"]


def test_the_tasks_are_those_of_the_package() -> None:
    assert set(TRANSDUCERS) == set(TASKS)
    for name, task in TASKS.items():
        found = TRANSDUCERS[name]
        assert found.features == tuple(map(tuple, task.features.tolist()))
        assert (found.next, found.output) == (task.next_state, task.output)
        assert (found.outputs, found.symbols, found.states) == (
            task.outputs,
            task.symbols,
            task.states,
        )


REJECTIONS = {
    "digest": (lambda c: {**c, "claim": "more"}, False, "its digest is"),
    "hash of the weights": (
        lambda c: with_change(c, "weights", 0, "values", 0, to=(1.0).hex()),
        None,
        "the weights are not those",
    ),
    "transducer": (
        lambda c: with_change(c, "task", "output", 0, to=[1, 1, 1, 1]),
        True,
        "its tables are not those of the task 'addition'",
    ),
    "label": (
        lambda c: with_change(c, "regions", 2, "label", to=0),
        True,
        "region 2 has label 0, the transducer goes to 1",
    ),
    "start": (lambda c: {**c, "start": 3}, True, "does not have label 0"),
    "start elsewhere": (
        lambda c: {**c, "start": 1},
        True,
        "the initial state in region 1: coordinate 0 reaches 2, 1.95 beyond",
    ),
    "edge": (
        lambda c: with_change(c, "edges", 1, 0, to=1),
        True,
        "region 1, symbol 0: the image in region 1: coordinate 0 reaches",
    ),
    "image too small": (
        lambda c: with_change(c, "images", 1, 0, to=[(0.001).hex()] * 3),
        True,
        "region 1, symbol 0: coordinate 0 of the image reaches 0.00",
    ),
    "image too large": (
        lambda c: with_change(c, "images", 1, 0, to=[(0.1).hex()] * 3),
        True,
        "of the claimed image, 0.1000",
    ),
    "margin": (
        lambda c: with_change(c, "margins", 2, 1, to=(0.5).hex()),
        True,
        "region 2, symbol 1: the margin is 0.49",
    ),
    "no margin": (
        lambda c: with_change(c, "margins", 2, 1, to=(0.0).hex()),
        True,
        "the claimed margin 0 is not positive",
    ),
    "threshold": (
        lambda c: {**c, "threshold": (2.0).hex()},
        True,
        "region 0, symbol 1: the margin is -1.00",
    ),
    "region shrunk": (
        lambda c: with_change(c, "regions", 1, "radius", to=[(1e-5).hex()] * 3),
        True,
        "beyond the radius",
    ),
    "rounding": (
        lambda c: with_change(c, "rounding", "unit", to=(2.0**-53).hex()),
        True,
        "not float32's",
    ),
    "activation": (
        lambda c: with_change(c, "rounding", "tanh", to=(2.0**-30).hex()),
        True,
        "it assumes that tanh errs by at most 9.31e-10",
    ),
    "overflow": (
        lambda c: with_change(c, "weights", 0, "values", 0, to=(2.0**101).hex()),
        True,
        "not bounded by 2^100",
    ),
}


@pytest.mark.parametrize("kind", REJECTIONS)
def test_what_is_not_proved_is_rejected_with_its_place(
    honest: Document, save: Callable[..., Path], kind: str
) -> None:
    change, seal, message = REJECTIONS[kind]
    found = change(honest)
    if seal is None:
        found = with_digest(found)
    with pytest.raises(Rejected) as caught:
        verify(save(found, seal=bool(seal)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def with_digest(found: Document) -> Document:
    """Return a document with its digest taken anew, but not the hash of its weights."""
    sha256 = found["model"]["weights_sha256"]
    sealed = corruption.sealed(found)
    sealed["model"]["weights_sha256"] = sha256
    rest = {key: value for key, value in sealed.items() if key != "digest"}
    return {**rest, "digest": "sha256:" + certificate._sha256(rest)}


REFUSALS: dict[str, tuple[Callable[[str], str], str]] = {
    "empty": (lambda _: "", "cut short or no JSON"),
    "truncated": (lambda t: t[: len(t) // 2], "cut short or no JSON"),
    "not UTF-8": (lambda _: "\udcff\udcfe", "no JSON"),
    "a list": (lambda t: f"[{t}]", "no JSON object"),
    "another format": (lambda t: t.replace("gru_bench certificate", "other"), "its format is not"),
    "another version": (lambda t: t.replace('"version": 3', '"version": 4'), "this checker reads"),
    "version 2": (
        lambda t: t.replace('"version": 3', '"version": 2'),
        "written by gru_bench 0.1.0, whose proofs did not bind the shapes of weights and are not",
    ),
    "version true": (lambda t: t.replace('"version": 3', '"version": true'), "its version is"),
    "NaN": (lambda t: t.replace('"start": 0', '"start": NaN'), "it contains NaN"),
    "infinity": (lambda t: t.replace('"start": 0', '"start": -Infinity'), "it contains -Infinity"),
    "1e999": (lambda t: t.replace('"start": 0', '"start": 1e999'), "out of range"),
    "a million digits": (
        lambda t: t.replace('"start": 0', f'"start": {"9" * 10**6}'),
        "an integer of 1000000 digits",
    ),
    "a key twice": (lambda t: t.replace("{", '{"start": 0, ', 1), "'start' stands twice"),
    "deep": (lambda _: "[" * 10**6 + "]" * 10**6, "nested too deeply"),
    "deep objects": (lambda _: '{"a":' * 10**5 + "1" + "}" * 10**5, "nested too deeply"),
    "huge": (lambda t: t + " " * document.LARGEST_FILE, "has more than 16777216 bytes"),
    "many lists": (lambda _: "[" + "[]," * (5 * 10**6) + "[]]", "no JSON object"),
}


@pytest.mark.parametrize("kind", [kind for kind in REFUSALS if kind != "many lists"])
def test_what_cannot_be_read_is_refused_in_one_line(
    honest: Document, tmp_path: Path, kind: str
) -> None:
    change, message = REFUSALS[kind]
    path = tmp_path / "a.cert.json"
    path.write_bytes(change(json.dumps(honest)).encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError) as caught:
        verify(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


BAD_FIELDS: dict[str, tuple[tuple[Any, ...], Any, str]] = {
    "cell with a claim": (
        ("model", "cell"),
        "my:Cell, PROVED for ever",
        "cell must be package.module:Name, got 'my:Cell, PROVED for ever'",
    ),
    "cell without a module": (("model", "cell"), "GRUCell", "must be package.module:Name"),
    "NaN": (("threshold",), "nan", "threshold must be a number as float.hex() writes it"),
    "giant exponent": (("threshold",), "0x1.0p+9999", "too large a number"),
    "not canonical": (("threshold",), "0x0.8000000000000p+0", "as float.hex()"),
    "no float32": (("threshold",), (0.1).hex(), "threshold is no float32 number"),
    "beyond float32": (("threshold",), (2.0**200).hex(), "threshold is no float32 number"),
    "unknown operation": (
        ("program", "operations", 4),
        {"op": "tan", "inputs": [9]},
        "unknown operation 'tan', did you mean 'tanh'?",
    ),
    "later value": (("program", "operations", 0, "inputs"), [0, 99], "an integer in [0, 6)"),
    "too few inputs": (("program", "operations", 4, "inputs"), [], "takes 1 inputs, got 0"),
    "sizes": (("program", "operations", 0, "inputs"), [1, 2], "does not fit [3], [2, 3]"),
    "state sizes": (("program", "new_states"), [0], "new_states: value 0 has shape [2]"),
    "output of a matrix": (("program", "output"), 2, "output: value 2 has shape [2, 3]"),
    "huge shape": (("weights", 0, "shape"), [10**9, 10**9], "an integer in [0, 1048576)"),
    "shape and values": (("weights", 0, "shape"), [2**19, 2**19], "must have 274877906944 entries"),
    "10^9 states": (("program", "states"), [10**9], "an integer in [0, 512)"),
    "10^9 regions": (("start",), 10**9, "start must be an integer in [0, 4)"),
    "edge to region 10^9": (("edges", 1, 0), 10**9, "an integer in [0, 4)"),
    "no regions": (("regions",), [], "there are no regions"),
    "basis": (("regions", 0, "basis"), 0, "unknown entry 'basis'"),
    "radius": (("regions", 0, "radius", 0), (-1.0).hex(), "must not be negative"),
    "fewer margins": (("margins", 0), [], "margins of a region must have 4 entries, got 0"),
    "task": (("task", "name"), "additon", "unknown task 'additon', did you mean 'addition'?"),
    "dtype": (("model", "dtype"), "float64", "dtype must be 'float32'"),
    "unknown entry": (("program", "loops"), [], "unknown entry 'loops'"),
    "escape sequence": (("model", "cell"), "a:\x1b[2J", "cell must be one line of text"),
    "two lines": (("rounding", "source"), "a\nb", "source must be one line of text"),
    "arguments": (("model", "arguments"), [], "model: arguments must be an object"),
    "no weights": (("weights",), [], "must end in a read-out"),
    "read-out": (("weights", -2, "shape"), [1, 3], "the read-out has shapes [1, 3] and [1]"),
}


@pytest.mark.parametrize("kind", BAD_FIELDS)
def test_a_field_that_does_not_fit_is_named(
    honest: Document, save: Callable[..., Path], kind: str
) -> None:
    place, value, message = BAD_FIELDS[kind]
    with pytest.raises(UsageError) as caught:
        verify(save(with_change(honest, *place, to=value)))
    assert message in str(caught.value)


def doubling(found: Document) -> Document:
    """Return a document whose program makes a vector of 2^200 entries."""
    program = found["program"]
    first = 1 + 1 + len(found["weights"]) - 2 + len(program["operations"])
    more = [{"op": "concat", "inputs": [first + k - 1] * 2, "axis": 0} for k in range(200)]
    return with_change(found, "program", "operations", to=[*program["operations"], *more])


def many_steps(found: Document) -> Document:
    """Return a document with 140,000 edges."""
    count = 35_000
    return {
        **found,
        "regions": [{**found["regions"][0], "center": ["0x0.0p+0"] * 3, "radius": ["0x0.0p+0"] * 3}]
        * count,
        "edges": [[0, 0, 0, 0]] * count,
        "images": [[["0x0.0p+0"] * 3] * 4] * count,
        "margins": [["0x0.0p+0"] * 4] * count,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (doubling, "would take too long"),
        (many_steps, "140000 steps of a program of this size would take too long"),
    ],
)
def test_what_would_never_end_is_refused_before_it_begins(
    honest: Document, save: Callable[..., Path], change: Callable[..., Document], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        verify(save(change(honest)))


def test_a_check_of_hours_is_refused(
    honest: Document, save: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificate, "_MOST_SECONDS", 0.001)
    with pytest.raises(UsageError, match="16 steps of a program of this size would take too long"):
        verify(save(honest))


def test_a_bound_below_the_measured_one_is_rejected(
    honest: Document, save: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = {"graph": {"error": (2.0**-22).hex()}, "xla": {"error": (2.0**-20).hex()}}
    entry = {"disagreement": (2.0**-52).hex(), "modes": modes}
    measured = {"functions": dict.fromkeys(("tanh", "sigmoid"), entry)}
    path = tmp_path / "activation_error.json"
    path.write_text(json.dumps(measured), encoding="utf-8")
    monkeypatch.setattr(section, "MEASURED", path)
    section.least_error.cache_clear()
    with pytest.raises(Rejected, match=r"tanh errs by at most 5e-07, but 9.54e-07 was measured"):
        verify(save(honest))


def test_the_least_bound_is_the_one_the_finder_assumes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    section.least_error.cache_clear()
    for name in ("tanh", "sigmoid"):
        assert section.least_error(name) == activation_error(name)


def test_the_theorem_binds_names_and_shapes_of_weights(
    honest: Document, save: Callable[..., Path]
) -> None:
    theorem = verify(save(honest)).theorem
    renamed = with_change(honest, "weights", 0, "name", to="another")
    assert verify(save(renamed)).theorem != theorem
    column = honest["weights"][-2]["shape"]
    regrouped = with_change(honest, "weights", -2, "shape", to=column[::-1])
    assert corruption.digest(regrouped["weights"]) != corruption.digest(honest["weights"])


def scaled(honest: Document, *factors: float) -> Document:
    """Return the certificate of a network whose cell multiplies its output by constants."""
    found = json.loads(json.dumps(honest))
    program = found["program"]
    first = 1 + len(program["states"]) + len(found["weights"]) - 2 + len(program["literals"])
    end, more = first + len(program["operations"]), len(factors)

    def moved(number: int) -> int:
        return number if number < first else number + more

    program["operations"] = [
        {**o, "inputs": [moved(i) for i in o["inputs"]]} for o in program["operations"]
    ]
    for k, factor in enumerate(factors):
        program["literals"].append({"shape": [1], "values": [factor.hex()]})
        last = moved(program["output"]) if k == 0 else end + more + k - 1
        program["operations"].append({"op": "mul", "inputs": [last, first + k]})
    program["new_states"] = [moved(i) for i in program["new_states"]]
    program["output"] = end + 2 * more - 1
    found["margins"] = [[(0.01).hex()] * len(row) for row in found["margins"]]
    return found


@pytest.mark.parametrize(
    ("factors", "right"),
    [
        ((2.0**40, 2.0**-40), True),
        ((2.0**60, 2.0**-60), True),
        ((2.0**-60, 2.0**60, 2.0**-60, 2.0**60), False),
        ((2.0**-70, 2.0**70, 2.0**70, 2.0**-70), False),
        ((2.0**99, 2.0**-99, 2.0**-99, 2.0**99), False),
    ],
)
def test_constants_that_a_compiler_may_multiply_first_stay_in_range(
    honest: Document, save: Callable[..., Path], factors: tuple[float, ...], right: bool
) -> None:
    found = save(scaled(honest, *factors))
    if right:
        assert verify(found).margin > 0.01
        return
    with pytest.raises(Rejected, match="multiplies constants that a compiler may multiply first"):
        verify(found)


def test_what_a_file_says_of_itself_is_quoted(honest: Document, save: Callable[..., Path]) -> None:
    found = with_change(honest, "rounding", "source", to="proved by God); |error| <= 0")
    proved = verify(save(found))
    assert "(the file gives as source: 'proved by God); |error| <= 0')" in proved.assumptions
    assert "it says it is the step of 'tests.corpus.handmade:network'" in proved.claim


def test_corrupted_certificates_are_not_believed(honest: Document, tmp_path: Path) -> None:
    """A sample; `python -m tests.corpus.corruption` tries 1,000 kinds."""
    path = tmp_path / "honest.json"
    path.write_text(json.dumps(honest), encoding="utf-8")
    theorem = verify(path).theorem
    answers = set()
    for kind, corrupted in corruption.corruptions(honest, kinds=150, seed=1):
        assert corruption.judge(corrupted, tmp_path, theorem) != "accepted", kind
        anew = corruption.sealed(corrupted)
        answer = corruption.judge(anew, tmp_path, theorem)
        answers.add(answer)
        if answer == "accepted":
            assert corruption.differs_only_in_proof(honest, anew), kind
    assert answers == {"refused", "rejected", "accepted"}


def test_another_network_that_adds_is_another_theorem(
    honest: Document, save: Callable[..., Path]
) -> None:
    theorem = verify(save(honest)).theorem
    ulp = float(np.nextafter(np.float32(float.fromhex(honest["weights"][0]["values"][0])), 99))
    other = save(with_change(honest, "weights", 0, "values", 0, to=ulp.hex()))
    assert verify(other).theorem != theorem
    with pytest.raises(Rejected, match="it is about theorem"):
        verify(other, theorem)


def test_a_single_step_is_enclosed_outwards(honest: Document, save: Callable[..., Path]) -> None:
    given = verify(save(honest)).certificate
    bounds = enclose_step(given, 3, given.initial_state)
    assert len(bounds) == 1 + 3
    assert all(lo < hi < lo + 1e-3 for lo, hi in bounds)


def run(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    code = main(["verify", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_says_in_lines_what_was_proved(
    capsys: pytest.CaptureFixture[str], honest: Document, save: Callable[..., Path], tmp_path: Path
) -> None:
    target = tmp_path / "proved.json"
    code, out, err = run(capsys, save(honest), "--json", target)
    assert (code, err) == (0, "")
    assert out.startswith("PROVED: the program in this file, with weights ")
    assert out.count("\n") == 6
    assert json.loads(target.read_text())["verdict"] == "PROVED"


def test_the_command_answers_what_is_wrong_with_its_exit_code(
    capsys: pytest.CaptureFixture[str], honest: Document, save: Callable[..., Path], tmp_path: Path
) -> None:
    code, out, err = run(capsys, save({**honest, "claim": "more"}, seal=False))
    assert (code, err) == (1, "")
    assert out.startswith("REJECTED: its digest is")
    assert out.count("\n") == 1
    code, out, err = run(capsys, tmp_path / "missing.json")
    assert (code, out) == (2, "")
    assert err.startswith("gru-bench: cannot read ")
    assert err.count("\n") == 1
    assert run(capsys, tmp_path)[0] == 2
    assert run(capsys, save(honest), "--json", tmp_path / "no" / "folder")[0] == 2


def test_a_check_needs_neither_tensorflow_nor_the_finder(
    honest: Document, save: Callable[..., Path]
) -> None:
    program = (
        "import sys, gru_bench.cli as c; code = c.main(['verify', sys.argv[1]]);"
        "found = [m for m in sys.modules if m.partition('.')[0] in ('tensorflow', 'numpy', 'keras')"
        " or m.startswith('gru_bench.')"
        " and m.split('.')[1] not in ('cli', 'checker', 'errors', 'outside')];"
        "print(code, found)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(save(honest))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0 []"


@pytest.mark.parametrize("kind", ["many lists", "deep", "huge", "many numbers"])
def test_a_gigabyte_is_enough_for_any_file(tmp_path: Path, honest: Document, kind: str) -> None:
    path = tmp_path / "a.cert.json"
    if kind == "many numbers":
        values = ["0x0.0p+0"] * 10**6
        text = json.dumps(
            with_change(
                honest, "weights", 0, to={"name": "W", "shape": [1000, 1000], "values": values}
            )
        )
    else:
        text = REFUSALS[kind][0](json.dumps(honest))
    path.write_text(text, encoding="utf-8")
    limit = 10**9
    done = subprocess.run(
        [sys.executable, "-m", "gru_bench", "verify", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode in (1, 2)
    assert (done.stdout + done.stderr).count("\n") == 1


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Document, Path, Adder]:
    """A certificate of a Keras cell whose weights were set by hand, and the saved adder."""
    found = handmade.keras_certificate()
    network = Network("keras.layers:SimpleRNNCell", {"units": 3}, ADDITION)
    flat = [float.fromhex(t) for entry in found["weights"] for t in entry["values"]]
    adder = Adder(network, np.array(flat, np.float32), threshold=0.5)
    path = tmp_path_factory.mktemp("models") / "adder.keras"
    adder.save(path)
    return found, path, adder


def test_a_model_is_compared_with_the_certificate(
    capsys: pytest.CaptureFixture[str],
    trained: tuple[Document, Path, Adder],
    save: Callable[..., Path],
) -> None:
    found, path, adder = trained
    assert adder.add(3**50, 5**30) == 3**50 + 5**30
    code, out, err = run(capsys, save(found), "--model", path)
    assert (code, err) == (0, "")
    last = out.splitlines()[-1]
    assert last.startswith("the model's weights, cell, task, threshold and program are these, and ")


def test_a_model_of_other_weights_or_another_step_is_rejected(
    capsys: pytest.CaptureFixture[str],
    trained: tuple[Document, Path, Adder],
    save: Callable[..., Path],
    tmp_path: Path,
) -> None:
    found, path, adder = trained
    theta = adder.theta.copy()
    theta[0] = np.nextafter(theta[0], np.float32(99))
    Adder(adder.network, theta, 0.5).save(tmp_path / "other.keras")
    Adder(adder.network, adder.theta, 0.25).save(tmp_path / "threshold.keras")
    for name, what in (("other", "weights, their names or shapes"), ("threshold", "threshold")):
        code, out, _ = run(capsys, save(found), "--model", tmp_path / f"{name}.keras")
        assert code == 1
        assert out.startswith(f"REJECTED: the model's {what} are ")
    # The program adds a bias less: still a proof, about another step.
    scaled = with_change(found, "program", "literals", to=[handmade.tensor(1.0625)])
    operations = [
        *[
            {**op, "inputs": [i + (i > 4) for i in op["inputs"]]}
            for op in found["program"]["operations"][:-1]
        ],
        {"op": "mul", "inputs": [9, 5]},
        {"op": "tanh", "inputs": [10]},
    ]
    scaled = with_change(scaled, "program", "operations", to=operations)
    scaled["program"]["output"], scaled["program"]["new_states"] = 11, [11]
    proof = save(scaled)
    assert verify(proof).margin > 0
    code, out, _ = run(capsys, proof, "--model", path)
    assert code == 1
    assert out.startswith("REJECTED: the program is not the step of this model")


def test_a_model_of_another_task_says_so(
    capsys: pytest.CaptureFixture[str], save: Callable[..., Path], trained: Any
) -> None:
    _, path, _ = trained
    other = save(handmade.certificate("subtraction", "plain"))
    code, _, err = run(capsys, other, "--model", path)
    assert code == 2
    assert "was trained for addition, the certificate is about subtraction" in err
