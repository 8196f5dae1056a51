"""Documents become values: one file per kind of document."""
