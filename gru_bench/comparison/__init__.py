"""Base against candidate: scores of a seed, evidence by betting, and the verdict on a change."""
