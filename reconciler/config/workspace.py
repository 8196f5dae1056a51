"""Reads a folder of files into one configuration: all valid values, and a diagnostic for every fault.

A broken file does not stop the run. The other files are still checked, but references to the broken one are not
reported, because its content is unknown.
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
from reconciler.config.schema.validator import check, valid_part
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
from reconciler.config.workspace_files import Found, FoundFile, discover, find_root
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
    """A workspace, read once.

    Attributes:
        root: the workspace's folder, absolute.
        workspace: without servers if `reconciler.yaml` is broken.
        products: the valid products, by name.
        domains: the valid domains, selected or not, by canonical name, sorted. A domain is invalid if its product or
            the workspace's own file is broken.
        selected: the canonical names of the selected valid domains, sorted; each is in `domains`.
        diagnostics: sorted. With a selection, only those of the selected files, the workspace and the products.
        texts: the text of each file that a diagnostic points to, by its name for people.
        digest: `sha256:…` over the names and bytes of all files.
        files: each file's name for people (relative to the current folder) -> its name in the workspace.
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
    """Reads and checks all files of a workspace, offline. Faults of files are diagnostics, never exceptions.

    Args:
        root: the workspace's folder.
        selection: domains, files and patterns (see `select`); empty selects all.
        here: the current folder.
        environ: the environment, for passwords that can be checked against a product's policy now.
        instead: contents of domain files, by their names in the workspace. They replace the files on disk, or add
            files that do not exist yet, so that a caller can check a change before it writes.
    """
    here = Path.cwd() if here is None else here
    found = discover(root, here, instead or ())
    store = SecretStore(root.resolve(), environ=environ)
    return _Loading(found, root.resolve(), store, instead or {}).configuration(selection, here)


