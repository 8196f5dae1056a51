"""Untrusted text in Markdown. It cannot start a tag, link, table cell or code span, and cannot mention anybody."""

import re

from reconciler.output.terminal import visible

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|#@!~%$&^]|(?<=:)/(?=/)|^[-+/=]|www(?=\.)|GH(?=-[0-9])", re.IGNORECASE)
"""Characters with a meaning in Markdown, which become numeric references (CommonMark 2.5), and the beginnings of links
and references that consist of letters."""
_MENTIONS = frozenset("@#!~%$&^/")
"""Characters that GitHub and GitLab turn into mentions, references and links, even as numeric references."""
_BREAK = "&#8203;"
"""A zero-width space. It interrupts a mention, a reference or a link."""


def md(text: str) -> str:
    """A message for Markdown paragraphs and tables, shown literally. Use `code` for names and values."""
    return _SPECIAL.sub(lambda found: _escaped(found[0]), visible(text))


def _escaped(found: str) -> str:
    # A numeric reference of a letter would still be part of a link, so a zero-width space breaks it.
    if found[0].isalpha():
        return found + _BREAK
    return f"&#{ord(found)};" + (_BREAK if found in _MENTIONS else "")


def code(text: str) -> str:
    """Text as a code span. It stays exact, so that a reader can copy an address.

    Not for table cells, where a pipe ends even a code span.
    """
    text = visible(text)
    # A code span ends at a run of backticks of its own length, so its fence is longer than each run inside.
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    # CommonMark strips one space on both sides, which keeps a backtick at the edge apart from the fence.
    pad = " " if not text or text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"
