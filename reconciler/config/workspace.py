"""A folder of files becomes one configuration: everything that is valid, and everything that is wrong.

A broken file is a fact among the others: the rest is still read and judged, and nothing is said of what refers to it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

from reconciler.config.decode.domain import decode_domain
from reconciler.config.decode.product import decode_product
from reconciler.config.decode.workspace import decode_workspace
from reconciler.config.document.loader import MAX_BYTES, Document, load_file, load_text
from reconciler.config.links import resolved
from reconciler.config.schema.compile import domain_validator
from reconciler.config.schema.compiled import validator
from reconciler.config.schema.validator import check
from reconciler.config.secrets.store import SecretStore
from reconciler.config.select import Candidate, select
from reconciler.config.semantics.domain_files import DomainFile, directory
from reconciler.config.semantics.limits import check_limits
from reconciler.config.semantics.lookalikes import check_lookalikes
from reconciler.config.semantics.names import check_names
from reconciler.config.semantics.secrets import check_passwords, check_recipients, check_server_secrets
from reconciler.config.semantics.targets import check_loops, check_targets
from reconciler.config.semantics.workspace import (
    check_bundles,
    check_domains,
    check_server,
    check_servers,
    unknown_product,
)
from reconciler.config.workspace_files import Found, FoundFile, discover, find_root, salvage
from reconciler.core.diagnostics import Diagnostic, Severity, error, has_errors, sort_diagnostics
from reconciler.core.model import DesiredDomain
from reconciler.core.names import BadName, domain_name
from reconciler.core.product import Product
from reconciler.core.source import Span
from reconciler.core.workspace import Role, ServerSettings, Workspace

__all__ = ["Configuration", "find_root", "load_configuration"]

_NO_WORKSPACE = Workspace(servers={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A workspace as it was read once.

    Attributes:
        workspace: without servers where `reconciler.yaml` is broken.
        products: the valid ones, by name.
        domains: the valid ones, selected or not, by canonical name, sorted. One whose product or workspace is broken
            is not valid.
        selected: the canonical names of those that are meant, sorted; each is in `domains`.
        diagnostics: in order. With a selection only those of the selected files, the workspace and the products.
        texts: text of each file that a diagnostic points into, by its name for people.
        digest: `sha256:…` over the names and bytes of all files.
        files: each file's name for people, who read it from where they stand -> its name in the workspace.
    """

    root: Path
    workspace: Workspace
    products: Mapping[str, Product]
    domains: Mapping[str, DesiredDomain]
    selected: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
    texts: Mapping[str, str]
    digest: str
    files: Mapping[str, str] = field(default_factory=dict)


def load_configuration(
    root: Path,
    selection: Sequence[str] = (),
    *,
    here: Path | None = None,
    environ: Mapping[str, str] | None = None,
    instead: Mapping[str, bytes] | None = None,
) -> Configuration:
    """Reads and checks all files of a workspace, offline; what is wrong with them is in the value, never raised.

    `selection` holds domains, files and patterns, none = all (see `select`). `here` is the current folder and
    `environ` the environment, in which passwords are looked up that a product's policy can be held against.
    `instead` holds what domain files would say, there already or not, by their names in the workspace: the
    configuration is then as it would be with them.
    """
    here = Path.cwd() if here is None else here
    found = discover(root, here, instead or ())
    store = SecretStore(root.resolve(), environ=environ)
    return _Loading(found, root.resolve(), store, instead or {}).configuration(selection, here)


