"""`init`: a starter workspace, a workspace from the domains of a server, and CI files."""
