"""Checks the names of one file: declarations, removals and renames must agree, and the file name must be the domain."""

from collections.abc import Iterator

from reconciler.config.document.builder import shown
from reconciler.config.semantics.domain_files import DomainFile
from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.kinds import BY_NAME, KINDS, Kind
from reconciler.core.model import DesiredDomain, KindName, Removal, Renaming, Unset
from reconciler.core.names import BadName, display_domain, domain_name
from reconciler.core.source import Span
from reconciler.core.workspace import Policy


def check_names(file: DomainFile, policy: Policy) -> Iterator[Diagnostic]:
    """NAM003, NAM005, NAM006, REF005 and REF006 of one decoded file."""
    desired = file.desired
    if desired is None:
        return
    yield from _file_name(file, desired)
    yield from _mailbox_and_alias(desired)
    removed = {(r.kind, r.name): r for r in desired.removed}
    for removal in desired.removed:
        if _origin(desired, removal.kind, removal.name):
            yield _declared_and_removed(desired, removal)
    yield from _renames(desired, removed)
    for kind in KINDS:
        yield from _ignored(desired, kind, policy)


def _file_name(file: DomainFile, desired: DesiredDomain) -> Iterator[Diagnostic]:
    # Compared in canonical form: the file may be named with letters or with A-labels.
    try:
        if domain_name(file.stem) == desired.domain:
            return
    except BadName:
        pass
    name = display_domain(desired.domain)
    text = f"the file name is {shown(file.stem)}, but the domain is {name}"
    yield error("NAM003", text, desired.origin, hint=f"rename the file to {name}.yaml, or correct `domain`")


def _mailbox_and_alias(desired: DesiredDomain) -> Iterator[Diagnostic]:
    if isinstance(desired.mailboxes, Unset) or isinstance(desired.aliases, Unset):
        return
    # One address cannot be both; which one gets the mail would depend on the server.
    for name in sorted(desired.mailboxes.keys() & desired.aliases.keys()):
        place = desired.mailboxes[name].origin
        text = f"{name} is both an alias and a mailbox ({place}), but an address can be only one of them"
        hint = "remove one of them; to keep a mailbox and forward its mail, add `forwarding` to the mailbox"
        yield error("NAM005", text, desired.aliases[name].origin, hint=hint)


def _origin(desired: DesiredDomain, kind: KindName, name: str) -> Span | None:
    """The location of a declaration; None if the resource is not declared."""
    declared = desired.section(kind)
    if isinstance(declared, Unset) or name not in declared:
        return None
    return declared[name].origin


def _declared_and_removed(desired: DesiredDomain, removal: Removal) -> Diagnostic:
    place = _origin(desired, removal.kind, removal.name)
    text = f"{_title(removal.kind)} {removal.name} is in `removed`, but it is declared too ({place})"
    return error("NAM006", text, removal.origin, hint="delete one of the two entries")


def _renames(desired: DesiredDomain, removed: dict[tuple[KindName, str], Removal]) -> Iterator[Diagnostic]:
    olds = {(r.kind, r.old): r for r in desired.renamed}
    news: dict[tuple[KindName, str], Renaming] = {}
    for renaming in desired.renamed:
        kind, old, new = renaming.kind, renaming.old, renaming.new
        # Conflicts come first: an undeclared new name is often only their consequence.
        conflict = _rename_conflict(desired, renaming, olds, news, removed)
        if conflict:
            text = f"{_title(kind)} {old} cannot be renamed to {new}: {conflict}"
            yield error(
                "NAM006",
                text,
                renaming.origin,
                hint="delete one of the two entries: the file may use an old name only in `renamed`",
            )
        elif not _origin(desired, kind, new):
            text = f"{_title(kind)} {old} is renamed to {new}, which is not declared under `{BY_NAME[kind].section}`"
            yield error("REF005", text, renaming.origin, hint=f"declare {new}, for example as `{new}: {{}}`")
        # Only the later one of two equal new names is reported, with the location of the first.
        news.setdefault((kind, new), renaming)


def _rename_conflict(
    desired: DesiredDomain,
    renaming: Renaming,
    olds: dict[tuple[KindName, str], Renaming],
    news: dict[tuple[KindName, str], Renaming],
    removed: dict[tuple[KindName, str], Removal],
) -> str:
    """How a rename contradicts the rest of the file; empty if it does not."""
    kind, old, new = renaming.kind, renaming.old, renaming.new
    if old == new:
        return "the two names are the same"
    # A declared old name would be created again after the rename.
    if declared := _origin(desired, kind, old):
        return f"{old} is still declared ({declared})"
    if (kind, old) in removed:
        return f"{old} is also in `removed` ({removed[kind, old].origin})"
    # A removed name that is declared again is reported as declared and removed.
    if (kind, new) in removed and not _origin(desired, kind, new):
        return f"{new} is in `removed` ({removed[kind, new].origin})"
    if (kind, new) in olds:
        return f"{new} is itself renamed ({olds[kind, new].origin})"
    if (kind, new) in news:
        return f"{news[kind, new].old} is renamed to {new} too ({news[kind, new].origin})"
    return ""


def _ignored(desired: DesiredDomain, kind: Kind, policy: Policy) -> Iterator[Diagnostic]:
    declared = desired.section(kind.name)
    if isinstance(declared, Unset) or not policy.ignore.get(kind.name):
        return
    for name, resource in declared.items():
        # Without this error, a change of the declaration would silently have no effect.
        if policy.ignores(kind.name, name):
            text = f"{kind.title} {name} is declared, but the workspace's policy ignores it, so `apply` skips it"
            hint = f"remove it from the file, or narrow `policy.ignore.{kind.section}` in reconciler.yaml"
            yield error("REF006", text, resource.origin, hint=hint)


def _title(kind: KindName) -> str:
    return BY_NAME[kind].title
