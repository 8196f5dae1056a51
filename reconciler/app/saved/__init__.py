"""Saved plans: their file format, their signature, and the apply of what was saved."""
