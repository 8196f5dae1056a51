"""Tag lists, `name=value; name=value` (RFC 6376 section 3.2): the syntax of DKIM keys, DMARC and other records."""

import re
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SPACE = " \t\r\n"


@dataclass(frozen=True, slots=True)
class TagList:
    """The tags in order (of equal names, only the first), and the faults of the list."""

    pairs: tuple[tuple[str, str], ...]
    faults: tuple[str, ...]

    def get(self, name: str) -> str | None:
        """The value of a tag without surrounding space; None if the tag is absent."""
        return next((value for tag, value in self.pairs if tag == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tags in order, each once."""
        return tuple(dict.fromkeys(name for name, _ in self.pairs))


def parse(text: str, *, fold_case: bool = False) -> TagList:
    """Parses a tag list. Names are case-sensitive, unless `fold_case` converts them to lower case (DMARC)."""
    pairs: list[tuple[str, str]] = []
    faults: list[str] = []
    parts = text.split(";")
    # A final semicolon is valid and common.
    if len(parts) > 1 and not parts[-1].strip(_SPACE):
        parts.pop()
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.strip(_SPACE)
        name = name.lower() if fold_case else name
        if not equals or not _NAME.fullmatch(name):
            faults.append(f"“{part.strip(_SPACE)[:60]}” is not of the form name=value")
        elif any(name == known for known, _ in pairs):
            faults.append(f"the tag {name} appears twice")
        else:
            pairs.append((name, value.strip(_SPACE)))
    return TagList(tuple(pairs), tuple(faults))


_SMART_QUOTES = "“”„‟«»‘’"


def slips(text: str) -> tuple[str, ...]:
    """Probable typing errors in a TXT record, as clauses of a message."""
    found: list[str] = []
    if text[:1].isspace():
        found.append("it begins with a space")
    if any(c in text for c in _SMART_QUOTES):
        found.append("it contains typographic quotation marks")
    if text.startswith('"') or text.endswith('"'):
        found.append("it contains quotation marks, which belong to zone files and not to the value")
    if "\\;" in text:
        found.append("it contains a backslash before a semicolon")
    return tuple(found)


def tidied(text: str) -> str:
    """The text without these typing errors."""
    for quote in _SMART_QUOTES + '"':
        text = text.replace(quote, "")
    return text.replace("\\;", ";").strip()
