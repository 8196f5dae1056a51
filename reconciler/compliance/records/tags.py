"""Tag lists, `name=value; name=value` (RFC 6376 section 3.2): the form of DKIM keys, DMARC, and others."""

import re
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SPACE = " \t\r\n"


@dataclass(frozen=True, slots=True)
class TagList:
    """The tags in order (the first of a name counts) and what is wrong with the list."""

    pairs: tuple[tuple[str, str], ...]
    faults: tuple[str, ...]

    def get(self, name: str) -> str | None:
        """The value of a tag, without the space around it; None where the tag is absent."""
        return next((value for tag, value in self.pairs if tag == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """The tags' names, in order, each once."""
        return tuple(dict.fromkeys(name for name, _ in self.pairs))


def parse(text: str, *, fold_case: bool = False) -> TagList:
    """The tags of a text. Names are compared as written, or in lower case where `fold_case` (DMARC)."""
    pairs: list[tuple[str, str]] = []
    faults: list[str] = []
    parts = text.split(";")
    if len(parts) > 1 and not parts[-1].strip(_SPACE):
        parts.pop()
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.strip(_SPACE)
        name = name.lower() if fold_case else name
        if not equals or not _NAME.fullmatch(name):
            faults.append(f"“{part.strip(_SPACE)[:60]}” is not of the form name=value")
        elif any(name == known for known, _ in pairs):
            faults.append(f"the tag {name} stands there twice")
        else:
            pairs.append((name, value.strip(_SPACE)))
    return TagList(tuple(pairs), tuple(faults))


# Slips that are seen in TXT records of any kind, recognised so that a report can name them.


_SMART_QUOTES = "“”„‟«»‘’"


def slips(text: str) -> tuple[str, ...]:
    """What the author of a TXT record most likely did not mean, as clauses for people."""
    found: list[str] = []
    if text[:1].isspace():
        found.append("it begins with a space")
    if any(c in text for c in _SMART_QUOTES):
        found.append("it holds typographic quotes, as a word processor makes them")
    if text.startswith('"') or text.endswith('"'):
        found.append("it holds quotation marks, which are written in zone files and must not be part of the value")
    if "\\;" in text:
        found.append("it holds a backslash before a semicolon")
    return tuple(found)


def tidied(text: str) -> str:
    """The text without those slips: what was probably meant."""
    for quote in _SMART_QUOTES + '"':
        text = text.replace(quote, "")
    return text.replace("\\;", ";").strip()
