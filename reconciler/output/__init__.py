"""Versioned views: what people and machines get to read of plans, diagnostics, outcomes and reports.

Belongs here: functions from core's values to text, JSON, Markdown, HTML and workflow annotations, one file a format.
Banned here: every other room but core, click (it has one home), printing, the clock, and the network. Values come in,
text goes out. Whatever came from a server, from DNS or from a file is hostile until `terminal.safe`, `markdown.md` or
JSON's own escaping has been over it; a secret's value cannot come here at all.
"""
