"""SPF macro strings (RFC 7208 section 7) expanded for one mail."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

from reconciler.compliance.records.dns_names import MAX_NAME
from reconciler.compliance.records.macros import Macro, MacroString


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
