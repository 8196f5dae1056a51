"""The file `reconciler.yaml` of a workspace that `init --from` creates."""

import ipaddress
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.config.decode.workspace import decode_workspace
from reconciler.config.document.loader import load_text
from reconciler.config.emit import scalar
from reconciler.config.schema.compiled import validator
from reconciler.config.schema.validator import check
from reconciler.config.semantics.workspace import check_servers
from reconciler.core.diagnostics import Severity
from reconciler.core.errors import ReconcilerError
from reconciler.core.names import BadName, host_name
from reconciler.core.workspace import Role, ServerSettings

SERVER = "mail1"
"""The name of the server in the files."""


class BadAddress(ReconcilerError):
    """The given address, host name or CA bundle of the server cannot be used."""


def server_settings(
    url: str, *, role: Role, hostname: str | None = None, ca_bundle: Path | None = None, folder: Path = Path()
) -> tuple[ServerSettings, str]:
    """The settings of the server, and the text of `reconciler.yaml` with them.

    Raises:
        BadAddress: the file would be invalid. No message repeats an address, because it could contain credentials.
    """
    text = _workspace_text(url.rstrip("/"), role, hostname, _seen_from(folder, ca_bundle))
    document, faults = load_text(text.encode("utf-8", "surrogateescape"), "reconciler.yaml")
    if document is not None and not faults:
        faults = check(document, validator("workspace"))
    if document is None or faults:
        # The message does not quote the address, because it could contain credentials.
        raise BadAddress(
            "the address, the host name or the CA bundle cannot be used",
            hint="Use a URL such as https://mail.example.net.",
        )
    workspace, found = decode_workspace(document)
    wrong = [d for d in (*found, *check_servers(document, workspace)) if d.severity is Severity.ERROR]
    if wrong:
        raise BadAddress(wrong[0].message, hint=wrong[0].hint)
    settings = workspace.servers[SERVER]
    return (replace(settings, ca_bundle=str(ca_bundle)) if ca_bundle else settings), text


def _seen_from(folder: Path, file: Path | None) -> str | None:
    """A path for the file of the workspace: relative if it is inside the workspace."""
    if file is None:
        return None
    inside, root = file.resolve(), folder.resolve()
    return inside.relative_to(root).as_posix() if inside.is_relative_to(root) else str(inside)


def _workspace_text(url: str, role: Role, hostname: str | None, ca_bundle: str | None) -> str:
    host = hostname or _name_in(url)
    line = f"hostname: {scalar(host)}" if host else "# hostname: mail.example.net"
    lines = [
        "# yaml-language-server: $schema=schemas/workspace.schema.json",
        "#",
        "# The workspace: servers, policy and DNS resolvers.",
        "apiVersion: reconciler/v1",
        "kind: Workspace",
        "servers:",
        f"  {SERVER}:",
        f"    url: {scalar(url)}",
        f"    {line}   # the host that DNS should point to{'' if host else ' (required by `dns check`)'}",
        "    username: {env: SMARTERMAIL_USER}",
        "    password: {env: SMARTERMAIL_PASSWORD}   # a reference, never the password itself",
        f"    role: {role}   # {_ROLES[role]}",
        *([f"    caBundle: {scalar(ca_bundle)}"] if ca_bundle else []),
        "policy:",
        "  maxDeletions: {count: 5, percent: 10}   # more deletions in one domain need --allow-deletions N",
        '  protect: ["postmaster", "abuse"]',
        "  externalForwarding: warn                # or allow, or deny: forwards to other domains",
    ]
    return "".join(f"{line}\n" for line in lines)


_ROLES: Mapping[Role, str] = {
    "admin": "the account of a system administrator",
    "customer": "the account of a domain administrator, for one domain",
}


def _name_in(url: str) -> str:
    """The host of an address if it is a DNS name; empty for an IP address or an invalid address."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return host if "." in host and not _is_ip(host) and _is_name(host) else ""


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_name(host: str) -> bool:
    try:
        host_name(host)
    except BadName:
        return False
    return True
