"""Proposed DMARC records: as text for people, as JSON for scripts, and in the formats of records to publish."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.core.findings import DomainReport, Finding, Record
from reconciler.output.documents import FORMAT_VERSION, json_text
from reconciler.output.records import RECORD_FORMATS, record_forms, render_records
from reconciler.output.records_zone import zone_line, zone_lines
from reconciler.output.report.words import MAX_LINE, clipped
from reconciler.output.terminal import Style, flow, safe, words

PROPOSAL_FORMATS = ("text", *RECORD_FORMATS)
_WIDTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcProposal:
    """The record for one domain.

    Attributes:
        record: None if no record can be proposed; `problem` gives the reason.
        published: the published DMARC records; None = not looked up, or no answer.
        changes: (tag, before, after) of every tag that differs from the published record.
        notes: sentences about tags of the published record that the proposal omits or weakens.
        elsewhere: the records that operators of other domains must publish before they receive the reports.
        advice, next: the advice for the next stage towards `reject`, and the record of that stage.
    """

    domain: str
    record: Record | None = None
    published: tuple[Record, ...] | None = None
    changes: tuple[tuple[str, str | None, str | None], ...] = ()
    notes: tuple[str, ...] = ()
    elsewhere: tuple[Record, ...] = ()
    advice: str = ""
    next: Record | None = None
    problem: str = ""


def render_proposals(proposals: Sequence[DmarcProposal], format: str) -> str:
    """The proposals in one of PROPOSAL_FORMATS."""
    match format:
        case "text":
            return "\n".join("\n".join(_text(proposal)) + "\n" for proposal in proposals)
        case "json":
            return json_text({"formatVersion": FORMAT_VERSION, "domains": [_data(proposal) for proposal in proposals]})
        case _:
            return render_records([_report(proposal) for proposal in proposals], format)


def side_notes(proposals: Sequence[DmarcProposal]) -> list[str]:
    """Lines for information that the record formats cannot carry: notes, and records that others must publish."""
    lines = []
    for proposal in proposals:
        lines += [f"{proposal.domain}: {safe(text)}" for text in proposal.notes]
        lines += [f"{proposal.domain}: another domain must publish: {zone_line(r)}" for r in proposal.elsewhere]
    return lines


def _text(proposal: DmarcProposal) -> list[str]:
    if proposal.record is None:
        return [proposal.domain, *_wrapped(safe(proposal.problem), 2)]
    lines = [proposal.domain, *_zone(proposal.record, 2)]
    if proposal.published is None:
        lines.append("  The published record was not looked up.")
    elif not proposal.published:
        lines.append("  No record is published yet.")
    else:
        for record in proposal.published:
            lines += _wrapped(f"Published: {_shown(record.value)}", 2)
        for tag, before, after in proposal.changes:
            lines += _wrapped(_change(tag, before, after), 4)
        if len(proposal.published) == 1 and not proposal.changes:
            lines.append("    The published record is the same.")
    for text in proposal.notes:
        lines += _wrapped(f"Note: {_shown(text)}", 2)
    for record in proposal.elsewhere:
        lines += ["  The operator of the domain that receives the reports must publish:"]
        lines += _zone(record, 4)
    lines += _wrapped(f"Next: {proposal.advice}", 2)
    if proposal.next is not None:
        lines += _wrapped(proposal.next.value, 4)
    return lines


def _wrapped(text: str, indent: int) -> list[str]:
    """A text that is already safe, wrapped at word boundaries."""
    return list(flow(words(text), indent=indent, hang=indent + 2, width=_WIDTH, style=Style(False)))


def _zone(record: Record, indent: int) -> list[str]:
    """A record on several lines of a zone file, which are valid there without changes."""
    return [" " * indent + line for line in zone_lines(record, _WIDTH - indent)]


def _change(tag: str, before: str | None, after: str | None) -> str:
    if before is None:
        return f"+ {tag}={safe(after or '')}"
    if after is None:
        return f"- {_shown(tag)}={_shown(before)}"
    return f"~ {tag}: {_shown(before)} -> {safe(after)}"


def _shown(text: str) -> str:
    """An untrusted text for the terminal. A TXT record may have 65,535 characters."""
    return safe(clipped(text, MAX_LINE))


def _data(proposal: DmarcProposal) -> dict[str, object]:
    domain = proposal.domain
    published = proposal.published
    return {
        "domain": domain,
        "record": record_forms(proposal.record, domain) if proposal.record else None,
        "published": None if published is None else [record.value for record in published],
        "changes": [{"tag": tag, "before": before, "after": after} for tag, before, after in proposal.changes],
        # The name of this key is a contract with scripts. People read "note".
        "remarks": list(proposal.notes),
        "elsewhere": [record_forms(record, domain) for record in proposal.elsewhere],
        "advice": proposal.advice,
        "next": proposal.next.value if proposal.next else None,
        "problem": proposal.problem,
    }


def _report(proposal: DmarcProposal) -> DomainReport:
    """A report of one check, because the record formats take reports."""
    # A failed lookup becomes a check with an error, so that each format reports the missing record instead of omitting
    # it.
    if proposal.record is None:
        check = Finding(id="dmarc", status="error", code="DNS_UNKNOWN", title="The lookup failed")
    else:
        check = Finding(id="dmarc", status="pass", code="DMARC_OK", title="", expected=(proposal.record,))
    return DomainReport(domain=proposal.domain, server="", checks=(check,))
