"""Cells written in NumPy: the smallest adapter, and the proof that the seam holds."""
