"""What tests and benchmarks try the package on."""
