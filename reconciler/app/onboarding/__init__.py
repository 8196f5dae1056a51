"""`init`: a starter workspace, a workspace from a server's domains, and files for CI."""
