"""How PyTorch modules are checked, and laws about them."""
