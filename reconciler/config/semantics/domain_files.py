"""What a schema cannot see: checks between the parts of a file, between files, and against the product. All offline.

Here are the values that the checks look at and the order in which they run; each `semantics_*.py` holds one subject.
Nothing raises on a file that the schema has passed: what is wrong is a diagnostic.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from reconciler.config.document.loader import Document
from reconciler.core.model import Alias, DesiredDomain, Mailbox, Removal, Renaming, Unset
from reconciler.core.names import BadName, address, domain_name, split_address
from reconciler.core.product import Product
from reconciler.core.source import Span
from reconciler.core.workspace import Role

Path = tuple[str | int, ...]


class Places:
    """Where things stand in a domain file, by canonical name. Looked up only once something is wrong."""

    def __init__(self, document: Document, domain: str) -> None:
        self.document = document
        self.domain = domain
        self._keys: dict[str, dict[str, str]] = {}
        self._targets: dict[Path, dict[str, int]] = {}

    def path(self, section: str, name: str, *rest: str | int) -> Path:
        """The path of a resource, or of something in it, with the key as it was written."""
        if section not in self._keys:
            body: Mapping[str, Any] = self.document.value  # type: ignore[assignment]
            keys: dict[str, str] = {}
            for key in body.get(section) or ():
                keys.setdefault(key.lower(), key)
            self._keys[section] = keys
        return (section, self._keys[section].get(name, name), *rest)

    def span(self, path: Path, *, key: bool = False) -> Span:
        """The place of a value, or of its key."""
        return self.document.span(path, key=key)

    def target(self, resource: Mailbox | Alias, canonical: str) -> Span:
        """The place of one target in the list it was written in."""
        if isinstance(resource, Mailbox):
            path = self.path("mailboxes", resource.name, "forwarding", "to")
        else:
            path = self.path("aliases", resource.name)
            path = path if isinstance(self._at(path), list) else (*path, "to")
        if path not in self._targets:
            self._targets[path] = _indexes(self._at(path), self.domain)
        return self.span((*path, self._targets[path][canonical]))

    def _at(self, path: Path) -> Any:
        value: Any = self.document.value
        for step in path:
            value = value[step]
        return value


def _indexes(texts: Sequence[str], domain: str) -> dict[str, int]:
    """Where in a list each canonical address stands first."""
    found: dict[str, int] = {}
    for i, text in enumerate(texts):
        with suppress(BadName):  # said by decoding, and in no decoded list
            found.setdefault(address(text, domain), i)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainFile:
    """One domain file, as far as it could be understood.

    Attributes:
        file: its path for people.
        stem: its name without the ending.
        domain: canonical; None where not even that can be known.
        document: None where it is no YAML.
        desired: None where it is broken: then nothing is concluded from what it does not say.
        product: None where it names none, or one that is missing or broken.
        role: of its server; None where that is unknown.
        said: code and line of what the schema with the product's limits has already said.
    """

    file: str
    stem: str
    domain: str | None
    document: Document | None = None
    desired: DesiredDomain | None = None
    product: Product | None = None
    role: Role | None = None
    said: frozenset[tuple[str, int]] = frozenset()

    def places(self) -> Places:
        """The places in this file; only for one that was understood."""
        assert self.document is not None
        assert self.desired is not None
        return Places(self.document, self.desired.domain)

    @property
    def origin(self) -> Span:
        """Where the file says which domain it is, or its beginning."""
        return self.desired.origin if self.desired else Span(self.file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """All domains of the workspace, as a target sees them.

    Attributes:
        files: the understood file of each domain; domains with a broken file, or with two, are not here.
        known: every domain of the workspace, broken ones too.
        alias_of: domain alias -> domain.
        blind: the domain aliases of some file cannot be known, so no domain is surely outside.
        declared: by domain, the names of its mailboxes and aliases.
        leaving: by domain, the names that are removed or renamed there.
    """

    files: Mapping[str, DomainFile]
    known: frozenset[str]
    alias_of: Mapping[str, str]
    blind: bool
    declared: Mapping[str, frozenset[str]]
    leaving: Mapping[str, Mapping[str, Removal | Renaming]]

    def home(self, host: str) -> str | None:
        """The domain of the workspace that takes the mail for `host`; None for one outside."""
        if host in self.known:
            return host
        return self.alias_of.get(host)

    def resolve(self, target: str) -> str:
        """A canonical address with a domain alias replaced by its domain."""
        local, host = split_address(target)
        home = self.alias_of.get(host)
        return target if home is None or host in self.known else f"{local}@{home}"


def directory(files: Iterable[DomainFile]) -> Directory:
    """What the files say together."""
    seen: dict[str, list[DomainFile]] = {}
    alias_of: dict[str, str] = {}
    blind = False
    for file in files:
        if file.domain is None:
            blind = True
            continue
        seen.setdefault(file.domain, []).append(file)
        aliases = _domain_aliases(file)
        blind = blind or aliases is None
        for name in aliases or ():
            alias_of.setdefault(name, file.domain)
    usable = {name: rows[0] for name, rows in seen.items() if len(rows) == 1 and rows[0].desired}
    declared = {name: frozenset(_declared(file.desired)) for name, file in usable.items() if file.desired}
    leaving = {name: _leaving(file.desired) for name, file in usable.items() if file.desired}
    return Directory(
        files=usable, known=frozenset(seen), alias_of=alias_of, blind=blind, declared=declared, leaving=leaving
    )


def _declared(desired: DesiredDomain) -> set[str]:
    mailboxes = () if isinstance(desired.mailboxes, Unset) else desired.mailboxes
    aliases = () if isinstance(desired.aliases, Unset) else desired.aliases
    return {*mailboxes, *aliases}


def _leaving(desired: DesiredDomain) -> dict[str, Removal | Renaming]:
    removed = {r.name: r for r in desired.removed if r.kind != "domainAlias"}
    return {**removed, **{r.old: r for r in desired.renamed if r.kind != "domainAlias"}}


def _domain_aliases(file: DomainFile) -> Sequence[str] | None:
    """The domain aliases of a file, of a broken one as far as they can be read; None where they cannot."""
    if file.desired:
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
        except (BadName, AttributeError, TypeError):
            return None
    return found
