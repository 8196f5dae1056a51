"""Slips that are seen in TXT records of any kind, recognised so that a report can name them."""

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
