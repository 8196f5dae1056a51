"""What a text must be to be a name that DNS can be asked about."""

MAX_NAME = 253
"""Characters of a domain name without its final dot (RFC 1035 section 2.3.4)."""


def is_name(name: str) -> bool:
    """Whether it has at least two labels, none of them empty or too long (RFC 7208 section 4.3)."""
    return "." in name and is_askable(name)


def is_askable(name: str) -> bool:
    """Whether every label has 1 to 63 bytes and the whole fits (RFC 1035 section 2.3.4)."""
    return len(name) <= MAX_NAME and all(0 < len(label.encode()) <= 63 for label in name.split("."))


def is_under(name: str, domain: str) -> bool:
    """Whether it is the domain, or a name below it."""
    return name == domain or name.endswith(f".{domain}")
