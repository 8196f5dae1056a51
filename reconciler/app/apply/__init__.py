"""`apply`: locks, passwords, and the changes of each domain, one domain after the other on a server's permits."""
