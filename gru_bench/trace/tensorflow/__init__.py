"""A step traced by TensorFlow: read, replayed in NumPy, and bounded."""
