"""Hostile text in Markdown: it can open no tag, link, table cell or code, and call nobody."""

import re

from reconciler.output.terminal import visible

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|#@!~%$&^]|(?<=:)/(?=/)|^[-+/=]")
"""What may mean something to a Markdown parser; a numeric reference in its place never does (CommonMark 2.5)."""
_CALLS = frozenset("@#!~%$&^/")
"""What GitHub and GitLab make into mentions, references and links, even where a numeric reference stood for it."""
_NOTHING = "&#8203;"
"""A zero-width space: it ends what would be a mention, a reference or a link."""
_LINKS = re.compile(r"(?P<www>www)(?=\.)|(?P<gh>GH)(?=-[0-9])", re.IGNORECASE)


def md(text: str) -> str:
    """Text for running Markdown and tables, shown as it is: for messages. Names and values go through `code`."""
    text = _LINKS.sub(lambda found: found[0] + "\0", visible(text))
    return _SPECIAL.sub(lambda found: _reference(found[0]), text).replace("&#0;", _NOTHING)


def _reference(char: str) -> str:
    reference = f"&#{ord(char)};"
    return reference + _NOTHING if char in _CALLS else reference


def code(text: str) -> str:
    """Text as a code span, in which nothing else is looked for; exact, so that an address can be copied.

    Not for table cells: there a pipe ends even a code span.
    """
    text = visible(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if not text or text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"
