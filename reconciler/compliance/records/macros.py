"""SPF macro strings (RFC 7208 section 7): parsed once, then expanded for individual mails."""

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

from reconciler.compliance.records.addresses import MAX_NAME

_TOKEN = re.compile(r"%\{([A-Za-z])([0-9]{0,5})([rR]?)([.\-+,/_=]*)\}|%([%_-])|([!-$&-~]+)")
_ALNUM = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_LETTERS = frozenset("slodiphv")
_LETTERS_OF_EXP = frozenset("crt")
_ESCAPES = {"%": "%", "_": " ", "-": "%20"}


class SyntaxFault(ValueError):
    """A text does not match the grammar. The message explains the fault. Only the parsers use it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """One `%{…}`.

    Attributes:
        letter: lower case: s l o d i p h v, and in explanations c r t.
        digits: number of labels to keep, from the right; None = all.
        reverse: whether to reverse the labels.
        delimiters: the separators of the parts; `.` by default.
        escape: whether to URL-encode the result (the letter was upper case).
    """

    letter: str
    digits: int | None = None
    reverse: bool = False
    delimiters: str = "."
    escape: bool = False


@dataclass(frozen=True, slots=True)
class MacroString:
    """A text with macros. `parts` contains `%%`, `%_` and `%-` already replaced."""

    text: str
    parts: tuple[str | Macro, ...] = field(repr=False)

    @property
    def literal(self) -> str | None:
        """The text, if it does not depend on the mail; otherwise None."""
        if any(isinstance(part, Macro) for part in self.parts):
            return None
        return "".join(part for part in self.parts if isinstance(part, str))


def macro_string(text: str, *, explanation: bool = False) -> MacroString:
    """Parses a macro-string. Explanations may also use the letters c, r and t.

    Raises:
        SyntaxFault: the text is not a macro-string.
    """
    parts: list[str | Macro] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise SyntaxFault(_why(text, at))
        parts.append(_part(token, explanation))
        at = token.end()
    return MacroString(text, tuple(parts))


def domain_spec(text: str) -> MacroString:
    """Parses a domain-spec: a macro-string that ends in a macro or in a possible top-level domain.

    Raises:
        SyntaxFault: the text is not a domain-spec.
    """
    if not text:
        raise SyntaxFault("a domain name is missing")
    spec = macro_string(text)
    # The end of a macro is unknown until expansion, so the grammar cannot check the top-level domain.
    if isinstance(spec.parts[-1], Macro) or text[-2:] in ("%%", "%_", "%-"):
        return spec
    _, dot, last = text.removesuffix(".").rpartition(".")
    if not dot or not _is_toplabel(last):
        raise SyntaxFault(f"{text} is not a full domain name")
    return spec


def _part(token: re.Match[str], explanation: bool) -> str | Macro:
    letter, digits, reverse, delimiters, escaped, literal = token.groups()
    if literal is not None:
        return str(literal)
    if escaped is not None:
        return _ESCAPES[escaped]
    known = _LETTERS | _LETTERS_OF_EXP if explanation else _LETTERS
    if letter.lower() not in known:
        raise SyntaxFault(f"the macro {token.group()} is not defined here")
    if digits and int(digits) == 0:
        raise SyntaxFault(f"the macro {token.group()} keeps no labels")
    return Macro(
        letter=letter.lower(),
        digits=int(digits) if digits else None,
        reverse=bool(reverse),
        delimiters=delimiters or ".",
        escape=letter.isupper(),
    )


def _is_toplabel(label: str) -> bool:
    """RFC 7208 section 7.1: letters and digits with at least one letter, or with a hyphen inside."""
    if not label or label[0] not in _ALNUM or label[-1] not in _ALNUM:
        return False
    return set(label) <= _ALNUM | {"-"} and not label.isdigit()


def _why(text: str, at: int) -> str:
    if text[at] == "%":
        return f"invalid macro at {text[at : at + 10]}"
    return f"the character U+{ord(text[at]):04X} is not allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """The mail that is evaluated.

    Attributes:
        address: the client's IP address.
        sender: MAIL FROM, or `postmaster@HELO` if that is empty; always with a local part.
        helo: the client's name in HELO or EHLO.
        receiver: the evaluating host, for explanations.
        time: seconds since 1970, for explanations.
    """

    address: IPv4Address | IPv6Address
    sender: str
    helo: str
    receiver: str = "unknown"
    time: int = 0

    @property
    def local_part(self) -> str:
        """The local part of the sender, as written."""
        return self.sender.rpartition("@")[0]

    @property
    def sender_domain(self) -> str:
        """The domain of the sender."""
        return self.sender.rpartition("@")[2]


def needs_validated_name(text: MacroString) -> bool:
    """Whether the text contains the client's reverse name (`%{p}`), which costs lookups."""
    return any(isinstance(part, Macro) and part.letter == "p" for part in text.parts)


def expand(text: MacroString, mail: Mail, domain: str, validated: str = "unknown") -> str:
    """The text with its macros replaced.

    Args:
        domain: the domain whose record is evaluated (`%{d}`).
        validated: the value of `%{p}`.
    """
    return "".join(p if isinstance(p, str) else _value(p, mail, domain, validated) for p in text.parts)


def expand_name(text: MacroString, mail: Mail, domain: str, validated: str = "unknown") -> str:
    """The expanded text as a name to look up: lower case, no final dot, cut from the left to 253 characters."""
    name = expand(text, mail, domain, validated).lower().removesuffix(".")
    # RFC 7208 section 7.3 drops labels from the left, so the registered domain survives.
    while len(name) > MAX_NAME and "." in name:
        name = name.partition(".")[2]
    return name


def expand_same(text: MacroString, domain: str, sender_domain: str) -> str | None:
    """The expanded name, if it is equal for all mail from a domain (`%{d}`, `%{o}`); otherwise None."""
    if any(isinstance(part, Macro) and part.letter not in ("d", "o") for part in text.parts):
        return None
    # These macros do not use address and HELO, so any values will do.
    mail = Mail(address=IPv4Address(0), sender=f"postmaster@{sender_domain}", helo="")
    return expand_name(text, mail, domain)


def _value(macro: Macro, mail: Mail, domain: str, validated: str) -> str:
    parts = re.split(f"[{re.escape(macro.delimiters)}]", _letter(macro.letter, mail, domain, validated))
    if macro.reverse:
        parts.reverse()
    if macro.digits is not None:
        parts = parts[-macro.digits :]
    text = ".".join(parts)
    # RFC 3986 section 2.3 leaves these characters as they are.
    return quote(text, safe="-._~") if macro.escape else text


def _letter(letter: str, mail: Mail, domain: str, validated: str) -> str:
    match letter:
        case "s":
            return mail.sender
        case "l":
            return mail.local_part
        case "o":
            return mail.sender_domain
        case "d":
            return domain
        case "i":
            return _dotted(mail.address)
        case "p":
            return validated
        case "v":
            return "in-addr" if mail.address.version == 4 else "ip6"
        case "h":
            return mail.helo
        case "c":
            return str(mail.address)
        case "r":
            return mail.receiver
        case "t":
            return str(mail.time)
        case _:
            raise AssertionError(f"the parser rejects the macro {letter}")


def _dotted(address: IPv4Address | IPv6Address) -> str:
    return str(address) if address.version == 4 else ".".join(address.exploded.replace(":", "").upper())
