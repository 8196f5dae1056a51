"""The seed of the embedded server from a workspace: its domains without contents, and its DNS zones."""

import ipaddress
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from shlex import quote

from reconciler.config.workspace import Configuration, find_root, load_configuration
from reconciler.core.diagnostics import has_errors
from reconciler.core.errors import ReconcilerError, SandboxMissing
from reconciler.core.expectations import Expected, expectation
from reconciler.core.extras import install_hint
from reconciler.core.model import DesiredDomain, Unset
from reconciler.sandbox import SandboxConfig, SeedDomain

ADDRESS = "192.0.2.10"
"""The address of the seeded host names: one for documentation (RFC 5737)."""


def require_sandbox() -> None:
    """Checks early that the server's libraries are installed.

    Raises:
        SandboxMissing: the extra `sandbox` is not installed.
    """
    try:
        import cryptography  # noqa: F401
        import httptools  # noqa: F401
        import jwt  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as e:
        raise SandboxMissing(
            f"the embedded server needs {e.name}, which is not installed",
            hint=install_hint("sandbox"),
        ) from e


def load_seed(workspace: Path) -> Configuration:
    """The workspace that seeds the server.

    Raises:
        ReconcilerError: its files are not valid.
    """
    config = load_configuration(find_root(Path.cwd(), workspace))
    if has_errors(config.diagnostics):
        raise ReconcilerError(
            f"the workspace {workspace} is not valid, so it cannot seed the server",
            hint=f"run `reconciler -w {quote(str(workspace))} validate`",
        )
    return config


def seed_domains(config: Configuration, server: str | None) -> tuple[SeedDomain, ...]:
    """The domains of a workspace, or of one server, each with an administrator of random name and password."""
    known = config.workspace.servers
    if server is not None and server not in known:
        raise ReconcilerError(f"this workspace has no server {server!r}; servers: {', '.join(sorted(known))}")
    return tuple(
        SeedDomain(
            name=d.domain,
            admin_username=f"admin{secrets.token_hex(3)}",
            # The suffix satisfies the character classes of common password policies.
            admin_password=f"{secrets.token_urlsafe(15)}-Aa1!",
            hostname=known[d.server].hostname,
        )
        for d in config.domains.values()
        if server in (None, d.server)
    )


def seed_zones(config: Configuration) -> Mapping[str, str]:
    """Zones with only an MX record for every domain and domain alias, and zones for every expected host.

    With these a domain alias can be added (the server looks up its MX), and the DNS report finds missing records. The
    domain of the products' DMARC reports has an MX record and authorizes reports for every domain. Each host name has
    an address and a PTR record.
    """
    zones: dict[str, set[str]] = {}
    for desired in config.domains.values():
        expected = _expected(config, desired)
        aliases = () if isinstance(desired.domain_aliases, Unset) else desired.domain_aliases
        for name in (desired.domain, *aliases):
            zones.setdefault(name, set()).update(f"@ 300 IN MX 10 {host}." for host in expected.mx_hosts)
    for desired in config.domains.values():
        expected = _expected(config, desired)
        for host in _hosts(expected):
            _add(zones, host, f"A {ADDRESS}")
        if "." in expected.hostname and not _is_address(expected.hostname):
            # Forward and reverse names must match, or a check of the host fails.
            _add(zones, ipaddress.ip_address(ADDRESS).reverse_pointer, f"PTR {expected.hostname}.")
        for term in (expected.spf_primary, *expected.spf_secondary):
            if term and term.startswith("include:"):
                _add(zones, term.removeprefix("include:"), f'TXT "v=spf1 ip4:{ADDRESS} -all"')
        reports = (expected.dmarc_rua or "").rpartition("@")[2]
        # A domain of the workspace already has its zone.
        if reports and reports not in config.domains:
            _add(zones, reports, f"MX 10 {expected.mx_hosts[0]}.")
            _add(zones, f"*._report._dmarc.{reports}", 'TXT "v=DMARC1"')
    return {origin: "\n".join(sorted(lines)) + "\n" for origin, lines in sorted(zones.items())}


def _expected(config: Configuration, desired: DesiredDomain) -> Expected:
    # Unlike `app.dns.expected_of`, this accepts an address as host name: sandboxes listen on 127.0.0.1.
    product = config.products.get(desired.product or "")
    layers = (product.dns, desired.dns) if product else (desired.dns,)
    return expectation(config.workspace.servers[desired.server].hostname, *layers)


def _hosts(expected: Expected) -> Iterable[str]:
    terms = (expected.spf_primary, *expected.spf_secondary)
    named = [t.removeprefix("a:") for t in terms if t and t.startswith("a:")]
    hosts = (*expected.mx_hosts, expected.autodiscover_host, expected.autodiscover_srv_target, *named)
    return sorted({h for h in hosts if "." in h and not _is_address(h)})


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _add(zones: dict[str, set[str]], name: str, record: str) -> None:
    """Adds a record to the zone that holds the name, or to a new one of its last two labels."""
    parents = [name[i:] for i in _starts(name) if name[i:] in zones]
    origin = parents[0] if parents else ".".join(name.split(".")[-2:])
    zones.setdefault(origin, set()).add(f"{name}. 300 IN {record}")


def _starts(name: str) -> list[int]:
    return [0, *(i + 1 for i, c in enumerate(name) if c == ".")]


__all__ = ["SandboxConfig", "load_seed", "require_sandbox", "seed_domains", "seed_zones"]
