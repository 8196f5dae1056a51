"""The embedded server's endpoints, one file per subject; `table` lists all of them."""
