"""Saved plans: their file format, their signature, and their apply."""
