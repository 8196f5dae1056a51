"""Check `dnssec`: the zones of the domain and its mail hosts are signed, according to a validating resolver."""

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
        "DNSSEC_UNSIGNED": "The domain is not signed with DNSSEC. Signing is optional. Enable it at the registrar and "
        "the DNS provider.",
        "DNSSEC_HOST_UNSIGNED": "The domain is signed, but the zone of a mail host is not. Ask the operator of that "
        "zone to sign it.",
        "DNSSEC_NOT_VALIDATED": "The resolver does not validate DNSSEC, so the result is unknown. Set dns.resolvers to "
        "a validating resolver.",
    }
)
_BASIS = Basis(id="dnssec", reference="RFC 4033 to 4035", good_code="DNSSEC_OK")
_MAX_HOSTS = 5


def questions(subject: Subject, facts: Facts) -> Iterator[Question]:
    """MX and the addresses of its hosts, which other checks need too; the root zone if no answer has the AD bit."""
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
    # Broken signatures and outages look equal through a validating resolver, so the note names both.
    if silent:
        text = "A validating resolver also returns SERVFAIL if signatures are invalid or expired."
        return conclude(_BASIS, [*unknown(silent), info_note(text)], good="")
    validates = trust.validates(facts, seen)
    if isinstance(validates, Answer):
        return conclude(_BASIS, unknown([validates]), good="")
    if not validates:
        text = "The resolver validates no answer, not even for the root zone. Set dns.resolvers to a validating one."
        return skipped(_BASIS, "DNSSEC_NOT_VALIDATED", "The resolver does not validate DNSSEC", text)
    # The first answer is the MX of the domain itself, the others are addresses of mail hosts.
    own, *hosts = seen
    if not own.authenticated:
        text = f"The resolver validates DNSSEC, but {subject.domain} is not signed."
        return skipped(_BASIS, "DNSSEC_UNSIGNED", "The domain is not signed", text)
    unsigned = [answer.name for answer in hosts if not answer.authenticated]
    text = f"Not signed: {', '.join(unsigned)}. Only the operator of that zone can sign it."
    return conclude(
        _BASIS, [info_note(text, "DNSSEC_HOST_UNSIGNED")] if unsigned else [], good="The domain is signed and valid"
    )


def _seen(subject: Subject, facts: Facts) -> list[Answer]:
    """The answers so far, the domain's own first."""
    first = facts.known(subject.domain, "MX")
    hosts = (facts.known(host, "A") for host in _hosts(first))
    return [answer for answer in (first, *hosts) if answer is not None]


def _hosts(answer: Answer | None) -> list[str]:
    hosts = [r.host for r in answer.records if isinstance(r, Mx)] if answer else []
    return [host for host in dict.fromkeys(hosts) if host and is_askable(host)][:_MAX_HOSTS]
