"""Wording for faults of the schema: what is expected, what was found, what to do. None of it may contain a secret."""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from reconciler.config.document.builder import shown
from reconciler.core.names import BadName, address, domain_name, host_name, host_or_address, local_part

EXPECTED: Final[dict[str, str]] = {
    # title of a schema -> the value that it accepts
    "size": "a size like 5 GiB, a number of bytes, or unlimited",
    "day": "a day like 2026-12-31",
    "price": "a price like 2.00",
    "currency": "a currency's three capital letters, like USD",
    "SPF mechanism": "one SPF mechanism like include:mail.example.com, not a complete record",
    "report address": "a mail address like dmarc@example.com, without mailto:",
    "server address": "an address like https://mail.example.net",
    "resolver": "an IP address like 192.0.2.53 or 127.0.0.1:5353",
    "name": "a name of letters, digits, dots, hyphens and underscores",
    "pattern": "a name or pattern without spaces and @",
    "environment variable": "the name of an environment variable",
    "one line of text": "text without line breaks and control characters",
    "path": "a path",
    "word": "text",
    "command": "a list with the program and its arguments",
    "sops reference": "{file: secrets.enc.yaml, key: mail.alice}",
    "key in a file": "keys with dots between them like mail.alice, or a list of keys",
    "vault reference": "{path: secret/mail/alice, field: password}",
    "vault path": "a path like secret/mail/alice, the engine's mount first",
    "keyring reference": "{service: reconciler, username: alice@example.com}",
    "age recipient": "a public key, age1… or ssh-ed25519 …",
    "user name": "an account's name",
    "secret reference": "a reference like {env: NAME}",
    "credential reference": "a reference like {env: NAME}",
    "local part": "a name, the part of an address before the @",
    "domain name": "a domain name like example.com",
    "outside domain": "a domain name like partner.example, or *.partner.example for all below it",
    "host name": "a host name like mail.example.com",
    "host name or address": "an IP address or a host name, like 192.0.2.4 or out.example.com",
    "mail address": "a mail address, or a name in this domain",
    "mailbox": "a mapping of the mailbox's fields, or {}",
    "alias": "a list of targets, or a mapping with `to`",
    "server": "a mapping of the server's settings",
    "removal": "{purgeAfter: DAY}, or {}",
    "removed mailboxes": "a list of names, or a mapping of names to {purgeAfter: DAY}",
    "removed mailbox": "a name, or one name with {purgeAfter: DAY}",
    "prune": "true, false, or a mapping of kinds to true or false",
}
_TYPES: Final[dict[str, str]] = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
_EMPTY: Final[dict[str, str]] = {"object": "{}", "array": "[]"}
_HARMLESS = re.compile(r"[A-Za-z0-9_.@+-]{1,80}")
_BOOLEANS: Final = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false"})

NAMES: Final[dict[str, Callable[[str], str]]] = {
    "local part": local_part,
    "removed mailbox": local_part,
    "domain name": domain_name,
    "host name": host_name,
    "host name or address": host_or_address,
    "mail address": lambda text: address(text, "example.com"),
}
"""Titles of the schemas of names -> the function that explains why a text is not such a name."""


def expected(schema: Mapping[str, Any]) -> str:
    """The value that a schema accepts, as the end of `should be …`."""
    # The most specific statement first: a title of `NAMES` says more than the type `string`.
    if "const" in schema:
        return _plain(schema["const"])
    if "enum" in schema:
        return either(_plain(value) for value in schema["enum"])
    title = schema.get("title", "")
    if title in EXPECTED:
        return EXPECTED[title]
    return expected_types(types_of(schema)) + _range(schema)


def expected_types(names: Iterable[str]) -> str:
    """`text or a mapping`."""
    return either(_TYPES[name] for name in names)


