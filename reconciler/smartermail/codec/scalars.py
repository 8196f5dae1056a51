"""Single values of JSON objects. An absent key means "unknown"; a value of the wrong type stops the read.

`where` in all functions is the beginning of the error message: server, request, domain.
"""

import re
from collections.abc import Mapping

from reconciler.core.errors import UnexpectedAnswer
from reconciler.core.model import UNSET, Unset
from reconciler.core.names import BadName, domain_name
from reconciler.smartermail.auth.decode import parse_time

Fields = Mapping[str, object]

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_LARGEST = 1 << 63
"""The server's numbers have 64 bits."""


def flag(fields: Fields, key: str, where: str) -> bool | Unset:
    """A boolean; UNSET if absent or null.

    Raises:
        UnexpectedAnswer: the value has another type.
    """
    value = fields.get(key)
    if value is None:
        return UNSET
    if isinstance(value, bool):
        return value
    raise UnexpectedAnswer(f"{where}: {key} must be a boolean, not {type(value).__name__}")


def number(fields: Fields, key: str, where: str) -> int | None:
    """An integer; None if absent or null.

    Raises:
        UnexpectedAnswer: the value has another type, or more than 64 bits.
    """
    value = fields.get(key)
    if value is None:
        return None
    # Some builds send counts as 12.0.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= _LARGEST:
            raise UnexpectedAnswer(f"{where}: {key} is out of range")
        return value
    raise UnexpectedAnswer(f"{where}: {key} must be an integer, not {type(value).__name__}")


def text(fields: Fields, key: str, where: str) -> str | Unset:
    """A string; UNSET if absent. A null means the empty string, as .NET sends it.

    Raises:
        UnexpectedAnswer: the value has another type.
    """
    if key not in fields:
        return UNSET
    value = fields[key]
    if value is None or isinstance(value, str):
        return without_surrogates(value or "")
    raise UnexpectedAnswer(f"{where}: {key} must be a string, not {type(value).__name__}")


def without_surrogates(value: str) -> str:
    r"""Replace lone surrogates (`\ud800` in JSON): they cannot be encoded, and so neither stored nor printed."""
    return value if value.isascii() else _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)


def timestamp(value: object) -> str | None:
    """A time as `2026-11-01T10:00:00Z`; None for "never" and for invalid times."""
    found = parse_time(value)
    return found.strftime("%Y-%m-%dT%H:%M:%SZ") if found else None


def canonical_domain(name: str) -> str:
    """A domain of the server in canonical form; only in lower case if it is not a valid name."""
    try:
        return domain_name(name)
    except BadName:
        return without_surrogates(name.lower())
