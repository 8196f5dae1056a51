"""`import`: a domain file from what the server has, so that a plan right after it is empty."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.app.servers import open_servers
from reconciler.config.emit import emit_domain
from reconciler.config.workspace import Configuration
from reconciler.core.errors import WouldOverwrite
from reconciler.core.model import UNSET, Alias, CurrentDomain, DesiredDomain, Mailbox, Unset
from reconciler.core.names import BadName, address, local_part
from reconciler.core.ports import Progress, Reader, ReadScope
from reconciler.core.product import Product
from reconciler.core.workspace import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """One file that was written.

    Attributes:
        left_out: what the server has and the file cannot say, a line each.
    """

    domain: str
    path: Path
    left_out: tuple[str, ...]


async def import_domains(
    config: Configuration, names: Sequence[str], server: str, product: str | None, progress: Progress
) -> tuple[Imported, ...]:
    """Reads each domain whole and writes `domains/DOMAIN.yaml`; nothing is written where one cannot be read.

    Raises:
        WouldOverwrite: a domain has a file already.
        ReconcilerError: a domain could not be read; none was written then.
    """
    paths = {name: config.root / "domains" / f"{name}.yaml" for name in names}
    for name, path in paths.items():
        if path.exists() or name in config.domains:
            raise WouldOverwrite(
                f"{name} has a domain file already; nothing was written", hint="`reconciler plan` compares it"
            )
    role = config.workspace.servers[server].role
    sold = config.products.get(product or "")
    made: list[tuple[str, DesiredDomain, tuple[str, ...]]] = []
    async with open_servers(config.workspace, (server,), config.root) as servers:
        if server in servers.unusable:
            raise servers.unusable[server]
        progress.begin("Reading", len(names))
        for name in names:
            current = await _whole(servers.readers[server], name)
            desired, left_out = as_declared(current, server=server, product=sold, role=role)
            made.append((name, desired, left_out))
            progress.step(name)
        progress.end()
    schema = _schema(config.root)
    for name, desired, _ in made:
        paths[name].parent.mkdir(parents=True, exist_ok=True)
        paths[name].write_text(emit_domain(desired, schema=schema), encoding="utf-8")
    return tuple(Imported(domain=name, path=paths[name], left_out=left_out) for name, _, left_out in made)


async def _whole(reader: Reader, domain: str) -> CurrentDomain:
    """A domain with everything that can be managed, which takes its names to ask for."""
    names = await reader.read_domain(domain, ReadScope())
    everything = ReadScope(
        forwarding=frozenset(names.mailboxes), alias_flags=frozenset(names.aliases), eas=True, mapi=True
    )
    return await reader.read_domain(domain, everything)


def as_declared(
    current: CurrentDomain, *, server: str, product: Product | None, role: Role
) -> tuple[DesiredDomain, tuple[str, ...]]:
    """The domain as a file would declare it: complete, without what is the server's default, without passwords.

    The account that was created with the domain is the host's and is left out. What a file cannot express is left
    unmanaged, and said.
    """
    left_out: list[str] = []
    mailboxes = {
        name: _mailbox(row, product, role, left_out)
        for name, row in current.mailboxes.items()
        if not row.facts.is_primary_admin and _sayable(name, "mailbox", left_out)
    }
    aliases = {
        name: _alias(row, left_out) for name, row in current.aliases.items() if _sayable(name, "alias", left_out)
    }
    none_sold = product is not None and product.limits.domain_aliases == 0
    desired = DesiredDomain(
        domain=current.domain,
        server=server,
        product=product.name if product else None,
        mailboxes=mailboxes,
        aliases=aliases,
        domain_aliases=UNSET if none_sold else dict(current.domain_aliases),
    )
    if none_sold and current.domain_aliases:
        left_out.append(f"domain aliases: the product sells none, the server has {len(current.domain_aliases)}")
    return desired, tuple(left_out)


def _mailbox(row: Mailbox, product: Product | None, role: Role, left_out: list[str]) -> Mailbox:
    may = {"eas": True, "mapi": True}
    if product is not None and role == "customer":
        may = {"eas": product.offer.eas, "mapi": product.offer.mapi}
    for protocol, offered in may.items():
        if getattr(row, protocol) is True and not offered:
            left_out.append(f"mailbox {row.name}: {protocol} is on, but the product does not offer it to customers")
    return Mailbox(
        name=row.name,
        display_name=_line(row.display_name, f"mailbox {row.name}", left_out),
        quota=row.quota or UNSET,
        enabled=UNSET if row.enabled is not False else False,
        forward_to=_targets(row.forward_to, f"mailbox {row.name}", left_out),
        forward_keep_copy=row.forward_keep_copy if row.forward_to else UNSET,
        eas=True if row.eas is True and may["eas"] else UNSET,
        mapi=True if row.mapi is True and may["mapi"] else UNSET,
    )


def _alias(row: Alias, left_out: list[str]) -> Alias:
    return Alias(
        name=row.name,
        targets=_targets(row.targets, f"alias {row.name}", left_out),
        display_name=_line(row.display_name, f"alias {row.name}", left_out),
        allow_sending=row.allow_sending or UNSET,
        hide_from_gal=row.hide_from_gal or UNSET,
        internal_only=row.internal_only or UNSET,
    )


def _sayable(name: str, kind: str, left_out: list[str]) -> bool:
    try:
        return local_part(name) == name
    except BadName as e:
        left_out.append(f"{kind} {name!r}: {e}")
        return False


def _line(text: str | Unset, whose: str, left_out: list[str]) -> str | Unset:
    """A display name, if there is one and a file can hold it."""
    if isinstance(text, Unset) or not text:
        return UNSET
    if text.isprintable():
        return text
    left_out.append(f"{whose}: its display name holds characters that a file cannot")
    return UNSET


def _targets(targets: tuple[str, ...] | Unset, whose: str, left_out: list[str]) -> tuple[str, ...] | Unset:
    """Targets, if there are any and a file can hold all of them; else the field is left unmanaged."""
    if isinstance(targets, Unset) or not targets:
        return UNSET
    for target in targets:
        try:
            address(target, "")
        except BadName as e:
            left_out.append(f"{whose}: its target {target!r} cannot be written in a file: {e}")
            return UNSET
    return targets


def _schema(root: Path) -> str:
    """The schema for the modeline: the workspace's own copy, or the one beside it."""
    beside = not (root / "schemas").is_dir() and (root.parent / "schemas").is_dir()
    return f"{'../../' if beside else '../'}schemas/domain.schema.json"
