"""Planning: the changes of a domain, their order, their origin, and the rollback of a run."""
