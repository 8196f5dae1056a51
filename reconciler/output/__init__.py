"""Renders plans, diagnostics, outcomes and reports for people and for programs. The document formats are versioned.

Belongs here: functions that turn values of the core into text, JSON, Markdown, HTML and annotations, one file per
format. Banned here: every package except the core, click, printing, the clock, and the network. Values come in, text
goes out. All text from a server, from DNS or from a file is untrusted until `terminal.safe`, `markdown.md` or JSON
escaping has processed it. The value of a secret never reaches this package.
"""
