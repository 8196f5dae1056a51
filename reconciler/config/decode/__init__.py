"""Decodes documents into values of `reconciler.core`: one module for each kind of document."""
