"""The pure core: the vocabulary, the values and the rules of the project.

Belongs here: frozen values (desired, current, change, plan, outcome, finding), and functions from values to values.
Banned here: I/O of any kind, the clock, logging, asyncio, and all libraries except the standard library and `idna`
(tables and functions without effects; see docs/decisions/0002).
"""
