"""Canonical names: local parts, domains (IDNA), addresses.

Names from files and from servers both pass through this module; after that they are compared with `==`.
"""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

import idna

_ATEXT = r"a-z0-9!#$&'*+=?^_`{|}~:-"
_LOCAL = re.compile(rf"[{_ATEXT}]+(?:\.[{_ATEXT}]+)*")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PLAIN_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*")

MAX_LOCAL_PART = 64
MAX_DOMAIN = 253


class BadName(ValueError):
    """A text that is not a valid name; the message is for users."""


def local_part(text: str) -> str:
    """The canonical form of a local part: lower case, checked.

    RFC 5321 section 4.5.3.1.1 (64 octets) and RFC 5322 section 3.2.3 (dot-atom). Additionally allowed: `:`, which mail
    servers accept. Not allowed: `/` and `%`, which are not safe in the path of a request.

    Raises:
        BadName: the text is not a valid local part.
    """
    name = text.lower()
    if len(name) > MAX_LOCAL_PART:
        raise BadName(f"the part before the @ has {len(name)} characters, {MAX_LOCAL_PART} are allowed (RFC 5321)")
    # The text is checked, not its lower case: the Kelvin sign becomes an ASCII k, so that two names would be one.
    if text.isascii() and _LOCAL.fullmatch(name):
        return name
    if not name:
        raise BadName("the name is empty")
    if "@" in name:
        raise BadName("write only the part before the @; the file name sets the domain")
    if not text.isascii():
        raise BadName("only ASCII letters are allowed before the @ on this server")
    if name.startswith(".") or name.endswith(".") or ".." in name:
        raise BadName("a dot is allowed only between two other characters (RFC 5322)")
    bad = next(c for c in name if not re.fullmatch(f"[.{_ATEXT}]", c))
    raise BadName(f"the character {bad!r} is not allowed before the @")


# A large workspace decodes each domain many times, and IDNA is slow. The size bounds the memory.
@lru_cache(maxsize=65536)
def domain_name(text: str) -> str:
    """The canonical form of a domain: lower case, A-labels (RFC 5890), no final dot.

    Raises:
        BadName: the text is not a valid domain name.
    """
    name = text.lower().removesuffix(".")
    # The expression is much faster than IDNA, and sufficient for names that are ASCII and no A-labels.
    if not _PLAIN_DOMAIN.fullmatch(name) or "xn--" in name:
        try:
            name = idna.encode(name, uts46=True).decode("ascii") if name else ""
        except (idna.IDNAError, UnicodeError) as e:
            raise BadName(f"not a domain name: {_plain(e)}") from e
    if not name or len(name) > MAX_DOMAIN:
        raise BadName(f"a domain name has 1 to {MAX_DOMAIN} characters (RFC 1035)")
    if "." not in name:
        raise BadName("a domain name needs a dot, like example.com")
    if not _PLAIN_DOMAIN.fullmatch(name):
        raise BadName("not a domain name: letters, digits and hyphens between dots, like example.com")
    if _ends_in_number(name):
        raise BadName("a domain name must not end in a number, because programs read it as an IP address (RFC 3696)")
    return name


@lru_cache(maxsize=65536)
def host_name(text: str) -> str:
    """Like `domain_name`, but a single label (`localhost`) and underscores are allowed: a name in DNS.

    Raises:
        BadName: the text is not a valid host name.
    """
    name = text.lower().removesuffix(".")
    if name and all(_LABEL.fullmatch(label) for label in name.split(".")) and len(name) <= MAX_DOMAIN:
        return name
    return domain_name(text)


def published_host(text: str) -> str:
    """Like `host_name`, for the target of a DNS record: no address, and no name of the local machine.

    Raises:
        BadName: the text is not a valid target.
    """
    name = host_name(text)
    if _ends_in_number(name):
        raise BadName("an MX, CNAME or SRV record needs a host name, not an address")
    if name == "localhost" or name.endswith(".localhost"):
        raise BadName("localhost is a different machine for each resolver")
    return name


def host_or_address(text: str) -> str:
    """An IP address in its shortest form (IPv4 if it is mapped into IPv6), or a host name.

    Raises:
        BadName: the text is neither.
    """
    try:
        found = ip_address(text)
    except ValueError as e:
        # Programs read a name that ends in a number as an address, so 192.0.2.400 is not a host name. The check needs
        # the canonical form: 127。0。0。1 with ideographic full stops is the same address.
        name = "" if ":" in text or "/" in text else host_name(text)
        if not name or _ends_in_number(name):
            raise BadName("neither an IP address nor a host name") from e
        return name
    if isinstance(found, IPv6Address):
        if found.scope_id is not None:
            raise BadName("an address with a zone is valid only on one machine")
        # One address has one spelling, so that an IPv4 address in IPv6 form is not reported as another sender.
        return str(found.ipv4_mapped or found)
    return str(found)


def _ends_in_number(name: str) -> bool:
    return name.rpartition(".")[2].isdigit()


def address(text: str, domain: str) -> str:
    """A mail address in canonical form; a text without @ is a local part in `domain`.

    Raises:
        BadName: the text is not a valid mail address.
    """
    local, at, host = text.rpartition("@")
    if not at:
        return f"{local_part(text)}@{domain}"
    return f"{local_part(local)}@{domain_name(host)}"


def split_address(canonical: str) -> tuple[str, str]:
    """Local part and domain of a canonical address."""
    local, _, host = canonical.rpartition("@")
    return local, host


def display_domain(canonical: str) -> str:
    """The U-label form for people (`münchen.example`), or the A-label form without one."""
    if "xn--" not in canonical:
        return canonical
    try:
        # `host_name` checks no A-labels, so a name with `xn--` may be undecodable. It is then shown as it is.
        return idna.decode(canonical)
    except (idna.IDNAError, UnicodeError):
        return canonical


def _plain(e: Exception) -> str:
    # The message of the library may have several lines and repeat untrusted text, so it is cut.
    return str(e).splitlines()[0][:120]
