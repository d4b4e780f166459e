"""Steps of PyTorch modules, read for derivatives."""
