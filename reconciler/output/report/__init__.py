"""Renders the DNS compliance report, one file per format."""
