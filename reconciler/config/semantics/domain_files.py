"""The values that semantic checks share: a domain file, its locations, and the directory of all domains.

Semantic checks compare the parts of a file, files with each other, and a domain with its product, all offline. Each
other module of this package holds one subject. No check raises on a file that the schema accepts: every fault is a
diagnostic.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from reconciler.config.document.builder import NodePath
from reconciler.config.document.loader import Document
from reconciler.core.model import Alias, DesiredDomain, Mailbox, Removal, Renaming, Unset
from reconciler.core.names import BadName, address, domain_name, split_address
from reconciler.core.product import Product
from reconciler.core.source import Span
from reconciler.core.workspace import Role


class Places:
    """Locations in a domain file, by canonical name. Only diagnostics need them, so they are looked up late."""

    def __init__(self, document: Document, domain: str) -> None:
        self.document = document
        self.domain = domain
        self._keys: dict[str, dict[str, str]] = {}
        self._targets: dict[NodePath, dict[str, int]] = {}

    def path(self, section: str, name: str, *rest: str | int) -> NodePath:
        """The path of a resource or of a part of it, with the key as the file spells it."""
        if section not in self._keys:
            body: Mapping[str, Any] = self.document.value  # type: ignore[assignment]
            keys: dict[str, str] = {}
            # The canonical name of a mailbox or alias is its key in lower case.
            for key in body.get(section) or ():
                keys.setdefault(key.lower(), key)
            self._keys[section] = keys
        return (section, self._keys[section].get(name, name), *rest)

    def span(self, path: NodePath, *, key: bool = False) -> Span:
        """The location of a value, or of its key."""
        return self.document.span(path, key=key)

    def target(self, resource: Mailbox | Alias, canonical: str) -> Span:
        """The location of one target in its list."""
        if isinstance(resource, Mailbox):
            path = self.path("mailboxes", resource.name, "forwarding", "to")
        else:
            path = self.path("aliases", resource.name)
            # An alias has a short form without the key `to`.
            path = path if isinstance(self._at(path), list) else (*path, "to")
        if path not in self._targets:
            self._targets[path] = _indexes(self._at(path), self.domain)
        return self.span((*path, self._targets[path][canonical]))

    def _at(self, path: NodePath) -> Any:
        value: Any = self.document.value
        for step in path:
            value = value[step]
        return value


def _indexes(texts: Sequence[str], domain: str) -> dict[str, int]:
    """The first index of each canonical address in a list."""
    found: dict[str, int] = {}
    for i, text in enumerate(texts):
        with suppress(BadName):  # decoding reports it, and no decoded value contains it
            found.setdefault(address(text, domain), i)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainFile:
    """One domain file, as far as it can be read.

    Attributes:
        file: its path for people.
        stem: its name without the ending.
        domain: canonical; None if neither the file nor its name shows it.
        document: None if the file is not valid YAML.
        desired: None if the file is broken. Then no check may conclude that a resource is missing.
        product: None if the file names no product, or a missing or broken one.
        role: of our account on its server; None if the server is unknown.
        reported: code and line of each diagnostic that the schema with the product's limits gave.
    """

    file: str
    stem: str
    domain: str | None
    document: Document | None = None
    desired: DesiredDomain | None = None
    product: Product | None = None
    role: Role | None = None
    reported: frozenset[tuple[str, int]] = frozenset()

    def places(self) -> Places:
        """The locations in this file; only for a decoded one."""
        assert self.document is not None
        assert self.desired is not None
        return Places(self.document, self.desired.domain)

    @property
    def origin(self) -> Span:
        """The location of the key `domain`, or the start of the file."""
        return self.desired.origin if self.desired else Span(self.file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """All domains of the workspace, for resolving targets.

    Attributes:
        files: the decoded file of each domain, without domains that have a broken file or two files.
        known: every domain of the workspace, including those with a broken file.
        alias_of: domain alias -> domain.
        is_incomplete: the domain aliases of some file are unknown, so no domain is certainly external.
        declared: by domain, the names of its mailboxes and aliases.
        leaving: by domain, the names that its file removes or renames.
    """

    files: Mapping[str, DomainFile]
    known: frozenset[str]
    alias_of: Mapping[str, str]
    is_incomplete: bool
    declared: Mapping[str, frozenset[str]]
    leaving: Mapping[str, Mapping[str, Removal | Renaming]]

    def home(self, host: str) -> str | None:
        """The domain of the workspace that receives mail for `host`; None if `host` is external."""
        if host in self.known:
            return host
        return self.alias_of.get(host)

    def resolve(self, target: str) -> str:
        """A canonical address with a domain alias replaced by its domain."""
        local, host = split_address(target)
        home = self.alias_of.get(host)
        return target if home is None or host in self.known else f"{local}@{home}"


def directory(files: Iterable[DomainFile]) -> Directory:
    """The directory of these files."""
    seen: dict[str, list[DomainFile]] = {}
    alias_of: dict[str, str] = {}
    is_incomplete = False
    for file in files:
        if file.domain is None:
            is_incomplete = True
            continue
        seen.setdefault(file.domain, []).append(file)
        aliases = _domain_aliases(file)
        is_incomplete = is_incomplete or aliases is None
        for name in aliases or ():
            alias_of.setdefault(name, file.domain)
    # Two files for one domain contradict each other, so neither says which names exist.
    usable = {name: rows[0] for name, rows in seen.items() if len(rows) == 1 and rows[0].desired}
    declared = {name: frozenset(_declared(file.desired)) for name, file in usable.items() if file.desired}
    leaving = {name: _leaving(file.desired) for name, file in usable.items() if file.desired}
    return Directory(
        files=usable,
        known=frozenset(seen),
        alias_of=alias_of,
        is_incomplete=is_incomplete,
        declared=declared,
        leaving=leaving,
    )


def _declared(desired: DesiredDomain) -> set[str]:
    mailboxes = () if isinstance(desired.mailboxes, Unset) else desired.mailboxes
    aliases = () if isinstance(desired.aliases, Unset) else desired.aliases
    return {*mailboxes, *aliases}


def _leaving(desired: DesiredDomain) -> dict[str, Removal | Renaming]:
    removed = {r.name: r for r in desired.removed if r.kind != "domainAlias"}
    return {**removed, **{r.old: r for r in desired.renamed if r.kind != "domainAlias"}}


def _domain_aliases(file: DomainFile) -> Sequence[str] | None:
    """The domain aliases of a file, also of a broken one; None if they cannot be read."""
    if file.desired:
        # An unmanaged section: aliases that exist only on the server are unknown here.
        return () if isinstance(file.desired.domain_aliases, Unset) else tuple(file.desired.domain_aliases)
    body = file.document.value if file.document else None
    if not isinstance(body, dict):
        return None
    rows = body.get("domainAliases", [])
    if not isinstance(rows, list):
        return None
    found: list[str] = []
    for text in rows:
        try:
            found.append(domain_name(text))
        # The file is broken, so an item may have any type.
        except (BadName, AttributeError, TypeError):
            return None
    return found
