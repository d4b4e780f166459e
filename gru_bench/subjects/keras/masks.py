"""The dropout masks that Keras's cells keep from step to step."""

from __future__ import annotations

from typing import Any

#: What Keras's cells have where they keep masks: each draws one anew.
RESETS = ("reset_dropout_mask", "reset_recurrent_dropout_mask")


def forget_masks(cell: Any) -> None:
    """Let the next call of a cell, and of layers within, draw the masks that they keep.

    Args:
        cell: a Keras layer.
    """
    for layer in cell._flatten_layers():
        for name in RESETS:
            getattr(layer, name, lambda: None)()
