"""What every decoder needs: a document that the schema has passed, and the faults that a schema cannot see.

Decoding turns text into canonical values. A field that is absent stays UNSET; an empty value is a value. A name that
cannot be one is reported with its place and left out, so that the rest of the file is still judged.
"""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from reconciler.config.document.builder import shown
from reconciler.config.document.loader import Document
from reconciler.core.diagnostics import Diagnostic, error, warning
from reconciler.core.expectations import CHECK_IDS, CheckSetting, DnsOverrides
from reconciler.core.names import BadName, host_or_address, published_host
from reconciler.core.quantities import parse_size
from reconciler.core.secret import SecretRef
from reconciler.core.source import Span

Path = tuple[str | int, ...]


class Reading:
    """One document while it is decoded, and the diagnostics found on the way."""

    __slots__ = ("diagnostics", "document")

    def __init__(self, document: Document) -> None:
        self.document = document
        self.diagnostics: list[Diagnostic] = []

    def span(self, path: Path, *, key: bool = False) -> Span:
        """The place of the value at `path`, or of its key."""
        return self.document.span(path, key=key)

    def name(self, text: str, canonical: Callable[[str], str], path: Path, *, key: bool = False) -> str | None:
        """The canonical form of a name; None, and NAM001 at its place, where it cannot be one."""
        try:
            return canonical(text)
        except BadName as e:
            self.diagnostics.append(error("NAM001", f"{shown(text)}: {e}", self.span(path, key=key)))
            return None

    def clash(self, first: str, second: str, canonical: str, path: Path, *, key: bool = False) -> None:
        """Says NAM002: two names of one section are the same in canonical form."""
        text = f"{shown(second)} and {shown(first)} are the same name: both mean {canonical}"
        hint = "names are compared in lower case, domains as A-labels: keep one of the two"
        self.diagnostics.append(error("NAM002", text, self.span(path, key=key), hint=hint))

    def names(self, texts: Sequence[str], canonical: Callable[[str], str], path: Path) -> tuple[str, ...]:
        """The canonical forms of a list of names, sorted, each once; one that is written twice is a warning."""
        found: dict[str, str] = {}
        for i, text in enumerate(texts):
            name = self.name(text, canonical, (*path, i))
            if name is None:
                continue
            if name in found:
                message = f"{shown(text)} is here twice: {shown(found[name])} means {name} too"
                self.diagnostics.append(warning("NAM002", message, self.span((*path, i)), hint="leave one of them out"))
            found.setdefault(name, text)
        return tuple(sorted(found))

    def size(self, value: str | int, path: Path) -> int | None:
        """Bytes (0 = unlimited); None, and SCH001, for what is no size."""
        try:
            return parse_size(value)
        except ValueError as e:
            self.diagnostics.append(error("SCH001", f"not a size: {e}", self.span(path)))
            return None


def section(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A nested mapping; empty where it is absent or null."""
    return body.get(key) or {}


def secret_ref(body: Mapping[str, Any]) -> SecretRef:
    """A reference to a secret: `{env}`, `{file}`, `{generate: true}` and so on, with `version` beside it."""
    version = int(body.get("version", 1))
    match next(key for key in body if key != "version"):
        case "env":
            return SecretRef("env", str(body["env"]), version=version)
        case "file":
            return SecretRef("file", str(body["file"]), version=version)
        case "command":
            words = tuple(str(word) for word in body["command"])
            return SecretRef("command", shlex.join(words), words, version)
        case "sops":
            file, key = str(body["sops"]["file"]), body["sops"]["key"]
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
    """The `dns` section of a product or a domain. Hosts become canonical; None = not stated."""
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
    reading: Reading, hosts: Sequence[str] | None, canonical: Callable[[str], str], path: Path
) -> tuple[str, ...] | None:
    """In the order written: of several MX hosts the first is the one recommended first."""
    if hosts is None:
        return None
    found = (reading.name(text, canonical, (*path, i)) for i, text in enumerate(hosts))
    return tuple(dict.fromkeys(name for name in found if name is not None))


def _checks(reading: Reading, body: Mapping[str, Any] | None) -> tuple[CheckSetting, ...] | None:
    """Sorted by id, as values that mean the same are equal."""
    if body is None:
        return None
    known = (check for check in sorted(CHECK_IDS) if check in body)
    return tuple(CheckSetting(id=c, level=body[c], origin=reading.span(("dns", "checks", c))) for c in known)


def _texts(values: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
