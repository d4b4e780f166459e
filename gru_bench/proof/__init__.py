"""Proofs for all lengths: finding invariants, certificates, counterexamples, verdicts."""
