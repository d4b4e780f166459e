"""The laws that Keras cells are held to: those about PyTorch have a corpus of their own."""

from gru_bench.laws import LAWS as ALL
from gru_bench.laws.law import OF_TORCH

#: By name, in their order.
LAWS = {name: law for name, law in ALL.items() if law.family not in OF_TORCH}
