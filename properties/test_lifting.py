"""A program computes what its cell computes, runs wherever programs run, or is refused by name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gru_bench.profiles import scaled
from tests.corpus.judge import FAULTS, judge
from tests.corpus.keras_cell import KerasReader, source
from tests.corpus.written import write

READER = KerasReader()


@given(seed=st.integers(0, 2**32))
@scaled(4)
def test_a_written_cell_is_lifted_right_or_refused_by_name(seed: int) -> None:
    spec = write(seed)
    found = judge(spec, READER)
    assert found.outcome not in FAULTS, f"{found.outcome}: {found.reason}\n{source(spec)}"
