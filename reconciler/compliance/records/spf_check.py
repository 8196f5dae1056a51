"""`check_host()` (RFC 7208 section 4): evaluates a record for one sender. Pure: it uses existing answers only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

from reconciler.compliance.records import macros
from reconciler.compliance.records.addresses import is_askable, is_name, is_under
from reconciler.compliance.records.macros import MacroString, Mail, SyntaxFault, macro_string
from reconciler.compliance.records.spf import (
    MAX_LOOKUPS,
    MAX_VOID,
    QUERYING,
    Mechanism,
    Modifier,
    Qualifier,
    SpfRecord,
    is_spf,
    parse_spf,
)
from reconciler.core.lookups import Answer, Host, Mx, RecordType

SpfResult = Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]
"""RFC 7208 section 2.6."""

Find = Callable[[str, RecordType], Answer | None]
"""Returns the answer to a question, or None if it has not been asked."""

MAX_NAMES = 10
"""Limit of hosts of one `mx`, and of reverse names of one `ptr` (RFC 7208 section 4.6.4)."""

_RESULTS: dict[Qualifier, SpfResult] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """The result for one sender.

    Attributes:
        result: None while questions are `open`.
        reason: why the result is an error or `none`; empty otherwise.
        matched: the terms that decided, from the outer record to the inner: `include:a.example`, `ip4:192.0.2.1`.
        explanation: the domain's text for a `fail` (`exp=`); empty if it has none. Untrusted text.
        lookups: number of terms that queried DNS before the result was known.
        open: questions whose answers the evaluation needs next.
    """

    result: SpfResult | None
    reason: str = ""
    matched: tuple[str, ...] = ()
    explanation: str = ""
    lookups: int = 0
    open: tuple[tuple[str, RecordType], ...] = ()


def check_host(
    address: str,
    domain: str,
    sender: str,
    helo: str,
    find: Find,
    *,
    receiver: str = "unknown",
    time: int = 0,
) -> Evaluation:
    """Evaluates the SPF record of a domain for a mail.

    Args:
        address: of the client, IPv4 or IPv6; an IPv4-mapped IPv6 address counts as IPv4.
        domain: the domain of the record: the sender's domain, or the HELO name.
        sender: MAIL FROM; may be empty or lack a local part.
        find: returns answers. Missing ones are in `open`: the caller looks them up and calls again.
    """
    client = ip_address(address)
    # Dual-stack servers report IPv4 clients this way.
    if isinstance(client, IPv6Address) and client.ipv4_mapped is not None:
        client = client.ipv4_mapped
    local, _, host = sender.rpartition("@")
    mail = Mail(
        address=client,
        sender=f"{local or 'postmaster'}@{host or domain}",
        helo=helo,
        receiver=receiver,
        time=time,
    )
    run = _Run(mail, find)
    try:
        result, reason = run.domain(domain.lower().removesuffix("."), first=True)
        # Only a fail has an explanation, and its lookup must not change any other result.
        explanation = run.explained() if result == "fail" else ""
    except _Open as e:
        return Evaluation(result=None, open=e.questions, lookups=run.lookups)
    except _Ended as e:
        return Evaluation(result=e.result, reason=e.reason, lookups=run.lookups)
    return Evaluation(
        result=result,
        reason=reason,
        matched=tuple(run.matched) if result not in ("none", "temperror", "permerror") else (),
        explanation=explanation,
        lookups=run.lookups,
    )


class _Open(Exception):
    """The evaluation needs answers that are missing."""

    def __init__(self, *questions: tuple[str, RecordType]) -> None:
        super().__init__()
        self.questions = questions


class _Ended(Exception):
    """An error that ends the entire evaluation."""

    def __init__(self, result: SpfResult, reason: str) -> None:
        super().__init__()
        self.result: SpfResult = result
        self.reason = reason


@dataclass(slots=True)
class _Run:
    """One evaluation. Its counters cover all included records."""

    mail: Mail
    find: Find
    lookups: int = 0
    voids: int = 0
    matched: list[str] = field(default_factory=list)
    exp: tuple[str, MacroString] | None = None
    validated: dict[str, str] = field(default_factory=dict)

    def domain(self, name: str, *, first: bool = False) -> tuple[SpfResult, str]:
        """Finds and evaluates the record of a domain (RFC 7208 sections 4.3 to 4.7)."""
        if not is_name(name):
            return "none", f"{name} is not a valid domain name"
        # The first lookup is not caused by a term, so it does not count as void.
        answer = self._ask(name, "TXT", counts=not first)
        if answer.unknown:
            raise _Ended("temperror", f"TXT of {name}: {answer.text}")
        records = [text for text in answer.texts() if is_spf(text)]
        if not records:
            return "none", f"{name} has no SPF record"
        if len(records) > 1:
            raise _Ended("permerror", f"{name} has {len(records)} SPF records")
        record = parse_spf(records[0])
        if record.faults:
            fault = record.faults[0]
            raise _Ended("permerror", f"“{fault.term[:60]}” in the record of {name}: {fault.why}")
        return self._record(name, record)

    def _record(self, domain: str, record: SpfRecord) -> tuple[SpfResult, str]:
        for term in record.effective:
            if self._matches(domain, term):
                self.matched.insert(0, term.text)
                exp = record.modifier("exp")
                # An include returns before its caller matches, so the outermost record sets this last.
                self.exp = (domain, exp.value) if exp else None
                return _RESULTS[term.qualifier], ""
        if record.redirect is not None:
            return self._redirect(domain, record.redirect)
        return "neutral", ""

    def _redirect(self, domain: str, term: Modifier) -> tuple[SpfResult, str]:
        self._count(term.text)
        target = self._name(term.value, domain)
        result, reason = self.domain(target)
        if result == "none":
            raise _Ended("permerror", f"“{term.text}”: {reason}")
        self.matched.insert(0, term.text)
        return result, reason

    def _matches(self, domain: str, term: Mechanism) -> bool:
        if term.name in QUERYING:
            self._count(term.text)
        match term.name:
            case "all":
                return True
            case "ip4" | "ip6":
                assert term.network is not None
                return self.mail.address in term.network
            case "include":
                return self._include(domain, term)
            case "exists":
                return self._there(self._target(domain, term), "A", term).outcome == "records"
            case "a":
                return self._any_address(self._target(domain, term), term)
            case "mx":
                return self._mx(domain, term)
            case "ptr":
                target = self._target(domain, term)
                return any(is_under(name, target) for name in self._validated_names())

    def _include(self, domain: str, term: Mechanism) -> bool:
        """RFC 7208 section 5.2: only a pass matches. Without one, the terms inside the include do not count."""
        # A failed include must not appear in the terms that explain the result.
        before = list(self.matched)
        result, reason = self.domain(self._target(domain, term))
        if result == "none":
            raise _Ended("permerror", f"“{term.text}”: {reason}")
        if result != "pass":
            self.matched[:] = before
        return result == "pass"

    def _mx(self, domain: str, term: Mechanism) -> bool:
        target = self._target(domain, term)
        hosts = [r.host for r in self._there(target, "MX", term).records if isinstance(r, Mx) and r.host]
        if len(hosts) > MAX_NAMES:
            raise _Ended("permerror", f"“{term.text}”: {target} has {len(hosts)} mail hosts; the limit is {MAX_NAMES}")
        # Without this, ten MX hosts would need ten rounds of lookups.
        self._together((host, self._family()) for host in hosts)
        return any(self._any_address(host, term) for host in hosts)

    def _any_address(self, host: str, term: Mechanism) -> bool:
        prefix = term.prefix4 if isinstance(self.mail.address, IPv4Address) else term.prefix6
        network = ip_network(f"{self.mail.address}/{prefix}", strict=False)
        addresses = self._there(host, self._family(), term).addresses()
        return any(ip_address(found) in network for found in addresses)

    def _family(self) -> RecordType:
        return "A" if isinstance(self.mail.address, IPv4Address) else "AAAA"

    def _validated_names(self) -> list[str]:
        """The client's reverse names that resolve to its address (RFC 7208 section 5.5). A failed lookup gives none."""
        answer = self._ask(self.mail.address.reverse_pointer, "PTR")
        # An owner of an address can publish any number of PTR records, so RFC 7208 section 4.6.4 limits them.
        names = [r.name for r in answer.records if isinstance(r, Host)][:MAX_NAMES]
        names = [name for name in names if is_name(name)]
        self._together((name, self._family()) for name in names)
        client = str(self.mail.address)
        return [name for name in names if client in self._ask(name, self._family(), counts=False).addresses()]

    def _target(self, domain: str, term: Mechanism) -> str:
        return domain if term.domain is None else self._name(term.domain, domain)

    def _name(self, text: MacroString, domain: str) -> str:
        return macros.expand_name(text, self.mail, domain, self._p(text, domain))

    def _p(self, text: MacroString, domain: str) -> str:
        """The value of `%{p}` at `domain` (RFC 7208 section 7.3): that name, one below it, any, or `unknown`."""
        if not macros.needs_validated_name(text):
            return "unknown"
        if domain not in self.validated:
            names = self._validated_names()
            below = (n for n in names if is_under(n, domain))
            best = next((n for n in names if n == domain), None) or next(below, None) or next(iter(names), "unknown")
            self.validated[domain] = best
        return self.validated[domain]

    def _there(self, name: str, rtype: RecordType, term: Mechanism) -> Answer:
        """The answer that a term needs. An invalid name counts as nonexistent."""
        if not is_askable(name):
            return Answer(name=name, rtype=rtype, outcome="nxdomain", text="not a valid DNS name")
        answer = self._ask(name, rtype)
        if answer.unknown:
            raise _Ended("temperror", f"“{term.text}”: {rtype} of {name}: {answer.text}")
        return answer

    def _ask(self, name: str, rtype: RecordType, *, counts: bool = True) -> Answer:
        answer = self.find(name, rtype)
        if answer is None:
            raise _Open((name, rtype))
        if counts and answer.void:
            self.voids += 1
            # A record with many void lookups can be used to attack the DNS of others.
            if self.voids > MAX_VOID:
                raise _Ended(
                    "permerror", f"more than {MAX_VOID} lookups return no record, most recently {rtype} of {name}"
                )
        return answer

    def _together(self, questions: Iterator[tuple[str, RecordType]]) -> None:
        """Requests several missing answers at once, so that the caller can look them up in parallel."""
        missing = [q for q in questions if is_askable(q[0]) and self.find(*q) is None]
        if missing:
            raise _Open(*missing)

    def _count(self, text: str) -> None:
        self.lookups += 1
        if self.lookups > MAX_LOOKUPS:
            raise _Ended(
                "permerror", f"“{text}” is the {self.lookups}th term that queries DNS; the limit is {MAX_LOOKUPS}"
            )

    def explained(self) -> str:
        """The domain's explanation of a fail (RFC 7208 section 6.2); empty if anything is wrong with it."""
        if self.exp is None:
            return ""
        domain, spec = self.exp
        name = self._name(spec, domain)
        if not is_askable(name):
            return ""
        answer = self._ask(name, "TXT", counts=False)
        texts = answer.texts()
        # The explanation reaches SMTP replies, which must be ASCII.
        if len(texts) != 1 or not texts[0].isascii():
            return ""
        try:
            text = macro_string(texts[0].replace(" ", "%_"), explanation=True)
        except SyntaxFault:
            return ""
        return macros.expand(text, self.mail, domain, self._p(text, domain))
