"""DNS records to publish as DNSControl's JavaScript: one `D_EXTEND` a domain, to stand after the zone's own `D`."""

import json
from collections.abc import Sequence

from reconciler.core.findings import DomainReport, Record
from reconciler.output.records_zone import gap_words, host_in


def render_dnscontrol(reports: Sequence[DomainReport]) -> str:
    """The statements; DNSControl splits long texts itself."""
    return "\n".join(_domain(report) for report in reports)


def _domain(report: DomainReport) -> str:
    lines = [f"  {_record(record, report.domain)}," for record in report.to_publish()]
    gaps = [f"// {text}" for text in gap_words(report)]
    return "\n".join([*gaps, f"D_EXTEND({json.dumps(report.domain)},", *lines, ");"]) + "\n"


def _record(record: Record, domain: str) -> str:
    words = record.value.split(" ")
    match record.type:
        case "MX":
            values = [words[0], json.dumps(words[1])]
        case "SRV":
            values = [*words[:3], json.dumps(words[3])]
        case _:
            values = [json.dumps(record.value)]
    return f"{record.type}({', '.join([json.dumps(host_in(record, domain)), *values, f'TTL({record.ttl})'])})"
