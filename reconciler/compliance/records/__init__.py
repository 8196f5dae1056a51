"""Parsers of DNS records: from text to frozen values, with the faults as clauses for messages.

Belongs here: one file per record format. Banned here: DNS queries, expectations about a domain, and exceptions for any
content of a record, because all records are untrusted.
"""
