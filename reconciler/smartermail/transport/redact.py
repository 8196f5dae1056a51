"""Make text from a server safe to show: without control characters and secrets, and of limited length."""

import html
import json
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from reconciler.core.secret import Secret

MAX_TEXT = 300
"""Characters of a server's text in a message."""

# Every JWT begins with `eyJ`, the Base64 form of `{"`.
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){0,2}")
_SPACE = re.compile(r"\s+")


def clean(text: object, secrets: Iterable[Secret] = ()) -> str:
    """A server's text as one line; empty for values that are not text.

    Control and format characters (escape sequences, direction marks) become spaces. Secrets become `***`, also in the
    escaped forms in which a server may quote the request. So does everything that looks like a JWT.
    """
    if not isinstance(text, str):
        return ""
    # Longest first: a short secret inside a long one must not leave the rest of the long one visible.
    values = sorted({form for s in secrets for form in _forms(s.reveal())}, key=len, reverse=True)
    # Cut before the work and not only at the end, because a server can send megabytes of text.
    shown = _without(text[: MAX_TEXT * 8], values)
    shown = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in shown)
    shown = _SPACE.sub(" ", _TOKEN.sub("***", shown)).strip()
    # Again after the cleaning, which can change a secret's own characters to spaces, or join its parts.
    shown = _without(shown, [_SPACE.sub(" ", v).strip() for v in values])
    return shown if len(shown) <= MAX_TEXT else f"{shown[:MAX_TEXT]}…"


def _forms(value: str) -> set[str]:
    """A secret as such, and as escaped in JSON, in a Python literal, in a URL and in HTML."""
    quoted = {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        quote(value, safe="", errors="replace"),
        quote_plus(value, errors="replace"),
    }
    return quoted | {html.escape(form) for form in quoted}


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text
