"""Builds the records that a report proposes."""

from reconciler.compliance.records.dmarc import report_uri
from reconciler.core.findings import Record

TTL = 3600
"""Seconds. One hour is the default of most hosting panels: an owner can correct a mistake within a morning."""


def mx(domain: str, hosts: tuple[str, ...]) -> list[Record]:
    """MX records with preferences 10, 20, ... in the order of the hosts."""
    return [Record(domain, "MX", f"{10 * place} {host}.", TTL) for place, host in enumerate(hosts, 1)]


def txt(name: str, text: str) -> Record:
    """A TXT record. Output formats split its text into strings of 255 bytes where they need to."""
    return Record(name, "TXT", text, TTL)


def cname(name: str, host: str) -> Record:
    """A CNAME record."""
    return Record(name, "CNAME", f"{host}.", TTL)


def reports_to(address: str | None) -> str:
    """The report URI for an address of the product; empty if there is no address or it is not usable."""
    try:
        return report_uri(address) if address else ""
    except ValueError:
        return ""


def srv(name: str, target: str, port: int) -> Record:
    """An SRV record with priority 0 and weight 0: one target needs no preference."""
    return Record(name, "SRV", f"0 0 {port} {target}.", TTL)
