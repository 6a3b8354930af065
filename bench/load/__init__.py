"""Load benchmarks: whole processes, measured from outside."""
