"""flyby and its peers, side by side on one machine: `python -m benchmarks.run`."""
