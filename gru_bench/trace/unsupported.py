"""What cannot be read off a trace."""

from __future__ import annotations


class UnsupportedOperationError(Exception):
    """The graph has an operation that cannot be replayed, or not here; its type is the message."""
