"""Runs and experiments: what is trained, how it is judged, and the files they leave."""
