"""Use cases, one file each: the only place that joins files, server, DNS, engine and output.

Belongs here: who is called in which order, and with what. Banned here: rules (core), formats (output), click (cli).
"""
