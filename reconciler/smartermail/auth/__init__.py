"""Authentication: login, tokens and the domain context of a system administrator."""
