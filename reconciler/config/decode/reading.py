"""Shared by all decoders: a schema-valid document while it is decoded, and faults that a schema cannot express.

Decoding turns text into canonical values. An absent field stays UNSET; an empty value is a value. An invalid name is
reported with its location and left out, so that the rest of the file is still checked.
"""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from reconciler.config.document.builder import NodePath, shown
from reconciler.config.document.loader import Document
from reconciler.core.diagnostics import Diagnostic, error, warning
from reconciler.core.expectations import CHECK_IDS, CheckSetting, DnsOverrides
from reconciler.core.names import BadName, host_or_address, published_host
from reconciler.core.quantities import parse_size
from reconciler.core.secret import SecretRef
from reconciler.core.source import Span


class Reading:
    """One document while it is decoded, and its diagnostics so far."""

    __slots__ = ("diagnostics", "document")

    def __init__(self, document: Document) -> None:
        self.document = document
        self.diagnostics: list[Diagnostic] = []

    def span(self, path: NodePath, *, key: bool = False) -> Span:
        """The location of the value at `path`, or of its key."""
        return self.document.span(path, key=key)

    def name(self, text: str, canonical: Callable[[str], str], path: NodePath, *, key: bool = False) -> str | None:
        """The canonical form of a name; None, and NAM001 at its location, for an invalid one."""
        try:
            return canonical(text)
        except BadName as e:
            self.diagnostics.append(error("NAM001", f"{shown(text)}: {e}", self.span(path, key=key)))
            return None

    def clash(self, first: str, second: str, canonical: str, path: NodePath, *, key: bool = False) -> None:
        """Reports NAM002: two names of one section have the same canonical form."""
        text = f"{shown(second)} and {shown(first)} are the same name, {canonical}"
        hint = "remove one of the two: names are compared in lower case, and domains as A-labels"
        self.diagnostics.append(error("NAM002", text, self.span(path, key=key), hint=hint))

    def names(self, texts: Sequence[str], canonical: Callable[[str], str], path: NodePath) -> tuple[str, ...]:
        """The canonical forms of a list of names, sorted and without duplicates; a duplicate is a warning."""
        # A duplicate target is harmless on the server, so it is only a warning.
        found: dict[str, str] = {}
        for i, text in enumerate(texts):
            name = self.name(text, canonical, (*path, i))
            if name is None:
                continue
            if name in found:
                message = f"duplicate name {shown(text)}: {shown(found[name])} means {name} too"
                self.diagnostics.append(warning("NAM002", message, self.span((*path, i)), hint="remove one of them"))
            found.setdefault(name, text)
        return tuple(sorted(found))

    def size(self, value: str | int, path: NodePath) -> int | None:
        """Bytes (0 = unlimited); None, and SCH001, for a text that is not a size."""
        try:
            return parse_size(value)
        except ValueError as e:
            self.diagnostics.append(error("SCH001", f"not a size: {e}", self.span(path)))
            return None


def section(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A nested mapping; empty if it is absent or null."""
    return body.get(key) or {}


def secret_ref(body: Mapping[str, Any]) -> SecretRef:
    """The value of a reference to a secret: a mapping with one source, such as `{env: NAME}`, and perhaps `version`."""
    version = int(body.get("version", 1))
    # The schema accepts exactly one source in each reference.
    match next(key for key in body if key != "version"):
        case "env":
            return SecretRef("env", str(body["env"]), version=version)
        case "file":
            return SecretRef("file", str(body["file"]), version=version)
        case "command":
            words = tuple(str(word) for word in body["command"])
            # `target` is for people and part of plans; `parts` is what runs, without a shell.
            return SecretRef("command", shlex.join(words), words, version)
        case "sops":
            file, key = str(body["sops"]["file"]), body["sops"]["key"]
            # A list is for keys that contain a dot themselves.
            steps = key.split(".") if isinstance(key, str) else [str(step) for step in key]
            return SecretRef("sops", f"{file}#{'.'.join(steps)}", (file, *steps), version)
        case "vault":
            path, field = str(body["vault"]["path"]).strip("/"), str(body["vault"]["field"])
            return SecretRef("vault", f"{path}#{field}", (path, field), version)
        case "keyring":
            service, user = str(body["keyring"]["service"]), str(body["keyring"]["username"])
            return SecretRef("keyring", f"{service}#{user}", (service, user), version)
        case _:
            return SecretRef("generate", version=version)


def dns_overrides(reading: Reading, body: Mapping[str, Any]) -> DnsOverrides:
    """The `dns` section of a product or a domain. Hosts become canonical; None = absent."""
    spf, auto, dmarc = section(body, "spf"), section(body, "autodiscover"), section(body, "dmarc")

    def host(key: str) -> str | None:
        text = auto.get(key)
        return None if not text else reading.name(text, published_host, ("dns", "autodiscover", key))

    return DnsOverrides(
        mx_hosts=_hosts(reading, section(body, "mx").get("hosts"), published_host, ("dns", "mx", "hosts")),
        spf_primary=spf.get("primary"),
        spf_secondary=_texts(spf.get("secondary")),
        spf_senders=_hosts(reading, spf.get("senders"), host_or_address, ("dns", "spf", "senders")),
        autodiscover_host=host("host"),
        autodiscover_srv_target=host("srvTarget"),
        dmarc_check=dmarc.get("check"),
        dmarc_rua=dmarc.get("rua"),
        dmarc_policy=dmarc.get("policy"),
        checks=_checks(reading, body.get("checks")),
        sends=body.get("sends"),
    )


def _hosts(
    reading: Reading, hosts: Sequence[str] | None, canonical: Callable[[str], str], path: NodePath
) -> tuple[str, ...] | None:
    """Canonical hosts in the order of the file, because reports recommend the first MX host first."""
    if hosts is None:
        return None
    found = (reading.name(text, canonical, (*path, i)) for i, text in enumerate(hosts))
    return tuple(dict.fromkeys(name for name in found if name is not None))


def _checks(reading: Reading, body: Mapping[str, Any] | None) -> tuple[CheckSetting, ...] | None:
    """Sorted by id, so that two values with the same meaning are equal."""
    if body is None:
        return None
    # Unknown ids cannot occur: the schema lists the checks.
    known = (check for check in sorted(CHECK_IDS) if check in body)
    return tuple(CheckSetting(id=c, level=body[c], origin=reading.span(("dns", "checks", c))) for c in known)


def _texts(values: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
