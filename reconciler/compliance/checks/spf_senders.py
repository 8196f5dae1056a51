"""The mail server's outbound addresses, and what an SPF record says of mail from them (row 12)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records.addresses import is_address
from reconciler.compliance.records.spf import Mechanism, MechanismName
from reconciler.compliance.records.spf_check import Evaluation, check_host
from reconciler.compliance.records.spf_tree import Find
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Note, remark, unknown
from reconciler.core.lookups import Answer, RecordType, Txt

_FAMILIES: tuple[RecordType, ...] = ("A", "AAAA")


@dataclass(frozen=True, slots=True)
class Sent:
    """What the record says of mail from one address; `name` is the host that has it, empty where none was named."""

    address: str
    name: str
    evaluation: Evaluation

    @property
    def passes(self) -> bool:
        """The address is allowed."""
        return self.evaluation.result == "pass"

    @property
    def refused(self) -> bool:
        """It is certainly not allowed: neither could something not be looked up, nor is something still open."""
        return self.evaluation.result not in ("pass", "temperror", None)

    @property
    def who(self) -> str:
        """For people."""
        return f"{self.address} ({self.name})" if self.name else self.address


def questions(subject: Subject) -> Iterator[Question]:
    """The addresses of the senders that are host names, of both families: each must pass."""
    for sender in subject.expected.spf_senders:
        if _is_host(sender):
            yield from ((sender, family) for family in _FAMILIES)


def evaluate(subject: Subject, facts: Facts, find: Find | None = None) -> tuple[Sent, ...]:
    """Each address, evaluated for mail from postmaster of the domain, greeted with the server's host name.

    Args:
        find: gives the answers in place of the facts.
    """
    found: dict[str, str] = {}
    for sender in subject.expected.spf_senders:
        if not _is_host(sender):
            found[sender] = ""
            continue
        for address in sorted(facts.host(sender).addresses, key=_by_family):
            found.setdefault(address, sender)
    sender = f"postmaster@{subject.domain}"
    helo = subject.expected.hostname or subject.domain
    return tuple(
        Sent(address, name, check_host(address, subject.domain, sender, helo, find or facts.known))
        for address, name in found.items()
    )


def publishing(text: str, domain: str, find: Find) -> Find:
    """The answers as they would be if this were the domain's only TXT record."""
    published = Answer(name=domain, rtype="TXT", outcome="records", records=(Txt((text,)),))
    return lambda name, rtype: published if (name, rtype) == (domain, "TXT") else find(name, rtype)


def terms(sent: Sequence[Sent]) -> tuple[Mechanism, ...]:
    """A mechanism for each address that is refused, for a product that names none."""
    return tuple(_term(s.address) for s in sent if s.refused)


def host_notes(subject: Subject, facts: Facts) -> list[Note]:
    """What is amiss with the senders themselves."""
    notes: list[Note] = []
    for sender in filter(_is_host, subject.expected.spf_senders):
        host = facts.host(sender)
        notes.extend(unknown(host.unknown))
        if host.nowhere:
            text = f"dns.spf.senders names {sender}, which has no address: nothing can be sent from there."
            notes.append(Note("warn", "SPF_SENDER_NOWHERE", "A sender has no address", text))
    if not subject.expected.spf_senders:
        text = "The server's outbound addresses are not known (dns.spf.senders): whether they pass was not evaluated."
        notes.append(remark(text, "SPF_SENDERS_NOT_KNOWN"))
    return notes


def sent_notes(sent: Sequence[Sent]) -> list[Note]:
    """What the record says of each address; those that pass by the same terms together."""
    notes = [_note(s) for s in sent if not s.passes]
    passing: dict[str, list[str]] = {}
    for s in sent:
        if s.passes:
            passing.setdefault(_by(s), []).append(s.who)
    notes.extend(
        remark(f"Mail from {_and(who)} passes, {by}.", "SPF_SENDER_PASSES") for by, who in sorted(passing.items())
    )
    return notes


def verdict(sent: Sent) -> str:
    """`softfail, by ~all`: the result, and by which term or for which reason."""
    evaluation = sent.evaluation
    if evaluation.reason:
        return f"{evaluation.result}: {evaluation.reason}"
    return f"{evaluation.result}, {_by(sent)}"


def _note(sent: Sent) -> Note:
    if sent.refused:
        text = f"Mail from {sent.who} does not pass, it evaluates to {verdict(sent)}."
        return Note("fail", "SPF_SENDER_REFUSED", "The mail server's own mail does not pass", text)
    text = f"Whether mail from {sent.who} passes could not be looked up: {sent.evaluation.reason or 'not known yet'}."
    return Note("error", "SPF_SENDER_UNKNOWN", "Could not be looked up", text)


def _by(sent: Sent) -> str:
    matched = sent.evaluation.matched
    return f"by {' → '.join(term[:80] for term in matched)}" if matched else "because no term matches"


def _term(address: str) -> Mechanism:
    network = ip_network(address)
    name: MechanismName = "ip4" if network.version == 4 else "ip6"
    return Mechanism(name=name, network=network, text=f"{name}:{address}")


def _is_host(sender: str) -> bool:
    return not is_address(sender)


def _by_family(address: str) -> tuple[int, int]:
    found = ip_address(address)
    return found.version, int(found)


def _and(names: Sequence[str]) -> str:
    shown = names if len(names) <= 5 else [*names[:5], f"{len(names) - 5} more"]
    return " and ".join((", ".join(shown[:-1]), shown[-1]) if len(shown) > 1 else shown)
