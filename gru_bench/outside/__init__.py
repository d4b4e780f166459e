"""What comes from outside, and what goes there: bounds, files, text."""
