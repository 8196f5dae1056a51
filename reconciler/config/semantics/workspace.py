"""Checks between files: one file per domain, one domain per domain alias, existing servers and products, safe URLs."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

from reconciler.config.decode.workspace import split_url
from reconciler.config.document.builder import shown
from reconciler.config.document.loader import Document
from reconciler.config.links import resolved
from reconciler.config.semantics.domain_files import DomainFile
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.model import Unset
from reconciler.core.names import display_domain
from reconciler.core.source import Span
from reconciler.core.workspace import Workspace

T = TypeVar("T")


def check_domains(files: Iterable[DomainFile]) -> Iterator[Diagnostic]:
    """NAM004, NAM007 and NAM008, reported at every location; each message names another location."""
    by_domain: dict[str, list[DomainFile]] = {}
    for file in files:
        if file.domain is not None:
            by_domain.setdefault(file.domain, []).append(file)
    for domain, rows in by_domain.items():
        for file, other in _pairs(rows):
            text = f"domain {display_domain(domain)} has two files: this one and {other.file}"
            yield error("NAM004", text, file.origin, hint="delete one of the two files")
    yield from _domain_aliases(by_domain)


def _domain_aliases(by_domain: Mapping[str, list[DomainFile]]) -> Iterator[Diagnostic]:
    users: dict[str, list[tuple[str, Span]]] = {}
    for domain, rows in by_domain.items():
        for file in rows:
            if file.desired is None or isinstance(file.desired.domain_aliases, Unset):
                continue
            for alias in file.desired.domain_aliases.values():
                span = alias.origin or file.origin
                if alias.name == domain:
                    text = f"domain alias {display_domain(alias.name)} is the domain itself"
                    yield error("NAM007", text, span, hint="remove it")
                # Its mail would go to the domain and not to this one.
                elif alias.name in by_domain:
                    other = by_domain[alias.name][0].file
                    text = f"domain alias {display_domain(alias.name)} is also a domain of this workspace ({other})"
                    yield error("NAM007", text, span, hint="remove the alias here, or the file of the domain")
                # A domain with two files is already reported; its aliases would be duplicates of themselves.
                if len(rows) == 1:
                    users.setdefault(alias.name, []).append((domain, span))
    for name, places in users.items():
        for (_, span), (other_domain, other_span) in _pairs(places):
            text = (
                f"domain alias {display_domain(name)} is declared twice: "
                f"{display_domain(other_domain)} has it too ({other_span})"
            )
            yield error("NAM008", text, span, hint="remove one of the two: a domain alias belongs to one domain")


def _pairs(rows: list[T]) -> Iterator[tuple[T, T]]:
    """Each row with another one; nothing for a single row."""
    if len(rows) > 1:
        for i, row in enumerate(rows):
            yield row, rows[0 if i else 1]


def unknown_product(name: str, products: Iterable[str], span: Span) -> Diagnostic:
    """REF001: a product without a file."""
    near = get_close_matches(name, list(products), n=1)
    hint = f"did you mean {near[0]}?" if near else f"create products/{name}.yaml, or name an existing product"
    return error("REF001", f"there is no product {shown(name)}", span, hint=hint)


def check_server(file: DomainFile, workspace: Workspace) -> Iterator[Diagnostic]:
    """REF002 of one decoded file."""
    if file.desired is None or file.desired.server in workspace.servers:
        return
    names = sorted(workspace.servers)
    if file.desired.server:
        near = get_close_matches(file.desired.server, names, n=1)
        known = f"use one of {', '.join(names)}" if names else ""
        hint = f"did you mean {near[0]}?" if near else known
        text = f"the workspace has no server {shown(file.desired.server)}"
        yield error("REF002", text, file.places().span(("server",)), hint=hint)
    else:
        text = f"`server` is missing, and the workspace has {len(names)} servers"
        yield error("REF002", text, file.origin, hint=f"add `server:` with one of {', '.join(names)}")


def check_servers(document: Document, workspace: Workspace) -> Iterator[Diagnostic]:
    """SEC001 and WSP003 of the servers' URLs. No message repeats a URL, because it may contain credentials."""
    for name in workspace.servers:
        url = document.value["servers"][name]["url"]  # type: ignore[index]
        span = document.span(("servers", name, "url"))
        # The schema checks only the form of the URL; hosts and ports need a parser.
        parts = split_url(url)
        if parts is None or not parts.hostname:
            text = f"the URL of server {shown(name)} has no host, or an invalid port"
            yield error("WSP003", text, span, hint="write it like https://mail.example.net")
            continue
        if parts.username is not None or parts.password is not None:
            text = f"the URL of server {shown(name)} contains credentials"
            hint = "use `username` and `password` with a reference, and change the password: git keeps the old one"
            yield error("SEC001", text, span, hint=hint)
        if parts.query or parts.fragment:
            text = f"the URL of server {shown(name)} has a query or a fragment"
            yield error("WSP003", text, span, hint="remove everything after the path")
        # The password of the account is in the first request, so encryption is required.
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
            text = f"the URL of server {shown(name)} is not encrypted: passwords would be sent in plain text"
            yield error(
                "WSP003", text, span, hint="write https://; http:// is allowed only for this machine (127.0.0.1, ::1)"
            )


def check_bundles(document: Document, workspace: Workspace, root: Path) -> Iterator[Diagnostic]:
    """WSP004: a relative `caBundle` that leaves the workspace by `..` or a link.

    A pull request could otherwise make the program trust a file that no reviewer sees.
    """
    for name, server in workspace.servers.items():
        # An absolute path is a file of the machine, which its administrator controls.
        if not server.ca_bundle or Path(server.ca_bundle).is_absolute():
            continue
        real = resolved(root / server.ca_bundle)
        if real is None or not real.is_relative_to(root):
            text = f"the `caBundle` of server {shown(name)} is outside the workspace"
            hint = "move the file into the workspace, or write the absolute path of a file of this machine"
            yield error("WSP004", text, document.span(("servers", name, "caBundle")), hint=hint)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
