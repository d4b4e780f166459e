"""Keras cells: the adapter, the built-in cell, the runtime they share."""
