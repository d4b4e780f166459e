"""Wrong cells, networks and certificates made by hand, planted errors."""
