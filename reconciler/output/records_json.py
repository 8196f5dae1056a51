"""DNS records to publish as JSON, for scripts."""

from collections.abc import Sequence

from reconciler.core.findings import DomainReport, Record
from reconciler.output.documents import FORMAT_VERSION, json_text
from reconciler.output.records_zone import host_in, zone_line
from reconciler.output.report_json import record_data


def render_json_records(reports: Sequence[DomainReport]) -> str:
    """`{formatVersion, domains: [{domain, unlisted, records: [{name, type, ttl, value, host, fqdn,
    zoneLine}]}]}`.

    `unlisted` names the checks of which no record is listed although something is amiss.
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
    """One record with its name as panels want it (`host`, relative to the domain's zone; in another zone the whole
    name), as a full name with the final dot (`fqdn`), and as a line of a zone file."""
    return {
        **record_data(record),
        "host": host_in(record, domain),
        "fqdn": f"{record.name}.",
        "zoneLine": zone_line(record),
    }
