"""SPF records (RFC 7208 section 12): the complete grammar, parsed into frozen terms."""

import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

from reconciler.compliance.records.macros import MacroString, SyntaxFault, domain_spec, macro_string

Qualifier = Literal["+", "-", "~", "?"]
MechanismName = Literal["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"]

MAX_LOOKUPS = 10
"""Limit of terms that query DNS in one evaluation (RFC 7208 section 4.6.4)."""
MAX_VOID = 2
"""Limit of lookups without a result (RFC 7208 section 4.6.4)."""

QUERYING = frozenset({"include", "a", "mx", "ptr", "exists"})

_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)=(.*)", re.DOTALL)
_MECHANISM = re.compile(r"([+?~-]?)([A-Za-z0-9_]+)(.*)", re.DOTALL)
_DUAL_CIDR = re.compile(r"(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?")
_QUALIFIERS: dict[str, Qualifier] = {"": "+", "+": "+", "-": "-", "~": "~", "?": "?"}
_NAMES: dict[str, MechanismName] = {name: name for name in ("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """A directive: a mechanism and its qualifier.

    Attributes:
        domain: None = the domain of the record; also None for `all`, `ip4`, `ip6`.
        network: of `ip4` and `ip6`.
        prefix4, prefix6: of `a` and `mx`: number of significant address bits.
        text: as written.
    """

    name: MechanismName
    qualifier: Qualifier = "+"
    domain: MacroString | None = None
    network: IPv4Network | IPv6Network | None = None
    prefix4: int = 32
    prefix6: int = 128
    text: str = field(default="", compare=False)

    def key(self, owner: str) -> Hashable:
        """A key for the senders that the mechanism matches in a record at `owner`. The qualifier is not part of it."""
        # `mx` and `mx:example.com` are equal in a record at example.com.
        domain = self.domain.text if self.domain else owner if self.name in ("a", "mx", "ptr") else ""
        return self.name, domain.lower().removesuffix("."), self.network, self.prefix4, self.prefix6

    def target(self, owner: str) -> str | None:
        """The name to look up for a record at `owner`; None if it depends on the mail."""
        if self.domain is None:
            return owner
        literal = self.domain.literal
        return None if literal is None else literal.lower().removesuffix(".")


@dataclass(frozen=True, slots=True, kw_only=True)
class Modifier:
    """`redirect=`, `exp=`, or an unknown modifier, which receivers ignore."""

    name: str
    value: MacroString
    text: str = field(default="", compare=False)


Term = Mechanism | Modifier


@dataclass(frozen=True, slots=True)
class SpfFault:
    """An invalid term. One invalid term invalidates the record (RFC 7208 section 4.6)."""

    term: str
    why: str


@dataclass(frozen=True)
class SpfRecord:
    """A record with its valid terms in order, and the faults."""

    text: str
    terms: tuple[Term, ...]
    faults: tuple[SpfFault, ...]

    @cached_property
    def mechanisms(self) -> tuple[Mechanism, ...]:
        """All mechanisms, including those after `all`."""
        return tuple(term for term in self.terms if isinstance(term, Mechanism))

    @cached_property
    def effective(self) -> tuple[Mechanism, ...]:
        """The mechanisms up to and including the first `all`. Receivers ignore later ones (RFC 7208 section 5.1)."""
        found = self.mechanisms
        end = next((i for i, m in enumerate(found) if m.name == "all"), len(found))
        return found[: end + 1]

    @cached_property
    def ignored(self) -> tuple[Term, ...]:
        """Mechanisms after `all`, and a `redirect` next to it (RFC 7208 sections 5.1 and 6.1)."""
        late: tuple[Term, ...] = self.mechanisms[len(self.effective) :]
        return (*late, *((r,) if self.all and (r := self.modifier("redirect")) else ()))

    @cached_property
    def all(self) -> Mechanism | None:
        """The first `all`."""
        return next((m for m in self.mechanisms if m.name == "all"), None)

    @cached_property
    def redirect(self) -> Modifier | None:
        """The `redirect` that applies; None if the record has an `all`."""
        return None if self.all else self.modifier("redirect")

    def modifier(self, name: str) -> Modifier | None:
        """The modifier of that name."""
        return next((t for t in self.terms if isinstance(t, Modifier) and t.name == name), None)


def is_spf(text: str) -> bool:
    """Whether a TXT record is an SPF record: the version, then a space or the end (RFC 7208 section 4.5)."""
    return text[:6].lower() == "v=spf1" and text[6:7] in ("", " ")


@lru_cache(maxsize=4096)
def parse_spf(text: str) -> SpfRecord:
    """Parses a text for which `is_spf` holds."""
    terms: list[Term] = []
    faults: list[SpfFault] = []
    for word in text[6:].split(" "):
        if not word:
            continue
        try:
            term = _term(word)
            # RFC 7208 section 6 forbids repeats of these two only. Unknown modifiers may repeat.
            if isinstance(term, Modifier) and term.name in ("redirect", "exp"):
                _once(term, terms)
            terms.append(term)
        except SyntaxFault as e:
            faults.append(SpfFault(word, str(e)))
    return SpfRecord(text, tuple(terms), tuple(faults))


@lru_cache(maxsize=256)
def parse_mechanism(text: str) -> Mechanism | SpfFault:
    """Parses one mechanism from a product. Its qualifier must mean pass (`+` or none)."""
    try:
        term = _term(text)
    except SyntaxFault as e:
        return SpfFault(text, str(e))
    if not isinstance(term, Mechanism) or term.qualifier != "+" or term.name == "all":
        return SpfFault(text, "use a mechanism that allows senders, such as include:mail.example.com")
    return term


def _once(term: Modifier, before: list[Term]) -> None:
    if any(isinstance(t, Modifier) and t.name == term.name for t in before):
        raise SyntaxFault(f"{term.name}= must appear only once")


def _term(word: str) -> Term:
    # Modifiers come first: `a=b` would otherwise look like the mechanism a with an invalid rest.
    modifier = _MODIFIER.fullmatch(word)
    if modifier is not None:
        return _modifier(word, modifier[1].lower(), modifier[2])
    match = _MECHANISM.fullmatch(word)
    name = _NAMES.get(match[2].lower()) if match else None
    if match is None or name is None:
        raise SyntaxFault("unknown mechanism")
    return _mechanism(word, name, _QUALIFIERS[match[1]], match[3])


def _modifier(word: str, name: str, value: str) -> Modifier:
    if name in ("redirect", "exp"):
        return Modifier(name=name, value=domain_spec(value), text=word)
    return Modifier(name=name, value=macro_string(value), text=word)


def _mechanism(word: str, name: MechanismName, qualifier: Qualifier, rest: str) -> Mechanism:
    match name:
        case "all":
            if rest:
                raise SyntaxFault("all takes no value")
            return Mechanism(name=name, qualifier=qualifier, text=word)
        case "ip4" | "ip6":
            return Mechanism(name=name, qualifier=qualifier, network=_network(name, rest), text=word)
        case "include" | "exists":
            if not rest.startswith(":"):
                raise SyntaxFault("a colon and a domain name are missing")
            return Mechanism(name=name, qualifier=qualifier, domain=domain_spec(rest[1:]), text=word)
        case "ptr":
            return Mechanism(name=name, qualifier=qualifier, domain=_optional_domain(rest), text=word)
        case "a" | "mx":
            domain, prefix4, prefix6 = _dual_cidr(rest)
            return Mechanism(
                name=name,
                qualifier=qualifier,
                domain=_optional_domain(domain),
                prefix4=prefix4,
                prefix6=prefix6,
                text=word,
            )


def _optional_domain(rest: str) -> MacroString | None:
    if not rest:
        return None
    if not rest.startswith(":"):
        raise SyntaxFault(f"unexpected {rest}")
    return domain_spec(rest[1:])


def _dual_cidr(rest: str) -> tuple[str, int, int]:
    """The text before the prefix lengths, and the prefix lengths. A domain-spec may also contain `/`."""
    # Macros and domain names may contain slashes and digits, so search the prefix length from the end.
    end = len(rest.rstrip("/0123456789"))
    for at in range(end, len(rest) + 1):
        found = _DUAL_CIDR.fullmatch(rest, at)
        if found is not None:
            prefix4 = int(found[1]) if found[1] else 32
            prefix6 = int(found[2]) if found[2] else 128
            if prefix4 > 32 or prefix6 > 128:
                raise SyntaxFault(f"{found.group()} is not a valid prefix length")
            return rest[:at], prefix4, prefix6
    raise AssertionError("the empty end always matches")


def _network(name: Literal["ip4", "ip6"], rest: str) -> IPv4Network | IPv6Network:
    host, slash, prefix = rest[1:].partition("/")
    # Python accepts netmasks, leading zeros and scope ids, which the SPF grammar does not.
    plain = not slash or prefix == "0" or (prefix.isascii() and prefix.isdigit() and not prefix.startswith("0"))
    family = "IPv4" if name == "ip4" else "IPv6"
    refusal = SyntaxFault(f"“{rest[1:65]}” is not a valid {family} range")
    if not rest.startswith(":") or not plain or "%" in host or len(rest) > 64:
        raise refusal
    try:
        network = ip_network(f"{host}/{prefix}" if slash else host, strict=False)
    except ValueError as e:
        raise refusal from e
    if isinstance(network, IPv4Network) != (name == "ip4"):
        raise refusal
    return network
