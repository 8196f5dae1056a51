"""The server's JSON to the core's values, and back."""
