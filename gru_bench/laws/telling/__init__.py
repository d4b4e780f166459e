"""What is said of a law: outcomes, failures, scripts, JUnit."""
