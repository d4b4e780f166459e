"""Steps of TensorFlow, read."""
