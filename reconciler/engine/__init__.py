"""Orchestration over ports: observe, apply, verify, journal.

Belongs here: the order of effects, what follows from a doubtful answer, what is written down when.
Banned here: HTTP, DNS, YAML, the command line, and any decision about what should change (that is core's).
"""
