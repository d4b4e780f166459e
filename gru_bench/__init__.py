"""gru_bench."""
