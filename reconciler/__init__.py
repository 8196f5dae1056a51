"""Run the mailboxes, aliases and domain aliases of hosted mail domains from YAML in git."""

__version__ = "0.1.0"
