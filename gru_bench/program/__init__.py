"""A step as a short list of elementary operations, and what rounding makes of it."""
