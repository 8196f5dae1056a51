"""Making text from a server fit to be shown: no control characters, no length, no secret of ours."""

import html
import json
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from reconciler.core.secret import Secret

MAX_TEXT = 300
"""Characters of a server's text that are shown."""

_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){0,2}")
_SPACE = re.compile(r"\s+")


def clean(text: object, secrets: Iterable[Secret] = ()) -> str:
    """One line of a server's text; empty for anything that is not text.

    Control and format characters (escape sequences, direction marks) become spaces; the secrets, also where the server
    quotes them with escapes as they stood in the request, and whatever looks like a JWT, become `***`.
    """
    if not isinstance(text, str):
        return ""
    values = sorted({form for s in secrets for form in _forms(s.reveal())}, key=len, reverse=True)
    shown = _without(text[: MAX_TEXT * 8], values)
    shown = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in shown)
    shown = _SPACE.sub(" ", _TOKEN.sub("***", shown)).strip()
    # Once more: a secret may have had characters that have just become spaces, or have been put together by that.
    shown = _without(shown, [_SPACE.sub(" ", v).strip() for v in values])
    return shown if len(shown) <= MAX_TEXT else f"{shown[:MAX_TEXT]}…"


def _forms(value: str) -> set[str]:
    """A secret as it is, and as it stands in JSON, in a programmer's quotes, in an address, in HTML."""
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
