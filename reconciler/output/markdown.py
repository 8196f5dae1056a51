"""Hostile text in Markdown: it can open no tag, link, table cell or code, and call nobody."""

import re

from reconciler.output.terminal import visible

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|#@!~%$&^]|(?<=:)/(?=/)|^[-+/=]|www(?=\.)|GH(?=-[0-9])", re.IGNORECASE)
"""What may mean something to a Markdown parser; a numeric reference in its place never does (CommonMark 2.5). And
the beginnings of links and references that are made of letters."""
_CALLS = frozenset("@#!~%$&^/")
"""What GitHub and GitLab make into mentions, references and links, even where a numeric reference stood for it."""
_NOTHING = "&#8203;"
"""A zero-width space: it ends what would be a mention, a reference or a link."""


def md(text: str) -> str:
    """Text for running Markdown and tables, shown as it is: for messages. Names and values go through `code`."""
    return _SPECIAL.sub(lambda found: _escaped(found[0]), visible(text))


def _escaped(found: str) -> str:
    if found[0].isalpha():
        return found + _NOTHING
    return f"&#{ord(found)};" + (_NOTHING if found in _CALLS else "")


def code(text: str) -> str:
    """Text as a code span, in which nothing else is looked for; exact, so that an address can be copied.

    Not for table cells: there a pipe ends even a code span.
    """
    text = visible(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if not text or text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"
