"""The DNS tree walk of DMARC: whose policy applies, and which domains are one organization's (RFC 9989, 4.10)."""

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.compliance.records import dmarc
from reconciler.compliance.records.dmarc import DmarcRecord
from reconciler.core.lookups import Answer

MAX_WALK = 8
"""Queries of one tree walk."""

Known = Callable[[str], Answer | None]
"""From a domain to what is known of the TXT records at its `_dmarc`; None = not asked yet."""


@dataclass(frozen=True, slots=True)
class DmarcPolicy:
    """A record and the domain at whose `_dmarc` it stands."""

    domain: str
    text: str
    record: DmarcRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeWalk:
    """One walk from a domain upwards, as far as the answers go.

    Attributes:
        open: the domain to ask about next; None where the walk is over.
        unknown: the question without an answer at which it had to stop.
        organization: the organizational domain; None while it is not known.
        above: where the domain has no record of its own, the policy that applies instead: the organizational
            domain's, or else that of the public suffix above it.
    """

    open: str | None = None
    unknown: Answer | None = None
    organization: str | None = None
    above: DmarcPolicy | None = None


def names(domain: str) -> tuple[str, ...]:
    """The domains of a walk: the domain itself, then its parents, at most eight in all."""
    labels = domain.split(".")
    parents = labels[1:] if len(labels) < MAX_WALK else labels[-(MAX_WALK - 1) :]
    return (domain, *(".".join(parents[at:]) for at in range(len(parents))))


def policy_at(domain: str, answer: Answer) -> DmarcPolicy | None:
    """The policy record at a domain; None where there is none, or several: they are all discarded."""
    texts = [text for text in answer.texts() if dmarc.is_dmarc(text)]
    return DmarcPolicy(domain, texts[0], dmarc.parse(texts[0])) if len(texts) == 1 else None


def follow(domain: str, known: Known) -> TreeWalk:
    """The walk from a domain."""
    found: dict[str, DmarcPolicy] = {}
    for name in names(domain):
        answer = known(name)
        if answer is None:
            return TreeWalk(open=name)
        if answer.unknown:
            return TreeWalk(unknown=answer)
        policy = policy_at(name, answer)
        if policy is None:
            continue
        found[name] = policy
        if policy.record.psd == "n":
            return TreeWalk(organization=name, above=policy)
        if policy.record.psd == "y" and name != domain:
            organization = _below(name, domain)
            return TreeWalk(organization=organization, above=found.get(organization, policy))
    highest = list(found)[-1] if found else domain
    return TreeWalk(organization=highest, above=found.get(highest))


def _below(suffix: str, domain: str) -> str:
    """The name one label below a public suffix, on the way to the domain."""
    label = domain.removesuffix(f".{suffix}").rpartition(".")[2]
    return f"{label}.{suffix}"
