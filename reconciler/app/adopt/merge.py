"""The edits that bring an existing file to the current state of the server, with a text for each."""

from collections.abc import Mapping

from reconciler.app.adopt.declare import declared, importable, shown_value, unsayable
from reconciler.config.edit.domain_file import AddResource, DropField, DropResource, Edit, EditNote, SetField
from reconciler.core.kinds import KINDS, Kind
from reconciler.core.model import CurrentDomain, DesiredDomain, Mailbox, Resource, Unset
from reconciler.core.product import Product
from reconciler.core.workspace import Policy, Role


class Merge:
    """The edits for one domain.

    Declared resources get the server's values in the fields that the file manages. In the sections that it has, new
    resources are declared, and declarations of resources that the server does not have are removed. Passwords,
    protection, `removed`, `renamed` and `dns` stay, and so do declarations that depend on them.

    Attributes:
        notes: a text for each change, and for each part that stays unchanged, with the reason.
        left_out: a text for each property of the server that a file cannot express.
    """

    def __init__(
        self, desired: DesiredDomain, current: CurrentDomain, product: Product | None, role: Role, policy: Policy
    ) -> None:
        self.desired, self.current, self.policy = desired, current, policy
        self.product, self.role = product, role
        self.edits: list[Edit] = []
        self.notes: list[str] = []
        self.left_out: list[str] = []
        for kind in KINDS:
            self._section(kind)
        self.edits += [EditNote(text) for text in self.left_out]

    def _section(self, kind: Kind) -> None:
        rows = self.desired.section(kind.name)
        live = importable(kind.name, self.current, self.policy)
        if isinstance(rows, Unset):
            if live:
                self.notes.append(f"{kind.section}: not in the file, so not managed; the server has {len(live)}")
            return
        there = self.current.section(kind.name)
        pending = self._pending(kind, rows, there)
        for name in sorted(rows):
            # Until a rename is done, the object has its old name.
            row = there.get(name) or there.get(pending.get(name, ""))
            if row is None:
                self._gone(kind, rows[name])
            elif row.name != name or rows[name] != row:
                self._fields(kind, rows[name], row)
        removed = {r.name for r in self.desired.removed if r.kind == kind.name}
        for name in sorted(removed & live.keys()):
            self.notes.append(f"{kind.title} {name} is still on the server, so it stays under `removed`")
        # An object that is to be removed or renamed is not new.
        known = rows.keys() | removed | set(pending.values())
        self._new(kind, {name: row for name, row in live.items() if name not in known})

    def _pending(self, kind: Kind, rows: Mapping[str, Resource], there: Mapping[str, Resource]) -> dict[str, str]:
        """New name -> old name, for renames that are not done yet."""
        found: dict[str, str] = {}
        for one in self.desired.renamed:
            if one.kind == kind.name and one.old in there:
                self.notes.append(
                    f"{kind.title} {one.old} is not renamed to {one.new} yet, so it stays under `renamed`"
                )
                if one.new in rows and one.new not in there:
                    found[one.new] = one.old
        return found

    def _gone(self, kind: Kind, resource: Resource) -> None:
        name = resource.name
        why = kept_though_gone(self.desired, kind, resource)
        if why:
            self.notes.append(f"{kind.title} {name} is not on the server, but {why}: it stays declared")
            return
        self.edits.append(DropResource(kind=kind.name, name=name))
        self.notes.append(f"{kind.title} {name} is not on the server: declaration removed")

    def _fields(self, kind: Kind, resource: Resource, row: Resource) -> None:
        for spec in kind.fields:
            was, now = getattr(resource, spec.attribute), getattr(row, spec.attribute)
            if isinstance(was, Unset) or isinstance(now, Unset) or was == now:
                continue
            title, domain = f"{kind.title} {resource.name}", self.desired.domain
            why = unsayable(spec.name, now, self.product, self.role)
            before = shown_value(spec.name, was, domain)
            if why:
                self.left_out.append(f"{title}: {why}")
                # A value that the file cannot hold must not stay there with its old content.
                self.edits.append(DropField(kind=kind.name, name=resource.name, field=spec.name))
                self.notes.append(f"{title}: {spec.name} {before} is no longer managed: {why}")
            else:
                self.edits.append(SetField(kind=kind.name, name=resource.name, field=spec.name, value=now))
                self.notes.append(f"{title}: {spec.name} {before} -> {shown_value(spec.name, now, domain)}")

    def _new(self, kind: Kind, rows: Mapping[str, Resource]) -> None:
        if rows and kind.name == "domainAlias" and self.product and self.product.limits.domain_aliases == 0:
            self.left_out.append(f"domain aliases: the product allows none, the server has {len(rows)}")
            return
        for name, row in rows.items():
            made = declared(row, self.product, self.role, self.left_out)
            if made is not None:
                self.edits.append(AddResource(made))
                self.notes.append(f"{kind.title} {name} is new on the server: declared")


def kept_though_gone(desired: DesiredDomain, kind: Kind, resource: Resource) -> str:
    """Why a declaration stays although the server does not have the resource; empty if it can be removed."""
    if isinstance(resource, Mailbox) and resource.protect:
        return "it is protected"
    if any(r.kind == kind.name and r.new == resource.name for r in desired.renamed):
        return "it is the new name under `renamed`"
    return ""
