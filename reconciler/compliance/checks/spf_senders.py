"""Evaluates an SPF record for the mail server's outbound addresses (row 12)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records.addresses import is_address
from reconciler.compliance.records.spf import Mechanism, MechanismName
from reconciler.compliance.records.spf_check import Evaluation, Find, check_host
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Note, info_note, unknown
from reconciler.core.lookups import Answer, RecordType, Txt

_FAMILIES: tuple[RecordType, ...] = ("A", "AAAA")


@dataclass(frozen=True, slots=True)
class SenderResult:
    """The SPF result for mail from one address. `name` is the host in dns.spf.senders; empty if that is an address."""

    address: str
    name: str
    evaluation: Evaluation

    @property
    def passes(self) -> bool:
        """Whether the record allows the address."""
        return self.evaluation.result == "pass"

    @property
    def refused(self) -> bool:
        """Whether the record certainly does not allow the address: no lookup failed or is missing."""
        return self.evaluation.result not in ("pass", "temperror", None)

    @property
    def label(self) -> str:
        """The address, with its host name if known."""
        return f"{self.address} ({self.name})" if self.name else self.address


def questions(subject: Subject) -> Iterator[Question]:
    """The addresses of sender hosts, in both families: mail from each of them must pass."""
    for sender in subject.expected.spf_senders:
        if _is_host(sender):
            # A dual-stack server may send over either family, and receivers see only one of them.
            yield from ((sender, family) for family in _FAMILIES)


def evaluate(subject: Subject, facts: Facts, find: Find | None = None) -> tuple[SenderResult, ...]:
    """The result for each address. The sender is the domain's postmaster, HELO is the server's host name.

    Args:
        find: returns the answers instead of the facts.
    """
    found: dict[str, str] = {}
    for sender in subject.expected.spf_senders:
        if not _is_host(sender):
            found[sender] = ""
            continue
        for address in sorted(facts.host(sender).addresses, key=_by_family):
            # Several names may have the same address. One evaluation per address is enough.
            found.setdefault(address, sender)
    sender = f"postmaster@{subject.domain}"
    # Only macros use the HELO name (`%{h}`). Without a known host name, any value is a guess.
    helo = subject.expected.hostname or subject.domain
    return tuple(
        SenderResult(address, name, check_host(address, subject.domain, sender, helo, find or facts.known))
        for address, name in found.items()
    )


def publishing(text: str, domain: str, find: Find) -> Find:
    """A lookup that behaves as if `text` were the domain's only TXT record."""
    published = Answer(name=domain, rtype="TXT", outcome="records", records=(Txt((text,)),))
    # All other answers stay real, so the evaluation of a proposal includes the current records of includes.
    return lambda name, rtype: published if (name, rtype) == (domain, "TXT") else find(name, rtype)


def terms(sent: Sequence[SenderResult]) -> tuple[Mechanism, ...]:
    """One mechanism per refused address, for products without a primary mechanism."""
    return tuple(_term(s.address) for s in sent if s.refused)


def host_notes(subject: Subject, facts: Facts) -> list[Note]:
    """Notes about the senders themselves."""
    notes: list[Note] = []
    for sender in filter(_is_host, subject.expected.spf_senders):
        host = facts.host(sender)
        # A host with one known address may still have others that do not pass.
        notes.extend(unknown(host.unknown))
        if host.no_address:
            text = f"The host {sender} in dns.spf.senders has no address, so no mail can come from it."
            notes.append(Note("warn", "SPF_SENDER_NOWHERE", "A sender host has no address", text))
    if not subject.expected.spf_senders:
        text = "dns.spf.senders is empty, so the SPF record was not evaluated for the server's outbound addresses."
        notes.append(info_note(text, "SPF_SENDERS_NOT_KNOWN"))
    return notes


def sent_notes(sent: Sequence[SenderResult]) -> list[Note]:
    """The notes for all addresses. One note covers the addresses that pass by the same terms."""
    notes = [_note(s) for s in sent if not s.passes]
    passing: dict[str, list[str]] = {}
    for s in sent:
        if s.passes:
            # Servers with many addresses usually pass by one include. One line for all is easier to read.
            passing.setdefault(_by(s), []).append(s.label)
    notes.extend(
        info_note(f"Mail from {_and(labels)} passes {by}.", "SPF_SENDER_PASSES")
        for by, labels in sorted(passing.items())
    )
    return notes


def result_text(sent: SenderResult) -> str:
    """The result with its term or reason: `softfail by ~all`."""
    evaluation = sent.evaluation
    if evaluation.reason:
        return f"{evaluation.result}: {evaluation.reason}"
    return f"{evaluation.result} {_by(sent)}"


def _note(sent: SenderResult) -> Note:
    if sent.refused:
        text = f"Mail from {sent.label} does not pass. It evaluates to {result_text(sent)}."
        return Note("fail", "SPF_SENDER_REFUSED", "The mail server's own mail does not pass SPF", text)
    text = f"The SPF result for mail from {sent.label} is unknown: {sent.evaluation.reason or 'lookups are missing'}."
    return Note("error", "SPF_SENDER_UNKNOWN", "DNS lookup failed", text)


def _by(sent: SenderResult) -> str:
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
