"""`import`: domain files from the current state of the server, so that a plan right after it is empty."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from reconciler.app.adopt.declare import as_declared
from reconciler.app.adopt.file_changes import FileChange, diff_of, read_text, write_changes
from reconciler.app.adopt.make_valid import make_valid
from reconciler.app.adopt.merge import Merge
from reconciler.app.servers import open_servers
from reconciler.config.edit.domain_file import edit_domain, read_domain_text
from reconciler.config.emit import emit_domain
from reconciler.config.workspace import Configuration
from reconciler.core.errors import CannotEdit, ReconcilerError, RefusedCredentials, Unreachable, WouldOverwrite
from reconciler.core.model import CurrentDomain
from reconciler.core.ports import Progress, Reader, ReadScope
from reconciler.engine.observe import DOMAINS_AT_ONCE, Observation

__all__ = ["Import", "Imported", "as_declared", "import_domains", "read_completely"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """One domain's file.

    Attributes:
        is_new: the file did not exist before.
        is_changed: it was written; else it already matched the server.
        notes: a text for each change of an existing file, and for each part that stays unchanged.
        left_out: a line for each property of the server that a file cannot express.
    """

    domain: str
    path: Path
    is_new: bool
    is_changed: bool
    notes: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """The result of an import.

    Attributes:
        skipped: the domains that were not imported, with the reason; empty unless all domains were asked for.
        diff: a patch of the changes in existing files.
    """

    imported: tuple[Imported, ...]
    skipped: Mapping[str, ReconcilerError]
    diff: str


async def import_domains(
    config: Configuration,
    names: Sequence[str],
    server: str,
    product: str | None,
    progress: Progress,
    *,
    everything: bool = False,
) -> Import:
    """Reads each domain completely and writes its file, or edits the existing one.

    With `everything`, the domains are those that the server lists, and a domain that cannot be read is skipped.
    Otherwise one unreadable domain prevents all writing. `product` is for new files.

    Raises:
        WouldOverwrite: a domain's file cannot be edited, or names another server.
        ReconcilerError: a domain could not be read, or a file could not be written; nothing was changed.
    """
    async with open_servers(config.workspace, (server,), config.root) as servers:
        if server in servers.unusable:
            raise servers.unusable[server]
        reader = servers.readers[server]
        listed = await reader.list_domains() if everything else tuple(sorted(set(names)))
        # These faults are known without a read, so they are reported before any.
        unfit = {name: fault for name in listed if (fault := _unfit(config, name, server))}
        if unfit and not everything:
            raise next(iter(unfit.values()))
        seen = await _read_all(reader, [name for name in listed if name not in unfit], progress)
    unread = {name: row for name, row in seen.items() if isinstance(row, ReconcilerError)}
    found = {name: row for name, row in seen.items() if isinstance(row, CurrentDomain)}
    # With named domains, a person expects all of them. With all domains, one failure must not prevent the import.
    if unread and not (everything and found):
        raise next(iter(unread.values()))
    drafts = [_draft(config, row, server, product) for row in found.values()]
    return _written(config, drafts, {**unfit, **unread})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    domain: str
    change: FileChange
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def _written(config: Configuration, drafts: Sequence[_Draft], skipped: Mapping[str, ReconcilerError]) -> Import:
    # All drafts are checked together, because domains can refer to each other.
    changes, more = make_valid(config, [draft.change for draft in drafts])
    write_changes(changes)
    imported = tuple(
        Imported(
            domain=draft.domain,
            path=change.path,
            is_new=change.before is None,
            is_changed=change.before != change.after,
            notes=draft.notes,
            left_out=(*draft.left_out, *more.get(change.relative, ())),
        )
        for draft, change in zip(drafts, changes, strict=True)
    )
    diff = diff_of(config.root, [change for change in changes if change.before is not None])
    return Import(imported=imported, skipped=dict(sorted(skipped.items())), diff=diff)


def _unfit(config: Configuration, name: str, server: str) -> ReconcilerError | None:
    """Why a domain cannot be imported, as far as that is known before it is read."""
    desired = config.domains.get(name)
    if desired is not None:
        if desired.server == server:
            return None
        text = f"{name}: its file ({desired.origin.file}) names the server {desired.server}, not {server}"
        return WouldOverwrite(f"{text}; nothing was written", hint=f"give --server {quote(desired.server)}")
    path = _new_path(config, name)
    # `exists` is False for a link whose target is missing.
    if path.exists() or path.is_symlink():
        return WouldOverwrite(f"{path} exists, but is not a domain file; nothing was written", hint="move it away")
    return None


def _new_path(config: Configuration, name: str) -> Path:
    return config.root / "domains" / f"{name}.yaml"


async def _read_all(reader: Reader, domains: Sequence[str], progress: Progress) -> dict[str, Observation]:
    """Each domain, or why it could not be read.

    Raises:
        Unreachable, RefusedCredentials: the fault concerns the server, not one domain.
    """
    gate = asyncio.Semaphore(DOMAINS_AT_ONCE)

    async def one(domain: str) -> tuple[str, Observation]:
        seen: Observation
        async with gate:
            try:
                seen = await read_completely(reader, domain)
            except ReconcilerError as e:
                seen = e
        progress.step(domain)
        return domain, seen

    progress.begin("Reading", len(domains))
    found = dict(await asyncio.gather(*(one(domain) for domain in domains)))
    progress.end()
    # A server that is down would otherwise give the same error for each domain.
    for seen in found.values():
        if isinstance(seen, Unreachable | RefusedCredentials):
            raise seen
    return found


async def read_completely(reader: Reader, domain: str) -> CurrentDomain:
    """A domain with all fields that can be managed. The costly reads need the names, so there are two reads."""
    names = await reader.read_domain(domain, ReadScope())
    everything = ReadScope(
        forwarding=frozenset(names.mailboxes), alias_flags=frozenset(names.aliases), eas=True, mapi=True
    )
    return await reader.read_domain(domain, everything)


def _draft(config: Configuration, current: CurrentDomain, server: str, product: str | None) -> _Draft:
    if current.domain in config.domains:
        return _edited(config, current)
    workspace = config.workspace
    role, sold = workspace.servers[server].role, config.products.get(product or "")
    # A new file cannot contain earlier decisions of a person, so it is written from the server alone.
    desired, left_out = as_declared(current, server=server, product=sold, role=role, policy=workspace.policy)
    path = _new_path(config, current.domain)
    text = emit_domain(desired, schema=_schema(config.root), notes=left_out)
    relative = path.relative_to(config.root).as_posix()
    return _Draft(
        domain=current.domain,
        change=FileChange(path=path, relative=relative, before=None, after=text),
        left_out=left_out,
    )


def _edited(config: Configuration, current: CurrentDomain) -> _Draft:
    desired = config.domains[current.domain]
    relative = config.files[desired.origin.file]
    path = config.root / relative
    text = text_as_loaded(config, current.domain)
    merge = Merge(
        desired,
        current,
        config.products.get(desired.product or ""),
        config.workspace.servers[desired.server].role,
        config.workspace.policy,
    )
    after = edit_domain(text, merge.edits, file=desired.origin.file)
    change = FileChange(path=path, relative=relative, before=text, after=after)
    return _Draft(domain=current.domain, change=change, notes=tuple(merge.notes), left_out=tuple(merge.left_out))


def text_as_loaded(config: Configuration, domain: str) -> str:
    """The text of a domain's file, if it still holds the loaded state.

    Raises:
        CannotEdit: the file was changed since it was loaded.
    """
    desired = config.domains[domain]
    file = desired.origin.file
    text = read_text(config.root / config.files[file])
    servers = list(config.workspace.servers)
    # The edits were computed for the loaded state. Applied to another state they could lose changes of a person.
    with suppress(CannotEdit):
        if read_domain_text(text, file=file, default_server=servers[0] if len(servers) == 1 else "") == desired:
            return text
    raise CannotEdit(f"{file} was changed during the run; nothing was written", hint="run again")


def _schema(root: Path) -> str:
    """The schema for the modeline: the copy in the workspace, or the copy in its parent folder."""
    in_parent = not (root / "schemas").is_dir() and (root.parent / "schemas").is_dir()
    return f"{'../../' if in_parent else '../'}schemas/domain.schema.json"
