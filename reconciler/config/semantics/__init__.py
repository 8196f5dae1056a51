"""Checks that no schema can express: between files, against the product's limits, and of names."""
