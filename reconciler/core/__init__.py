"""The pure middle: words, values and rules of the project.

Belongs here: frozen values (desired, current, change, plan, outcome, finding), and functions from values to values.
Banned here: input and output of any kind, the clock, logging, asyncio, and every library but the standard one and
`idna` (tables and functions without effects; see docs/decisions/0002).
"""
