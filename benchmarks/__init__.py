"""What the program costs: `python -m benchmarks`. Figures are printed, never asserted; ratios are taken in one run."""
