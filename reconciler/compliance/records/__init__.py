"""Parsers of what stands in DNS records: text in, frozen values out, faults collected as text for people.

Belongs here: one file a record format. Banned here: asking DNS, expectations about a domain, and raising for what
a record says: everything here was written by strangers.
"""
