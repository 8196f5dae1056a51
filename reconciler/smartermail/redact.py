"""Making text from a server fit to be shown: no control characters, no length, no secret of ours."""

import re
import unicodedata
from collections.abc import Iterable

from reconciler.core.secret import Secret

MAX_TEXT = 300
"""Characters of a server's text that are shown."""

_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}")
_SPACE = re.compile(r"\s+")


def clean(text: object, secrets: Iterable[Secret] = ()) -> str:
    """One line of a server's text; empty for anything that is not text.

    Control and format characters (escape sequences, direction marks) become spaces; the secrets, and whatever looks
    like a JWT, become `***`.
    """
    if not isinstance(text, str):
        return ""
    shown = text[: MAX_TEXT * 8]
    for secret in secrets:
        value = secret.reveal()
        if value:
            shown = shown.replace(value, "***")
    shown = "".join(" " if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" else c for c in shown)
    for secret in secrets:
        value = _SPACE.sub(" ", secret.reveal()).strip()
        if value:
            shown = shown.replace(value, "***")
    shown = _SPACE.sub(" ", _TOKEN.sub("***", shown)).strip()
    return shown if len(shown) <= MAX_TEXT else f"{shown[:MAX_TEXT]}…"
