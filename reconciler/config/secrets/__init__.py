"""References to secrets and their sources, one file per source."""
