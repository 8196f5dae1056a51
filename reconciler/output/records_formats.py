"""The formats of records to publish, by name."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from reconciler.core.findings import DomainReport
from reconciler.output.records_dnscontrol import render_dnscontrol
from reconciler.output.records_json import render_json_records
from reconciler.output.records_octodns import render_octodns
from reconciler.output.records_zone import render_zone

RECORD_FORMATS: Mapping[str, Callable[[Sequence[DomainReport]], str]] = MappingProxyType(
    {
        "zone": render_zone,
        "json": render_json_records,
        "octodns": render_octodns,
        "dnscontrol": render_dnscontrol,
    }
)


def render_records(reports: Sequence[DomainReport], format: str) -> str:
    """What the domains should publish, in one of RECORD_FORMATS, sorted by domain. Raises KeyError for another."""
    return RECORD_FORMATS[format](sorted(reports, key=lambda report: report.domain))
