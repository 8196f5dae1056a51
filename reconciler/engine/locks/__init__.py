"""Locks: only one run at a time writes to a domain on a server."""
