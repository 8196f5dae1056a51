"""The DNS tree walk of DMARC: finds the policy and the organization of a domain (RFC 9989 section 4.10)."""

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.compliance.records import dmarc
from reconciler.compliance.records.dmarc import DmarcRecord
from reconciler.core.lookups import Answer

MAX_WALK = 8
"""Limit of queries in one tree walk (RFC 9989 section 4.10)."""

Known = Callable[[str], Answer | None]
"""Returns the TXT answer for the `_dmarc` name of a domain, or None if it has not been asked."""


@dataclass(frozen=True, slots=True)
class DmarcPolicy:
    """A record and the domain with this record at its `_dmarc`."""

    domain: str
    text: str
    record: DmarcRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeWalk:
    """One walk from a domain upwards, as far as the answers are known.

    Attributes:
        open: the domain to look up next; None if the walk is complete.
        unknown: the failed lookup that stopped the walk.
        organization: the organizational domain; None while it is unknown.
        above: the policy that applies if the domain has no record: that of the organizational domain, or of the public
            suffix above it.
    """

    open: str | None = None
    unknown: Answer | None = None
    organization: str | None = None
    above: DmarcPolicy | None = None


def names(domain: str) -> tuple[str, ...]:
    """The domains of a walk: the domain itself, then its parents, at most eight in total."""
    labels = domain.split(".")
    # For long names, RFC 9989 section 4.10 skips the middle: the top of the tree has the policies.
    parents = labels[1:] if len(labels) < MAX_WALK else labels[-(MAX_WALK - 1) :]
    return (domain, *(".".join(parents[at:]) for at in range(len(parents))))


def policy_at(domain: str, answer: Answer) -> DmarcPolicy | None:
    """The policy record at a domain; None if it has none, or several, which receivers discard."""
    texts = [text for text in answer.texts() if dmarc.is_dmarc(text)]
    return DmarcPolicy(domain, texts[0], dmarc.parse(texts[0])) if len(texts) == 1 else None


def follow(domain: str, known: Known) -> TreeWalk:
    """Walks from a domain upwards."""
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
        # The owner declares this domain as the organization, so names above it do not matter.
        if policy.record.psd == "n":
            return TreeWalk(organization=name, above=policy)
        if policy.record.psd == "y" and name != domain:
            organization = _below(name, domain)
            return TreeWalk(organization=organization, above=found.get(organization, policy))
    # Names are walked upwards, so the last record is the highest.
    highest = list(found)[-1] if found else domain
    return TreeWalk(organization=highest, above=found.get(highest))


def _below(suffix: str, domain: str) -> str:
    """The name one label below a public suffix, on the way to the domain."""
    label = domain.removesuffix(f".{suffix}").rpartition(".")[2]
    return f"{label}.{suffix}"
