"""The formats of records to publish, by name."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType

from reconciler.core.findings import DomainReport, Record
from reconciler.output.documents import FORMAT_VERSION, json_text, record_data
from reconciler.output.records_zone import gap_words, host_in, render_zone, zone_line

# DNS records to publish as DNSControl JavaScript: one `D_EXTEND` per domain, to follow the `D` of the zone.


def render_dnscontrol(reports: Sequence[DomainReport]) -> str:
    """The statements. DNSControl splits long TXT values itself."""
    return "\n".join(_domain(report) for report in reports)


def _domain(report: DomainReport) -> str:
    lines = [f"  {_record(record, report.domain)}," for record in report.to_publish()]
    gaps = [f"// {text}" for text in gap_words(report)]
    # `D_EXTEND` adds to a zone. `D` would declare the complete zone, and DNSControl would delete all other records.
    return "\n".join([*gaps, f"D_EXTEND({json.dumps(report.domain)},", *lines, ");"]) + "\n"


def _record(record: Record, domain: str) -> str:
    words = record.value.split(" ")
    match record.type:
        case "MX":
            values = [words[0], json.dumps(words[1])]
        case "SRV":
            values = [*words[:3], json.dumps(words[3])]
        case _:
            # JSON strings are valid JavaScript and escape quotes, so that no DNS text can become code in the
            # configuration.
            values = [json.dumps(record.value)]
    return f"{record.type}({', '.join([json.dumps(host_in(record, domain)), *values, f'TTL({record.ttl})'])})"


# DNS records to publish as octoDNS YAML: one document per zone, for its YamlProvider.
#
# No YAML library is needed: every text is a JSON string, which is valid YAML and escapes all special characters.


def render_octodns(reports: Sequence[DomainReport]) -> str:
    """The documents. A comment before each one names its file."""
    return "".join("\n".join(_zone(report)) + "\n" for report in reports)


def _zone(report: DomainReport) -> Iterator[str]:
    yield "---"
    yield f"# {report.domain}.yaml"
    yield from (f"# {text}" for text in gap_words(report))
    # `groupby` joins only neighbors, so records of one name and type must be next to each other.
    records = sorted(report.to_publish(), key=lambda record: (_key(record, report.domain), record))
    if not records:
        yield "{}"
    for name, of_name in groupby(records, key=lambda record: _key(record, report.domain)):
        yield f"{json.dumps(name)}:"
        for rtype, group in groupby(of_name, key=lambda record: record.type):
            same = list(group)
            # octoDNS has one TTL for all records of a name and type, as DNS requires (RFC 2181 section 5.2).
            yield f"  - ttl: {same[0].ttl}"
            yield f"    type: {rtype}"
            yield from _values(rtype, same)


def _key(record: Record, domain: str) -> str:
    host = host_in(record, domain)
    return "" if host == "@" else host


def _values(rtype: str, records: list[Record]) -> Iterator[str]:
    if rtype == "CNAME":
        yield f"    value: {json.dumps(records[0].value)}"
        return
    yield "    values:"
    for record in records:
        words = record.value.split(" ")
        match rtype:
            case "MX":
                yield f"      - exchange: {json.dumps(words[1])}"
                yield f"        preference: {words[0]}"
            case "SRV":
                yield f"      - port: {words[2]}"
                yield f"        priority: {words[0]}"
                yield f"        target: {json.dumps(words[3])}"
                yield f"        weight: {words[1]}"
            case "TXT":
                # octoDNS requires a backslash before each semicolon, in addition to the YAML quoting.
                yield f"      - {json.dumps(record.value.replace(';', chr(92) + ';'))}"
            case _:
                yield f"      - {json.dumps(record.value)}"


# DNS records to publish as JSON, for scripts.


def render_json_records(reports: Sequence[DomainReport]) -> str:
    """`{formatVersion, domains: [{domain, unlisted, records: [{name, type, ttl, value, host, fqdn,
    zoneLine}]}]}`.

    `unlisted` names the checks that found a problem but have no record to publish.
    """
    domains = [
        {
            "domain": report.domain,
            "unlisted": [{"check": f.id, "status": f.status, "code": f.code} for f in report.unlisted()],
            "records": [record_forms(record, report.domain) for record in report.to_publish()],
        }
        for report in reports
    ]
    return json_text({"formatVersion": FORMAT_VERSION, "domains": domains})


def record_forms(record: Record, domain: str) -> dict[str, object]:
    """One record in several forms.

    `host` is the name relative to the zone of the domain, as DNS panels ask for it; in another zone it is the full
    name. `fqdn` is the full name with the final dot, `zoneLine` the line of a zone file.
    """
    return {
        **record_data(record),
        "host": host_in(record, domain),
        "fqdn": f"{record.name}.",
        "zoneLine": zone_line(record),
    }


RECORD_FORMATS: Mapping[str, Callable[[Sequence[DomainReport]], str]] = MappingProxyType(
    {
        "zone": render_zone,
        "json": render_json_records,
        "octodns": render_octodns,
        "dnscontrol": render_dnscontrol,
    }
)


def render_records(reports: Sequence[DomainReport], format: str) -> str:
    """The records to publish, sorted by domain. Raises KeyError if `format` is not one of RECORD_FORMATS."""
    return RECORD_FORMATS[format](sorted(reports, key=lambda report: report.domain))
