"""Cells written in PyTorch: modules behind NumPy. This room imports PyTorch, and no TensorFlow."""
