"""Cells written in NumPy, as a user would who inherits nothing: right ones and wrong ones."""
