"""Planning: the changes of a domain, their order, where they come from, and the reversal of a run."""
