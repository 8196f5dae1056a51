"""One module per command: its options, one call of `reconciler.app`, and its output. `main.COMMANDS` lists them."""
