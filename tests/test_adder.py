"""The adder as a thing to use."""

import keras
import numpy as np
import pytest

from gru_bench import ADDITION, Adder, Network, UsageError, get_task, train


@pytest.fixture(scope="module")
def random_adder():
    """An adder with random weights; it is wrong, but always in the same way."""
    network = Network("gru_bench:GRUCell", {"units": 4}, ADDITION)
    theta = np.random.default_rng(3).normal(size=network.size)
    return Adder(network, theta, threshold=0.1, origin={"seed": 3})


def test_sequences_and_arrays_of_pairs(random_adder):
    pairs = [(3, 5), (100, 2**40), (0, 0)]
    a, b = zip(*pairs, strict=True)
    together = random_adder.add(a, b)
    assert together == random_adder.add(np.array(a), list(b))
    assert len(together) == len(pairs)
    assert random_adder.add([], []) == []


def test_operands_must_be_equally_many(random_adder):
    with pytest.raises(UsageError, match="operands must be equally many, got 2, 1"):
        random_adder.add([1, 2], [3])


@pytest.mark.parametrize("bad", [-1, 2.0, "3", True, None, [1, -1], np.array([0.5])])
def test_addends_must_be_non_negative_integers(random_adder, bad):
    with pytest.raises(UsageError, match="an addend must be"):
        random_adder.add(bad, bad)


def test_a_length_must_hold_the_operands(random_adder):
    with pytest.raises(UsageError, match="length 3 is too small, these integers need 4"):
        random_adder.compute(8, 1, length=3)


def test_saved_and_loaded_adders_are_equal_bit_for_bit(random_adder, tmp_path):
    random_adder.save(tmp_path / "adder.keras")
    loaded = Adder.load(tmp_path / "adder.keras")
    assert loaded.theta.tobytes() == random_adder.theta.tobytes()
    assert (loaded.threshold, loaded.origin) == (0.1, {"seed": 3})
    assert list(tmp_path.iterdir()) == [tmp_path / "adder.keras"]


def test_keras_alone_can_load_what_is_saved(random_adder, tmp_path):
    random_adder.save(tmp_path / "adder.keras")
    model = keras.saving.load_model(tmp_path / "adder.keras")
    symbols = np.array([[3, 1, 2, 0, 3]])
    scores = model(ADDITION.features[symbols].astype("float32"))[..., 0]
    np.testing.assert_array_equal(scores > 0.1, random_adder.run(symbols) == 1)


def test_a_keras_file_that_is_no_adder_is_refused(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "m.keras")
    with pytest.raises(UsageError, match="is not an adder saved by gru_bench"):
        Adder.load(tmp_path / "m.keras")


def test_weights_must_fit_the_network():
    network = Network("gru_bench:GRUCell", {"units": 4}, ADDITION)
    with pytest.raises(UsageError, match=f"this network has {network.size} weights"):
        Adder(network, np.zeros(3))


def test_other_tasks_compute_but_do_not_add():
    network = Network("keras.layers:SimpleRNNCell", {"units": 2}, get_task("parity"))
    adder = Adder(network, np.zeros(network.size))
    assert adder.compute(5) == 0
    with pytest.raises(UsageError, match="trained for parity, not to add"):
        adder.add(1, 2)


def test_a_run_makes_its_adder():
    (run,) = train(recipe="tutorial", cell="keras.layers:SimpleRNNCell", seeds=[7])
    adder = run.adder()
    assert adder.origin["seed"] == 7
    assert adder.network.dtype == "float64"
    assert adder.add(2, 3) == run.adder().add(2, 3)
