"""DNS records to publish as octoDNS's YAML: one document a zone, as its YamlProvider reads them.

Written by hand in the part of YAML that is JSON: quoting every text is all that is needed, and escapes everything.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby

from reconciler.core.findings import DomainReport, Record
from reconciler.output.records_zone import gap_words, host_in


def render_octodns(reports: Sequence[DomainReport]) -> str:
    """The documents, each after a comment with the name of the file it belongs into."""
    return "".join("\n".join(_zone(report)) + "\n" for report in reports)


def _zone(report: DomainReport) -> Iterator[str]:
    yield "---"
    yield f"# {report.domain}.yaml"
    yield from (f"# {text}" for text in gap_words(report))
    records = sorted(report.to_publish(), key=lambda record: (_key(record, report.domain), record))
    if not records:
        yield "{}"
    for name, of_name in groupby(records, key=lambda record: _key(record, report.domain)):
        yield f"{json.dumps(name)}:"
        for rtype, group in groupby(of_name, key=lambda record: record.type):
            same = list(group)
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
                # octoDNS wants a backslash before each semicolon, whatever YAML thinks of it.
                yield f"      - {json.dumps(record.value.replace(';', chr(92) + ';'))}"
            case _:
                yield f"      - {json.dumps(record.value)}"
