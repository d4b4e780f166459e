"""The search for counterexamples: words of any length that a network gets wrong."""
