"""What runs laws: cases, processes of their own, shrinking, expectations, pytest."""
