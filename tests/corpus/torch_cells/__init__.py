"""Cells of PyTorch, as strangers write them: correct ones and wrong ones."""
