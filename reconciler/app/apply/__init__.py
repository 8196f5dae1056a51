"""`apply`: locks, passwords, and the changes of each domain, several domains at a time."""
