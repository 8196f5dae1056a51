"""The records to publish."""

from reconciler.compliance.records.dmarc import report_uri
from reconciler.core.findings import Record

TTL = 3600
"""Seconds; an hour is what hosting panels use: short enough to mend a mistake within a morning."""


def mx(domain: str, hosts: tuple[str, ...]) -> list[Record]:
    """MX records in the order of the hosts."""
    return [Record(domain, "MX", f"{10 * place} {host}.", TTL) for place, host in enumerate(hosts, 1)]


def txt(name: str, text: str) -> Record:
    """A TXT record; it is split into strings of 255 bytes where a format needs that."""
    return Record(name, "TXT", text, TTL)


def cname(name: str, host: str) -> Record:
    """A CNAME record."""
    return Record(name, "CNAME", f"{host}.", TTL)


def reports_to(address: str | None) -> str:
    """The URI for reports to an address of the product; empty where there is none, or it cannot be used."""
    try:
        return report_uri(address) if address else ""
    except ValueError:
        return ""


def srv(name: str, target: str, port: int) -> Record:
    """An SRV record without preference among several."""
    return Record(name, "SRV", f"0 0 {port} {target}.", TTL)
