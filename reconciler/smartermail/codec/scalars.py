"""Single values of JSON objects. A key that is absent means "unknown"; a value of the wrong type stops the read."""

import re
from collections.abc import Mapping

from reconciler.core.errors import UnexpectedAnswer
from reconciler.core.model import UNSET, Unset
from reconciler.core.names import BadName, domain_name
from reconciler.smartermail.auth.answers import parse_time

Fields = Mapping[str, object]

_HALF = re.compile("[\ud800-\udfff]")
_LARGEST = 1 << 63
"""Numbers of the server have 64 bits."""


def flag(fields: Fields, key: str, where: str) -> bool | Unset:
    """A truth value; UNSET where it is absent or null.

    Raises:
        UnexpectedAnswer: it is something else.
    """
    value = fields.get(key)
    if value is None:
        return UNSET
    if isinstance(value, bool):
        return value
    raise UnexpectedAnswer(f"{where}: {key} is not true or false but a {type(value).__name__}")


def number(fields: Fields, key: str, where: str) -> int | None:
    """A whole number; None where it is absent or null.

    Raises:
        UnexpectedAnswer: it is something else.
    """
    value = fields.get(key)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= _LARGEST:
            raise UnexpectedAnswer(f"{where}: {key} is a number that no server can mean")
        return value
    raise UnexpectedAnswer(f"{where}: {key} is not a whole number but a {type(value).__name__}")


def text(fields: Fields, key: str, where: str) -> str | Unset:
    """A text as it is; UNSET where it is absent. A null is .NET's empty text.

    Raises:
        UnexpectedAnswer: it is something else.
    """
    if key not in fields:
        return UNSET
    value = fields[key]
    if value is None or isinstance(value, str):
        return sound(value or "")
    raise UnexpectedAnswer(f"{where}: {key} is not a text but a {type(value).__name__}")


def sound(value: str) -> str:
    r"""Text without halves of surrogate pairs (`\ud800` in JSON), which nothing can store or print."""
    return value if value.isascii() else _HALF.sub("\N{REPLACEMENT CHARACTER}", value)


def when(value: object) -> str | None:
    """A time as `2026-11-01T10:00:00Z`; None for never and for what is no time."""
    found = parse_time(value)
    return found.strftime("%Y-%m-%dT%H:%M:%SZ") if found else None


def canonical_domain(name: str) -> str:
    """A domain of the server in canonical form; in lower case where it is no proper name."""
    try:
        return domain_name(name)
    except BadName:
        return sound(name.lower())
