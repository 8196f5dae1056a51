"""Decodes the file `reconciler.yaml` into a Workspace."""

import ipaddress
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import SplitResult, urlsplit

from reconciler.config.decode.reading import Reading, secret_ref, section
from reconciler.config.document.builder import shown
from reconciler.config.document.loader import Document
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.kinds import KINDS
from reconciler.core.model import KindName
from reconciler.core.names import domain_name, host_name
from reconciler.core.secret import SecretRef
from reconciler.core.workspace import DnsSettings, Policy, SecretSettings, ServerSettings, Workspace

DNS_PORT = 53


def decode_workspace(document: Document) -> tuple[Workspace, tuple[Diagnostic, ...]]:
    """The workspace of a schema-valid file, and diagnostics of its hosts."""
    body: Mapping[str, Any] = document.value  # type: ignore[assignment]
    reading = Reading(document)
    servers = {name: _server(reading, name, row) for name, row in sorted(section(body, "servers").items())}
    workspace = Workspace(
        servers=servers,
        policy=_policy(reading, section(body, "policy")),
        dns=_dns(reading, section(body, "dns")),
        secrets=_secrets(section(body, "secrets")),
        lock_folder=section(body, "lock").get("folder"),
        origin=reading.span(("kind",)),
    )
    return workspace, tuple(reading.diagnostics)


def _secrets(body: Mapping[str, Any]) -> SecretSettings:
    # The comment of an SSH key (its third word) does not change the recipient.
    recipients = (" ".join(text.split()[:2]) for text in body.get("recipients") or ())
    return SecretSettings(commands=bool(body.get("commands", False)), recipients=tuple(dict.fromkeys(recipients)))


def split_url(url: str) -> SplitResult | None:
    """The parts of a server's URL; None if it or its port is invalid."""
    try:
        parts = urlsplit(url)
        return parts if parts.port is None or parts.port > 0 else None
    except ValueError:
        return None


def _server(reading: Reading, name: str, body: Mapping[str, Any]) -> ServerSettings:
    parts = split_url(body["url"])
    # `check_servers` reports an invalid URL; decoding continues with an empty host.
    host = (parts.hostname or "") if parts else ""
    if body.get("hostname"):
        host = reading.name(body["hostname"], host_name, ("servers", name, "hostname")) or host
    return ServerSettings(
        name=name,
        # Paths of requests begin with `/`.
        url=body["url"].rstrip("/"),
        hostname=host,
        username=_plain_or_ref(body["username"]),
        password=secret_ref(body["password"]),
        role=body.get("role", "admin"),
        max_concurrency=body.get("maxConcurrency", 8),
        ca_bundle=body.get("caBundle"),
        origin=reading.span(("servers", name), key=True),
    )


def _plain_or_ref(value: str | Mapping[str, Any]) -> SecretRef | str:
    return value if isinstance(value, str) else secret_ref(value)


def _policy(reading: Reading, body: Mapping[str, Any]) -> Policy:
    deletions, default = section(body, "maxDeletions"), Policy()
    ignore = section(body, "ignore")
    patterns: dict[KindName, tuple[str, ...]] = {
        kind.name: _lower(ignore[kind.section]) for kind in KINDS if ignore.get(kind.section)
    }
    return Policy(
        prune=MappingProxyType(_prune(body.get("prune"))),
        max_deletions_count=deletions.get("count", default.max_deletions_count),
        max_deletions_percent=deletions.get("percent", default.max_deletions_percent),
        protect=_lower(body.get("protect") or ()),
        ignore=MappingProxyType(patterns),
        external_forwarding=body.get("externalForwarding", default.external_forwarding),
        external_forwarding_domains=reading.names(
            body.get("externalForwardingDomains") or (), _outside_domain, ("policy", "externalForwardingDomains")
        ),
    )


def _outside_domain(text: str) -> str:
    """The canonical form of a domain, with or without a leading `*.`."""
    name = text.removeprefix("*.")
    return text[: len(text) - len(name)] + domain_name(name)


def _prune(value: bool | Mapping[str, bool] | None) -> dict[KindName, bool]:
    """`prune: true` means every kind."""
    if isinstance(value, bool):
        return {kind.name: value for kind in KINDS}
    return {kind.name: value[kind.section] for kind in KINDS if kind.section in (value or {})} if value else {}


def _lower(patterns: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Patterns in lower case, because they are compared with canonical names."""
    return tuple(pattern.lower() for pattern in patterns)


def _dns(reading: Reading, body: Mapping[str, Any]) -> DnsSettings:
    found: list[tuple[str, int]] = []
    for i, text in enumerate(body.get("resolvers") or ()):
        resolver = _resolver(text)
        if resolver is None:
            message = f"{shown(text)} is not the address of a resolver"
            hint = "write it like 192.0.2.53, 127.0.0.1:5353 or [2001:db8::53]:53"
            reading.diagnostics.append(error("SCH001", message, reading.span(("dns", "resolvers", i)), hint=hint))
        else:
            found.append(resolver)
    return DnsSettings(resolvers=tuple(found), timeout=float(body.get("timeout", DnsSettings().timeout)))


def _resolver(text: str) -> tuple[str, int] | None:
    """Address and port of `1.2.3.4`, `1.2.3.4:5353`, `::1` or `[::1]:5353`; None for any other text."""
    # A bare IPv6 address has no port; in brackets it can be read as a URL.
    if text.count(":") > 1 and not text.startswith("["):
        text = f"[{text}]"
    parts = split_url(f"//{text}")
    # `netloc` differs from the text if it has a path, a query or a fragment.
    if parts is None or not parts.hostname or parts.netloc != text or parts.username is not None:
        return None
    try:
        ipaddress.ip_address(parts.hostname)
    except ValueError:
        return None
    return parts.hostname, parts.port or DNS_PORT
