"""How cells written in NumPy are checked; no law is about NumPy alone."""
