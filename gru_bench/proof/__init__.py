"""Proof or counterexample: what a trained adder does at every length."""
