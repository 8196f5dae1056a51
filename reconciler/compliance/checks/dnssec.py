"""Check `dnssec`: the domain and its mail hosts are signed, as far as the resolver can tell."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from reconciler.compliance import trust
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.records.addresses import is_askable
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, conclude, info_note, skipped, unknown
from reconciler.core.findings import Finding
from reconciler.core.lookups import Answer, Mx

CODES: Mapping[str, str] = MappingProxyType(
    {
        "DNSSEC_OK": "The resolver validated the domain's answers.",
        "DNSSEC_UNSIGNED": "The domain is not signed with DNSSEC. That is no fault; signing is switched on where the "
        "domain is registered and hosted.",
        "DNSSEC_HOST_UNSIGNED": "The domain is signed, the name of a mail host is not: its zone is another's to sign.",
        "DNSSEC_NOT_VALIDATED": "The resolver does not validate DNSSEC, so nothing can be said. Name one that does in "
        "dns.resolvers.",
    }
)
_BASIS = Basis(id="dnssec", reference="RFC 4033 to 4035", good_code="DNSSEC_OK")
_MAX_HOSTS = 5


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """MX and the addresses of its hosts, which other checks ask too; the root, once a run, where AD is not seen."""
    yield subject.domain, "MX"
    for host in _hosts(facts.known(subject.domain, "MX")):
        yield host, "A"
    seen = _seen(subject, facts)
    if seen and not any(answer.authenticated for answer in seen):
        yield trust.ROOT


def judge(subject: Subject, facts: Facts) -> Finding:
    """The finding; row 47 of the catalogue of checks."""
    seen = _seen(subject, facts)
    silent = [answer for answer in seen if answer.unknown]
    if silent:
        text = "SERVFAIL is also what a validating resolver says where signatures are broken or have expired."
        return conclude(_BASIS, [*unknown(silent), info_note(text)], good="")
    validates = trust.validates(facts, seen)
    if isinstance(validates, Answer):
        return conclude(_BASIS, unknown([validates]), good="")
    if not validates:
        text = "The resolver does not say that it validated anything, not even the root; name one that does."
        return skipped(_BASIS, "DNSSEC_NOT_VALIDATED", "The resolver does not validate", text)
    own, *hosts = seen
    if not own.authenticated:
        text = f"The resolver validates, but {subject.domain} is not signed."
        return skipped(_BASIS, "DNSSEC_UNSIGNED", "The domain is not signed", text)
    unsigned = [answer.name for answer in hosts if not answer.authenticated]
    text = f"Not signed: {', '.join(unsigned)}; the zone of that name is its operator's to sign."
    return conclude(
        _BASIS, [info_note(text, "DNSSEC_HOST_UNSIGNED")] if unsigned else [], good="The domain is signed, and valid"
    )


def _seen(subject: Subject, facts: Facts) -> list[Answer]:
    """The answers so far, that for the domain first."""
    first = facts.known(subject.domain, "MX")
    hosts = (facts.known(host, "A") for host in _hosts(first))
    return [answer for answer in (first, *hosts) if answer is not None]


def _hosts(answer: Answer | None) -> list[str]:
    hosts = [r.host for r in answer.records if isinstance(r, Mx)] if answer else []
    return [host for host in dict.fromkeys(hosts) if host and is_askable(host)][:_MAX_HOSTS]