def types_of(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The types that a schema allows; empty if it allows all."""
    types = schema.get("type", ())
    return (types,) if isinstance(types, str) else tuple(types)


def found(value: object, *, echo: bool) -> str:
    """The type of a value, and with `echo` the value itself. Without it, nothing of a possible secret is shown."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    # `the text '5'` and `the number 5` make the difference visible that quotes caused.
    kind = "text" if isinstance(value, str) else "the number"
    if not echo:
        return kind if isinstance(value, str) else "a number"
    return f"the text {shown(value)}" if isinstance(value, str) else f"{kind} {value}"


NULL_ITEM = 'remove it, or put it in quotes if it is a name: "null"'
"""Hint for an empty item of a list: unlike a key, an unquoted `null` there is not text."""

NEEDED = {
    "servers": "add a server: `mail1: {url: …, username: …, password: …}`",
    "command": "write the program and its arguments: [pass, show, mail/alice]",
    "recipients": "add a public key, or remove `recipients` to have passwords written in plain text",
    "key": "write the path of keys: mail.alice",
}
"""Hints for keys that need a value and cannot be removed."""


def hint_for(value: object, types: Iterable[str], name: str) -> str:
    """The hint for a value of the wrong type; `name` is its key."""
    allowed = tuple(types)
    if value is None and name in NEEDED:
        return NEEDED[name]
    if value is None:
        empty = next((f"write `{name}: {_EMPTY[t]}` for none, or " for t in allowed if t in _EMPTY), "")
        return f"{empty}remove it" if empty else "write a value after the colon, or remove the key"
    # YAML 1.1 read these words as booleans, and many examples on the web still use them.
    if "boolean" in allowed and isinstance(value, str) and value.lower() in _BOOLEANS:
        return "write true or false, without quotes: yes, no, on and off are text in YAML 1.2"
    if isinstance(value, bool | int | float) and "string" in allowed:
        return "put it in quotes to make it text"
    if isinstance(value, str) and {"integer", "number"} & set(allowed) and "string" not in allowed:
        return "write only the number, without quotes, units or leading zeros"
    if isinstance(value, list) and "object" in allowed:
        return "write each entry as `name: …` on its own line, without a dash"
    if "array" in allowed and isinstance(value, str):
        return "write a list: [one, two]"
    return ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean …?` for a word that is close to a known one (ignoring case, `-` and `_`); else empty."""
    by_shape = {_shape(name): name for name in known}
    # 0.6 finds `quotas` and `displayname`, but does not suggest unrelated keys.
    near = get_close_matches(_shape(word), by_shape, n=1, cutoff=0.6)
    return f"did you mean `{by_shape[near[0]]}`?" if near else ""


def bad_name(title: str, text: str) -> str:
    """Why a text is not a name of that kind."""
    try:
        NAMES[title](text)
    except BadName as e:
        return str(e)
    return f"it should be {EXPECTED[title]}"


def either(words: Iterable[str]) -> str:
    """`a, b or c`."""
    rows = list(words)
    return " or ".join((", ".join(rows[:-1]), rows[-1]) if len(rows) > 1 else rows)


def name_of(path: Iterable[str | int]) -> str:
    """A path for people: `mailboxes.alice.quota`, `aliases.info[2]`."""
    words = ""
    for step in path:
        if isinstance(step, int):
            words += f"[{step}]"
        else:
            words += f".{plain_or_shown(step)}" if words else plain_or_shown(step)
    return f"`{words}`" if words else "the file"


def plain_or_shown(text: str) -> str:
    """A key unchanged if it needs no escaping, else in quotes and escaped."""
    return text if _HARMLESS.fullmatch(text) else shown(text)


def _shape(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def _plain(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _range(schema: Mapping[str, Any]) -> str:
    low, high, above = schema.get("minimum"), schema.get("maximum"), schema.get("exclusiveMinimum")
    if above is not None:
        return f" above {above}" + (f" and up to {high}" if high is not None else "")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" of {low} or more"
    return f" of {high} or less" if high is not None else ""
