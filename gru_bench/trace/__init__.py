"""A step read off its framework, replayed in NumPy, with bounds on its rounding."""
