"""The compliance report as JSON (`schemas/report.schema.json`)."""

from collections.abc import Mapping

from reconciler.core.findings import DomainReport, Finding, Report, SpfTerm, SpfTree
from reconciler.output.documents import FORMAT_VERSION, json_text, record_data


def render_json(report: Report, generated: Mapping[str, object]) -> str:
    """The document. Equal reports give equal bytes, except for `generated`."""
    return json_text(report_data(report, generated))


def report_data(report: Report, generated: Mapping[str, object]) -> dict[str, object]:
    """The document as plain data."""
    summary: dict[str, int] = dict(report.count().items())
    return {
        "formatVersion": FORMAT_VERSION,
        # The evidence differs between two lookups of the same zone. It is in `generated`, which comparisons ignore.
        "generated": {**generated, "evidence": _evidence(report)},
        "summary": summary | {"domains": len(report.domains)},
        "domains": [_domain(domain) for domain in report.domains],
    }


def _evidence(report: Report) -> dict[str, object]:
    """The resolvers, and the remaining TTL of each answer. Both differ between two lookups of an unchanged zone."""
    answers = {
        domain.domain: {
            check.id: [{"name": e.name, "type": e.type, "ttl": e.ttl} for e in check.evidence]
            for check in domain.checks
            if check.evidence
        }
        for domain in report.domains
    }
    return {"resolvers": list(report.resolvers), "answers": answers}


def _domain(domain: DomainReport) -> dict[str, object]:
    alias = {"aliasOf": domain.alias_of} if domain.alias_of else {}
    return {
        "domain": domain.domain,
        "server": domain.server,
        **alias,
        "status": domain.status,
        "checks": [_check(check) for check in domain.checks],
    }


def _check(check: Finding) -> dict[str, object]:
    return {
        "id": check.id,
        "status": check.status,
        "code": check.code,
        "codes": list(check.codes or (check.code,)),
        "title": check.title,
        "detail": check.detail,
        "expected": [record_data(record) for record in check.expected],
        "found": [record_data(record) for record in check.found],
        "fix": [record_data(record) for record in check.fix],
        "elsewhere": [record_data(record) for record in check.elsewhere],
        "reference": check.reference,
        **({"tree": tree_data(check.tree)} if check.tree else {}),
    }


def tree_data(tree: SpfTree) -> dict[str, object]:
    """An SPF record and all records that it includes."""
    return {
        "domain": tree.domain,
        "record": tree.record,
        "lookups": tree.lookups,
        "terms": [_term(term) for term in tree.terms],
        "omitted": tree.omitted,
    }


def _term(term: SpfTerm) -> dict[str, object]:
    return {
        "text": term.text,
        "lookups": term.lookups,
        "total": term.total,
        "void": term.void,
        "fault": term.fault,
        "unknown": term.unknown,
        "ignored": term.ignored,
        "child": tree_data(term.child) if term.child else None,
    }
