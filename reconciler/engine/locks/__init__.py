"""Locks: one apply at a time per server and domain."""
