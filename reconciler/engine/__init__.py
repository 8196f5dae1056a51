"""Orchestration over ports: observe, apply, verify, journal.

Belongs here: the order of effects, the reaction to an ambiguous write, and the times at which the journal is written.
Banned here: HTTP, DNS, YAML, the command line, and all decisions about what should change (these belong to core).
"""
