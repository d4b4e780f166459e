"""A recurrent cell behind NumPy, whatever framework it is written in."""
