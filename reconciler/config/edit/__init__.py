"""Edits of an existing domain file that keep every byte that they do not concern."""
