"""What holds between files: one file a domain, one domain an alias, servers and products that exist, safe addresses."""

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
    """NAM004, NAM007 and NAM008: said at each of the places, and each names another."""
    by_domain: dict[str, list[DomainFile]] = {}
    for file in files:
        if file.domain is not None:
            by_domain.setdefault(file.domain, []).append(file)
    for domain, rows in by_domain.items():
        for file, other in _pairs(rows):
            text = f"domain {display_domain(domain)} is described twice: here and in {other.file}"
            yield error("NAM004", text, file.origin, hint="keep one file a domain")
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
                    yield error("NAM007", text, span, hint="take it out")
                elif alias.name in by_domain:
                    other = by_domain[alias.name][0].file
                    text = f"domain alias {display_domain(alias.name)} is a domain of this workspace itself ({other})"
                    yield error("NAM007", text, span, hint="it can be one of the two: take it out, or its file")
                if len(rows) == 1:
                    users.setdefault(alias.name, []).append((domain, span))
    for name, places in users.items():
        for (_, span), (other_domain, other_span) in _pairs(places):
            text = (
                f"domain alias {display_domain(name)} is declared twice: "
                f"{display_domain(other_domain)} has it too ({other_span})"
            )
            yield error("NAM008", text, span, hint="a name's mail can go to one domain only")


def _pairs(rows: list[T]) -> Iterator[tuple[T, T]]:
    """Each row of two or more, with another one."""
    if len(rows) > 1:
        for i, row in enumerate(rows):
            yield row, rows[0 if i else 1]


def unknown_product(name: str, products: Iterable[str], span: Span) -> Diagnostic:
    """REF001."""
    near = get_close_matches(name, list(products), n=1)
    hint = f"did you mean {near[0]}?" if near else f"write products/{name}.yaml, or name a product that has a file"
    return error("REF001", f"there is no product {shown(name)}", span, hint=hint)


def check_server(file: DomainFile, workspace: Workspace) -> Iterator[Diagnostic]:
    """REF002 of one understood file."""
    if file.desired is None or file.desired.server in workspace.servers:
        return
    names = sorted(workspace.servers)
    if file.desired.server:
        near = get_close_matches(file.desired.server, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the workspace has {', '.join(names) or 'none'}"
        text = f"the workspace has no server {shown(file.desired.server)}"
        yield error("REF002", text, file.places().span(("server",)), hint=hint)
    else:
        text = f"no server is named, and the workspace has {len(names)}"
        yield error("REF002", text, file.origin, hint=f"add `server:` with one of {', '.join(names)}")


def check_servers(document: Document, workspace: Workspace) -> Iterator[Diagnostic]:
    """SEC001 and WSP003 of the servers' addresses. No message repeats an address that holds credentials."""
    for name in workspace.servers:
        url = document.value["servers"][name]["url"]  # type: ignore[index]
        span = document.span(("servers", name, "url"))
        parts = split_url(url)
        if parts is None or not parts.hostname:
            text = f"the address of server {shown(name)} names no host, or an impossible port"
            yield error("WSP003", text, span, hint="write it like https://mail.example.net")
            continue
        if parts.username is not None or parts.password is not None:
            text = f"the address of server {shown(name)} has credentials in it"
            hint = "use `username` and `password` with a reference, and change the password: git remembers it"
            yield error("SEC001", text, span, hint=hint)
        if parts.query or parts.fragment:
            text = f"the address of server {shown(name)} has a query or a fragment"
            yield error("WSP003", text, span, hint="leave out what follows the path")
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
            text = f"the address of server {shown(name)} is not encrypted: passwords would travel in clear"
            yield error("WSP003", text, span, hint="write https://; http:// is for this machine only (127.0.0.1, ::1)")


def check_bundles(document: Document, workspace: Workspace, root: Path) -> Iterator[Diagnostic]:
    """WSP004: a `caBundle` that is written as a file of the workspace, and is none by way of `..` or a link."""
    for name, server in workspace.servers.items():
        if not server.ca_bundle or Path(server.ca_bundle).is_absolute():
            continue
        try:
            inside = resolved(root / server.ca_bundle).is_relative_to(root)
        except (OSError, ValueError):  # a link to itself; a name that no file can have
            inside = False
        if not inside:
            text = f"the certificates of server {shown(name)} lie outside of the workspace"
            hint = "put the file into the workspace; one of this machine is named by its absolute path"
            yield error("WSP004", text, document.span(("servers", name, "caBundle")), hint=hint)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
