"""SPF macro strings (RFC 7208 section 7): parsed, not expanded."""

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
    """A text is not what the grammar allows; the message says why, for people. Stays inside the parsers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """One `%{…}`.

    Attributes:
        letter: lower case: s l o d i p h v, and in explanations c r t.
        digits: how many labels to keep, from the right; None = all.
        reverse: whether the labels are reversed.
        delimiters: what separates the parts; `.` where nothing was written.
        escape: whether the result is URL-encoded (the letter was upper case).
    """

    letter: str
    digits: int | None = None
    reverse: bool = False
    delimiters: str = "."
    escape: bool = False


@dataclass(frozen=True, slots=True)
class MacroString:
    """A text with macros in it; `%%`, `%_` and `%-` are resolved in `parts` already."""

    text: str
    parts: tuple[str | Macro, ...] = field(repr=False)

    @property
    def literal(self) -> str | None:
        """The text itself where it does not depend on the mail being checked, else None."""
        if any(isinstance(part, Macro) for part in self.parts):
            return None
        return "".join(part for part in self.parts if isinstance(part, str))


def macro_string(text: str, *, explanation: bool = False) -> MacroString:
    """A macro-string; in an explanation the letters c, r and t are possible too.

    Raises:
        SyntaxFault: it is none.
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
    """A domain-spec: a macro-string that ends in a macro or in a label which can be a top-level domain.

    Raises:
        SyntaxFault: it is none.
    """
    if not text:
        raise SyntaxFault("a domain name is missing")
    spec = macro_string(text)
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
        raise SyntaxFault(f"the macro {token.group()} does not exist here")
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
    """RFC 7208 section 7.1: letters and digits with a letter among them, or with a hyphen inside."""
    if not label or label[0] not in _ALNUM or label[-1] not in _ALNUM:
        return False
    return set(label) <= _ALNUM | {"-"} and not label.isdigit()


def _why(text: str, at: int) -> str:
    if text[at] == "%":
        return f"a macro is broken at {text[at : at + 10]}"
    return f"the character U+{ord(text[at]):04X} is not allowed"


# SPF macro strings (RFC 7208 section 7) expanded for one mail.


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """The mail that is evaluated.

    Attributes:
        address: where it comes from.
        sender: MAIL FROM, or `postmaster@HELO` where that is empty; always with a local part.
        helo: what the client said in HELO or EHLO.
        receiver: the host that evaluates, for explanations.
        time: seconds since 1970, for explanations.
    """

    address: IPv4Address | IPv6Address
    sender: str
    helo: str
    receiver: str = "unknown"
    time: int = 0

    @property
    def local_part(self) -> str:
        """The sender's, as written."""
        return self.sender.rpartition("@")[0]

    @property
    def sender_domain(self) -> str:
        """The domain of the sender."""
        return self.sender.rpartition("@")[2]


def needs_validated_name(text: MacroString) -> bool:
    """Whether it takes the sender's reverse name (`%{p}`), which costs look-ups."""
    return any(isinstance(part, Macro) and part.letter == "p" for part in text.parts)


def expand(text: MacroString, mail: Mail, domain: str, validated: str = "unknown") -> str:
    """The text with its macros replaced.

    Args:
        domain: the domain whose record is evaluated (`%{d}`).
        validated: what stands for `%{p}`.
    """
    return "".join(p if isinstance(p, str) else _value(p, mail, domain, validated) for p in text.parts)


def expand_name(text: MacroString, mail: Mail, domain: str, validated: str = "unknown") -> str:
    """The same as a name to ask about: lower case, no final dot; labels are cut from the left beyond 253 characters."""
    name = expand(text, mail, domain, validated).lower().removesuffix(".")
    while len(name) > MAX_NAME and "." in name:
        name = name.partition(".")[2]
    return name


def expand_same(text: MacroString, domain: str, sender_domain: str) -> str | None:
    """The same where it is the same for every mail from a domain (`%{d}`, `%{o}`), else None."""
    if any(isinstance(part, Macro) and part.letter not in ("d", "o") for part in text.parts):
        return None
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
            raise AssertionError(f"the parser lets no macro {letter} pass")


def _dotted(address: IPv4Address | IPv6Address) -> str:
    return str(address) if address.version == 4 else ".".join(address.exploded.replace(":", "").upper())