class _Loading:
    """One pass over a workspace's files. The order matters: a domain needs its product and its server's role."""

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
        """The complete configuration, with the diagnostics of its selected part."""
        candidates = [Candidate(f, d.domain) for f, (d, _) in zip(self.found.domains, self.files, strict=True)]
        chosen, unmatched = select(candidates, selection, root=self.root, here=here.resolve())
        # The checks run over all files, because a selected file may conflict with one that is not selected.
        found_faults = tuple(chain(*(rows for _, rows in self.files), self._checks()))
        faulty = {d.span.file for d in found_faults if d.span and d.severity is Severity.ERROR}
        domains: dict[str, DesiredDomain] = {}
        selected: list[str] = []
        for found, (file, _) in zip(self.found.domains, self.files, strict=True):
            # A file with any error gives no desired state: a plan from a part of it could delete mailboxes.
            if file.desired is None or found.display in faulty or not self._has_valid_base(file.desired):
                continue
            domains[file.desired.domain] = file.desired
            if found.relative in chosen:
                selected.append(file.desired.domain)
        shown = {found.display for found in self.found.domains if found.relative in chosen}
        diagnostics = sort_diagnostics(
            [*self.common, *unmatched, *(d for d in found_faults if d.span is None or d.span.file in shown)]
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
        """Reads a file once, for its value and for the digest. A link out of the workspace is not followed."""
        try:
            real = resolved(found.path)
            if real is not None and not real.is_relative_to(self.root):
                self.hash.update(f"{found.relative}\0elsewhere\0".encode("utf-8", "surrogateescape"))
                return None, ()  # `discover` reports it
            data = self._data(found)
        except OSError:
            self.hash.update(f"{found.relative}\0unreadable\0".encode("utf-8", "surrogateescape"))
            return load_file(found.path, found.display)
        # The length separates name and content, so that no two sets of files give the same input.
        self.hash.update(f"{found.relative}\0{len(data)}\0".encode("utf-8", "surrogateescape"))
        self.hash.update(data)
        document, diagnostics = load_text(data, found.display)
        self.texts[found.display] = document.text if document else data.decode("utf-8", "replace")
        return document, diagnostics

    def _data(self, found: FoundFile) -> bytes:
        if found.relative in self.instead:
            return self.instead[found.relative]
        if not found.path.is_file():
            raise FileNotFoundError  # opening a pipe would block
        with found.path.open("rb") as file:
            return file.read(MAX_BYTES + 1)

    def _workspace(self) -> Workspace | None:
        workspace, diagnostics = self._workspace_file()
        self.common += diagnostics
        if workspace is None or has_errors(diagnostics):
            return None
        # Only after all checks of the file, because messages show the path as written.
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
        semantic = (
            *check_servers(document, workspace),
            *check_bundles(document, workspace, self.root),
            *check_server_secrets(document, workspace, self.store, self.root),
            *check_recipients(document),
        )
        return workspace, (*diagnostics, *faults, *more, *semantic)

    def _at_root(self, server: ServerSettings) -> ServerSettings:
        """The file has a path relative to the workspace; the client needs an absolute one."""
        return replace(server, ca_bundle=str(self.root / server.ca_bundle)) if server.ca_bundle else server

    def _products(self) -> dict[str, Product]:
        products: dict[str, Product] = {}
        for found in self.found.products:
            # `p.yaml` and `p.yml` would be the same product.
            if found.stem in products or found.stem in self.broken_products:
                text = f"product {found.stem} has two files; this one is ignored"
                self.common.append(error("WSP001", text, Span(found.display), hint="remove one of them"))
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
        """One domain file as far as it can be read, and the diagnostics that need no other domain file."""
        document, diagnostics = self._read(found)
        body = document.value if document else None
        raw: Mapping[str, Any] = body if isinstance(body, dict) else {}
        # The raw text is used here: the schema must be chosen before the file can be decoded.
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
        # A file over a limit is still decoded, so that its other checks run. Only a file that the schema without
        # limits rejects too has the wrong shape.
        shape = check(document, validator("domain")) if faults else ()
        if has_errors(shape):
            reported = {(d.code, d.span) for d in faults}
            faults = (*faults, *(d for d in shape if (d.code, d.span) not in reported))
        # Only the shape decides: exceeded limits leave the file readable.
        rest = valid_part(document, validator("domain")) if has_errors(shape) else document
        if rest is None:
            return file, (*diagnostics, *faults)
        desired, more = decode_domain(rest, default_server=self._only_server())
        by_schema = frozenset((d.code, d.span.line) for d in faults if d.span)
        domain = desired.domain if desired else file.domain
        file = replace(file, document=rest, domain=domain, desired=desired, reported=by_schema)
        return file, (*diagnostics, *faults, *more)

    def _only_server(self) -> str:
        servers = tuple(self.workspace.servers) if self.workspace else ()
        return servers[0] if len(servers) == 1 else ""

    def _role(self, server: str) -> Role | None:
        found = self.workspace.servers.get(server or self._only_server()) if self.workspace else None
        return found.role if found else None

    def _checks(self) -> Iterator[Diagnostic]:
        """All checks beyond the schema, for all files: a selected domain may refer to one that is not selected."""
        files = [file for file, _ in self.files]
        all_domains = directory(files)
        policy = (self.workspace or _NO_WORKSPACE).policy
        for file in files:
            if file.desired is None:
                continue
            yield from self._product_exists(file, file.desired)
            if self.workspace:
                yield from check_server(file, self.workspace)
            yield from check_names(file, policy)
            yield from check_limits(file)
            yield from check_targets(file, all_domains, policy)
            yield from check_passwords(file, self.store, self.root, self.workspace.secrets if self.workspace else None)
        yield from check_domains(files)
        yield from check_loops(all_domains)
        yield from check_lookalikes(files)

    def _product_exists(self, file: DomainFile, desired: DesiredDomain) -> Iterator[Diagnostic]:
        name = desired.product
        # A broken product has its own diagnostics; reporting it as missing would mislead.
        if name is not None and name not in self.products and name not in self.broken_products:
            yield unknown_product(name, self.products, file.places().span(("product",)))

    def _has_valid_base(self, desired: DesiredDomain) -> bool:
        """Whether the workspace's own file and the domain's product are valid."""
        return self.workspace is not None and (desired.product is None or desired.product in self.products)


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _domain_of(text: str) -> str | None:
    try:
        return domain_name(text)
    except BadName:
        return None