class _Loading:
    """One pass over a workspace's files, in the order in which they need each other."""

    def __init__(self, found: Found, root: Path, store: SecretStore, instead: Mapping[str, bytes]) -> None:
        self.found = found
        self.instead = instead
        self.root = root
        self.store = store
        self.hash = sha256()
        self.texts: dict[str, str] = {}
        self.common: list[Diagnostic] = [*found.diagnostics]
        self.workspace = self._workspace()
        self.broken_products: set[str] = set()
        self.products = self._products()
        self.files = [self._domain(found) for found in found.domains]

    def configuration(self, selection: Sequence[str], here: Path) -> Configuration:
        """The whole, with what is said about the selected part of it."""
        candidates = [Candidate(f, d.domain) for f, (d, _) in zip(self.found.domains, self.files, strict=True)]
        chosen, unmatched = select(candidates, selection, root=self.root, here=here.resolve())
        said = tuple(chain(*(rows for _, rows in self.files), self._checks()))
        faulty = {d.span.file for d in said if d.span and d.severity is Severity.ERROR}
        domains: dict[str, DesiredDomain] = {}
        selected: list[str] = []
        for found, (file, _) in zip(self.found.domains, self.files, strict=True):
            if file.desired is None or found.display in faulty or not self._is_sound(file.desired):
                continue
            domains[file.desired.domain] = file.desired
            if found.relative in chosen:
                selected.append(file.desired.domain)
        shown = {found.display for found in self.found.domains if found.relative in chosen}
        diagnostics = sort_diagnostics(
            [*self.common, *unmatched, *(d for d in said if d.span is None or d.span.file in shown)]
        )
        return Configuration(
            root=self.root,
            workspace=self.workspace or _NO_WORKSPACE,
            products=dict(sorted(self.products.items())),
            domains=dict(sorted(domains.items())),
            selected=tuple(sorted(selected)),
            diagnostics=diagnostics,
            texts={d.span.file: self.texts[d.span.file] for d in diagnostics if d.span and d.span.file in self.texts},
            digest=f"sha256:{self.hash.hexdigest()}",
            files={f.display: f.relative for f in (self.found.workspace, *self.found.products, *self.found.domains)},
        )

    def _read(self, found: FoundFile) -> tuple[Document | None, tuple[Diagnostic, ...]]:
        """Reads a file once for its value and for the digest; not one that a link leads out of the workspace."""
        try:
            if not resolved(found.path).is_relative_to(self.root):
                self.hash.update(f"{found.relative}\0elsewhere\0".encode("utf-8", "surrogateescape"))
                return None, ()  # `discover` has said so
            data = self._data(found)
        except OSError:
            self.hash.update(f"{found.relative}\0unreadable\0".encode("utf-8", "surrogateescape"))
            return load_file(found.path, found.display)
        self.hash.update(f"{found.relative}\0{len(data)}\0".encode("utf-8", "surrogateescape"))
        self.hash.update(data)
        document, diagnostics = load_text(data, found.display)
        self.texts[found.display] = document.text if document else data.decode("utf-8", "replace")
        return document, diagnostics

    def _data(self, found: FoundFile) -> bytes:
        if found.relative in self.instead:
            return self.instead[found.relative]
        if not found.path.is_file():
            raise FileNotFoundError
        with found.path.open("rb") as file:
            return file.read(MAX_BYTES + 1)

    def _workspace(self) -> Workspace | None:
        workspace, diagnostics = self._workspace_file()
        self.common += diagnostics
        if workspace is None or has_errors(diagnostics):
            return None
        servers = {name: self._at_root(server) for name, server in workspace.servers.items()}
        return replace(workspace, servers=servers)

    def _workspace_file(self) -> tuple[Workspace | None, tuple[Diagnostic, ...]]:
        document, diagnostics = self._read(self.found.workspace)
        if document is None:
            return None, diagnostics
        faults = check(document, validator("workspace"))
        if has_errors(faults):
            return None, (*diagnostics, *faults)
        workspace, more = decode_workspace(document)
        about = (
            *check_servers(document, workspace),
            *check_bundles(document, workspace, self.root),
            *check_server_secrets(document, workspace, self.store, self.root),
            *check_recipients(document),
        )
        return workspace, (*diagnostics, *faults, *more, *about)

    def _at_root(self, server: ServerSettings) -> ServerSettings:
        """A bundle's path is written relative to the workspace."""
        return replace(server, ca_bundle=str(self.root / server.ca_bundle)) if server.ca_bundle else server

    def _products(self) -> dict[str, Product]:
        products: dict[str, Product] = {}
        for found in self.found.products:
            if found.stem in products or found.stem in self.broken_products:
                text = f"product {found.stem} has two files, of which this is the second"
                self.common.append(error("WSP001", text, Span(found.display), hint="keep one of them"))
                continue
            product, diagnostics = self._product(found)
            self.common += diagnostics
            if product is None or has_errors(diagnostics):
                self.broken_products.add(found.stem)
            else:
                products[found.stem] = product
        return products

    def _product(self, found: FoundFile) -> tuple[Product | None, tuple[Diagnostic, ...]]:
        document, diagnostics = self._read(found)
        if document is None:
            return None, diagnostics
        faults = check(document, validator("product"))
        if has_errors(faults):
            return None, (*diagnostics, *faults)
        product, more = decode_product(document, found.stem)
        return product, (*diagnostics, *faults, *more)

    def _domain(self, found: FoundFile) -> tuple[DomainFile, tuple[Diagnostic, ...]]:
        """One domain file as far as it can be understood, and what it takes no other file to say about it."""
        document, diagnostics = self._read(found)
        body = document.value if document else None
        raw: Mapping[str, Any] = body if isinstance(body, dict) else {}
        product, role = self.products.get(_text(raw, "product")), self._role(_text(raw, "server"))
        file = DomainFile(
            file=found.display,
            stem=found.stem,
            domain=_domain_of(_text(raw, "domain")) or _domain_of(found.stem),
            document=document,
            product=product,
            role=role,
        )
        if document is None:
            return file, diagnostics
        faults = check(document, domain_validator(product, role or "admin"))
        # Over a limit, a file is still understood, if the schema without limits takes it: else it cannot be decoded.
        shape = check(document, validator("domain")) if faults else ()
        if has_errors(shape):
            said_there = {(d.code, d.span) for d in faults}
            faults = (*faults, *(d for d in shape if (d.code, d.span) not in said_there))
        rest = salvage(document, validator("domain")) if has_errors(shape) else document
        if rest is None:
            return file, (*diagnostics, *faults)
        desired, more = decode_domain(rest, default_server=self._only_server())
        said = frozenset((d.code, d.span.line) for d in faults if d.span)
        domain = desired.domain if desired else file.domain
        return replace(file, document=rest, domain=domain, desired=desired, said=said), (*diagnostics, *faults, *more)

    def _only_server(self) -> str:
        servers = tuple(self.workspace.servers) if self.workspace else ()
        return servers[0] if len(servers) == 1 else ""

    def _role(self, server: str) -> Role | None:
        found = self.workspace.servers.get(server or self._only_server()) if self.workspace else None
        return found.role if found else None

    def _checks(self) -> Iterator[Diagnostic]:
        """Everything that looks at more than the schema, at all files: what is not selected is left out later."""
        files = [file for file, _ in self.files]
        everyone = directory(files)
        policy = (self.workspace or _NO_WORKSPACE).policy
        for file in files:
            if file.desired is None:
                continue
            yield from self._product_exists(file, file.desired)
            if self.workspace:
                yield from check_server(file, self.workspace)
            yield from check_names(file, policy)
            yield from check_limits(file)
            yield from check_targets(file, everyone, policy)
            yield from check_passwords(file, self.store, self.root, self.workspace.secrets if self.workspace else None)
        yield from check_domains(files)
        yield from check_loops(everyone)
        yield from check_lookalikes(files)

    def _product_exists(self, file: DomainFile, desired: DesiredDomain) -> Iterator[Diagnostic]:
        name = desired.product
        if name is not None and name not in self.products and name not in self.broken_products:
            yield unknown_product(name, self.products, file.places().span(("product",)))

    def _is_sound(self, desired: DesiredDomain) -> bool:
        """Whether what the domain leans on is valid."""
        return self.workspace is not None and (desired.product is None or desired.product in self.products)


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _domain_of(text: str) -> str | None:
    try:
        return domain_name(text)
    except BadName:
        return None
