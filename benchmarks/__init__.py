"""Benchmarks of the program: `python -m benchmarks`.

They print figures and never assert them. Both sides of a ratio are measured in the same run.
"""
