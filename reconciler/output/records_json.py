"""DNS records to publish as JSON, for scripts."""

from collections.abc import Sequence

from reconciler.core.findings import DomainReport
from reconciler.output.documents import FORMAT_VERSION, json_text
from reconciler.output.records_zone import host_in, zone_line
from reconciler.output.report_json import record_data


def render_json_records(reports: Sequence[DomainReport]) -> str:
    """`{formatVersion, domains: [{domain, unlisted, records: [{name, type, ttl, value, host, zoneLine}]}]}`.

    `unlisted` names the checks of which no record is listed although something is amiss.
    """
    domains = [
        {
            "domain": report.domain,
            "unlisted": [{"check": f.id, "status": f.status, "code": f.code} for f in report.unlisted()],
            "records": [
                {**record_data(record), "host": host_in(record, report.domain), "zoneLine": zone_line(record)}
                for record in report.to_publish()
            ],
        }
        for report in reports
    ]
    return json_text({"formatVersion": FORMAT_VERSION, "domains": domains})
