"""`demo`: the guided demonstration against two embedded servers."""
