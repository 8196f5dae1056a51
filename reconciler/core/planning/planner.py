"""Compares desired and current state and plans the changes: a pure function.

Resources are matched by kind and name. The planner changes only declared resources and managed fields; it deletes only
removed ones, and unmanaged ones if the domain is pruned.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from shlex import quote
from types import MappingProxyType

from reconciler.core.diagnostics import Diagnostic, error, info, sort_diagnostics, warning
from reconciler.core.guards.domain import objections
from reconciler.core.guards.names import rename_refused
from reconciler.core.guards.projected import inside
from reconciler.core.guards.targets import external_targets
from reconciler.core.kinds import BY_NAME, KINDS, PASSWORD, Kind, Risk
from reconciler.core.model import CurrentDomain, DesiredDomain, KindName, Mailbox, Removal, Resource, Unset, Value
from reconciler.core.ownership import Protection, administers, is_hosts_own, protection
from reconciler.core.plan import Change, FieldChange, Plan, Unmanaged
from reconciler.core.planning.order import sort_changes
from reconciler.core.product import Limits
from reconciler.core.secret import SecretRef
from reconciler.core.source import Span
from reconciler.core.workspace import Policy


def field_changes(kind: Kind, desired: Resource, current: Resource) -> tuple[tuple[FieldChange, ...], tuple[str, ...]]:
    """The managed fields that differ, and the names of managed fields that were not read.

    A field that is UNSET on the desired side is not managed: it is neither compared nor written. A managed field that
    is UNSET on the current side could not be read: it may be equal or not.
    """
    changes: list[FieldChange] = []
    unread: list[str] = []
    for spec in kind.fields:
        after: Value | Unset = getattr(desired, spec.attribute)
        if isinstance(after, Unset):
            continue
        before: Value | Unset = getattr(current, spec.attribute)
        if isinstance(before, Unset):
            unread.append(spec.name)
        elif before != after:
            changes.append(FieldChange(name=spec.name, before=before, after=after))
    return tuple(changes), tuple(unread)


def creation_fields(kind: Kind, desired: Resource) -> tuple[FieldChange, ...]:
    """The managed fields of a new resource."""
    return tuple(
        FieldChange(name=spec.name, after=after)
        for spec in kind.fields
        if not isinstance(after := getattr(desired, spec.attribute), Unset)
    )


def risk_of(change: Change, internal_domains: frozenset[str], policy: Policy) -> Risk:
    """The worst effect that a change can have on mail and access; reviewers see it first.

    A new mailbox gives no access to existing mail, so it has no risk. Every change of an administrator of the domain
    has the risk "access".
    """
    if change.action == "delete" and change.kind == "mailbox":
        return "mail-loss"
    if external_targets(change, internal_domains, policy):
        return "exfiltration"
    if change.action in ("rename", "update"):
        specs = {f.name: f.risk for f in BY_NAME[change.kind].fields} | {PASSWORD: "access"}
        if change.action == "rename" or (change.current is not None and administers(change.current)):
            return "access"
        if any(specs[f.name] == "access" for f in change.fields):
            return "access"
    return "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """The options of a plan, in addition to files and server.

    Attributes:
        today: the day for `purgeAfter`.
        prune: delete unmanaged resources in every declared section.
        targets: `kind:address` keys; empty = all. Only these resources change.
        password_versions: address -> the highest version that is known to have been set.
        base_versions: address -> the version in the file of the base commit. That file may never have been applied, so
            it is only an upper bound, for addresses that `password_versions` lacks.
        set_passwords: addresses whose password is set regardless of its version.
        internal_domains: domains (and their aliases) of the workspace; other targets are external.
        protected_before: local part of each mailbox that was `protect: true` before this change of the files -> the
            source, as text (`in main`, `in the last apply`). This protection outlives the deleted line.
        deletions_allowed: True if `--allow-deletions` replaces `policy.maxDeletions`.
    """

    today: date
    prune: bool = False
    targets: frozenset[str] = frozenset()
    password_versions: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    base_versions: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    set_passwords: frozenset[str] = frozenset()
    internal_domains: frozenset[str] = frozenset()
    protected_before: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    deletions_allowed: bool = False


def plan_domain(
    desired: DesiredDomain, current: CurrentDomain, policy: Policy, limits: Limits, options: PlanOptions
) -> Plan:
    """The plan that makes `current` match `desired`; the errors of the guards are in its diagnostics.

    A managed field that was not read makes the plan incomplete: it then has no changes.
    """
    draft = _Draft(desired, current, policy, options)
    for kind in KINDS:
        draft.kind(kind)
    changes = [c for c in draft.changes if _wanted(c, options.targets)]
    if draft.unread:
        found = sort_diagnostics((*draft.diagnostics, *draft.unread))
        return Plan(domain=desired.domain, server=desired.server, diagnostics=found, complete=False)
    # Domain aliases of this plan count as internal only after they are selected: `--target` may leave them out.
    internal = inside(changes, current, options.internal_domains)
    changes = [replace(c, risk=risk_of(c, internal, policy)) for c in changes]
    found = (
        *draft.diagnostics,
        *objections(
            changes,
            desired,
            current,
            policy,
            limits,
            internal,
            deletions_allowed=options.deletions_allowed,
            protected_before=options.protected_before,
        ),
    )
    return Plan(
        domain=desired.domain,
        server=desired.server,
        changes=sort_changes(changes, current, _room(current)),
        unmanaged=tuple(sorted(draft.unmanaged)),
        diagnostics=sort_diagnostics(found),
        left_out=len(draft.changes) - len(changes),
    )


class _Draft:
    """Collects the changes of one domain during one call of `plan_domain`."""

    def __init__(self, desired: DesiredDomain, current: CurrentDomain, policy: Policy, options: PlanOptions) -> None:
        self.desired, self.current, self.policy, self.options = desired, current, policy, options
        self.changes: list[Change] = []
        self.unmanaged: list[Unmanaged] = []
        self.diagnostics: list[Diagnostic] = []
        self.unread: list[Diagnostic] = []

    def kind(self, kind: Kind) -> None:
        """All changes of one kind."""
        # Renames come first: all later steps see the resources under their new names.
        there = self._renamed(kind, dict(self.current.section(kind.name)))
        declared = self.desired.section(kind.name)
        if not isinstance(declared, Unset):
            for name in sorted(declared):
                if not self.policy.ignores(kind.name, name):
                    self._declared(kind, declared[name], there.get(name))
        removed = {r.name: r for r in self.desired.removed if r.kind == kind.name}
        for name in sorted(removed.keys() & there.keys()):
            if not isinstance(declared, Unset) and name in declared:
                text = f"{kind.title} {name} is both declared and removed"
                hint = "delete one of the two entries"
                self.diagnostics.append(error("NAM006", text, removed[name].origin, hint=hint))
            else:
                self._removed(kind, removed[name], there[name])
        if not isinstance(declared, Unset):
            for name in sorted(there.keys() - declared.keys() - removed.keys()):
                self._undeclared(kind, there[name])

    def _change(self, kind: Kind, resource: Resource, **more: object) -> Change:
        facts = resource.facts if isinstance(resource, Mailbox) else None
        base = Change(
            action="update",
            kind=kind.name,
            domain=self.desired.domain,
            name=resource.name,
            usage_bytes=facts.usage_bytes if facts else None,
            last_login=facts.last_login if facts else None,
            current=None if more.get("action") == "create" else resource,
        )
        return replace(base, **more)  # type: ignore[arg-type]  # keywords of Change, checked by its constructor

    def _renamed(self, kind: Kind, there: dict[str, Resource]) -> dict[str, Resource]:
        """Plans the renames, and returns the resources under their new names."""
        for renaming in self.desired.renamed:
            if renaming.kind != kind.name or renaming.old not in there:
                continue
            before = self.options.protected_before
            refusal = rename_refused(self.desired, self.current, self.policy, renaming, before)
            if refusal is not None:
                self.diagnostics.append(refusal)
                continue
            old = there.pop(renaming.old)
            more = {"new_name": renaming.new, "reason": "renamed", "origin": renaming.origin}
            self.changes.append(self._change(kind, old, action="rename", **more))
            there[renaming.new] = replace(old, name=renaming.new)
        return there

    def _declared(self, kind: Kind, desired: Resource, current: Resource | None) -> None:
        if current is None:
            fields = (*creation_fields(kind, desired), *self._first_password(desired))
            self.changes.append(self._change(kind, desired, action="create", fields=fields, origin=desired.origin))
            return
        fields, unread = field_changes(kind, desired, current)
        for name in unread:
            self._not_read(kind, desired.name, name, desired.origin)
        fields = (*fields, *self._next_password(desired))
        if fields:
            self.changes.append(self._change(kind, current, fields=fields, origin=desired.origin))

    def _not_read(self, kind: Kind, name: str, field_name: str, origin: Span | None) -> None:
        address = _address(kind.name, name, self.desired.domain)
        text = f"{kind.title} {address}: the file manages {field_name}, but the server did not return it"
        hint = "remove the field from the file, or check whether this server supports it"
        self.unread.append(error("GRD006", text, origin, hint=hint))

    def _removed(self, kind: Kind, removal: Removal, current: Resource) -> None:
        guard = self._protection(kind, current)
        if guard is not None:
            self._not_deleted(kind, current, guard, removal.origin)
            return
        # The date itself counts: `purgeAfter: 2026-12-31` deletes on that day.
        if removal.purge_after is None or self.options.today >= removal.purge_after:
            self.changes.append(self._change(kind, current, action="delete", reason="removed", origin=removal.origin))
            return
        self._waiting(kind, removal, removal.purge_after, current)

    def _protection(self, kind: Kind, current: Resource) -> Protection | None:
        return protection(self.policy, self.desired, kind.name, current, self.options.protected_before)

    def _not_deleted(self, kind: Kind, current: Resource, guard: Protection, origin: Span | None) -> None:
        address = _address(kind.name, current.name, self.desired.domain)
        text = f"cannot delete {kind.title} {address}: {guard.reason}"
        self.diagnostics.append(error(guard.code, text, origin, hint=guard.hint))

    def _waiting(self, kind: Kind, removal: Removal, day: date, current: Resource) -> None:
        """A removal before its date: a mailbox is disabled until then, other resources stay unchanged."""
        disabled = isinstance(current, Mailbox)
        if isinstance(current, Mailbox) and isinstance(current.enabled, Unset):
            self._not_read(kind, current.name, "enabled", removal.origin)
        # The waiting period protects against mistakes: the mail still exists if somebody objects in time.
        elif isinstance(current, Mailbox) and current.enabled:
            self.changes.append(
                self._change(
                    kind,
                    current,
                    reason="purge pending",
                    fields=(FieldChange(name="enabled", before=True, after=False),),
                    purge_after=day.isoformat(),
                    origin=removal.origin,
                )
            )
        address = _address(kind.name, current.name, self.desired.domain)
        until = "it is disabled until then" if disabled else "it stays until then"
        text = f"the first apply on or after {day} deletes {kind.title} {address}; {until}"
        self.diagnostics.append(info("GRD009", text, removal.origin))

    def _undeclared(self, kind: Kind, current: Resource) -> None:
        # Neither is listed as unmanaged: the workspace does not decide about these resources.
        if is_hosts_own(current) or self.policy.ignores(kind.name, current.name):
            return
        pruned = self.options.prune or self.policy.prune.get(kind.name, False)
        # The source of a refused rename must not be pruned: its owner wants to keep it under another name.
        kept = any(r.kind == kind.name and r.old == current.name for r in self.desired.renamed)
        if pruned and not kept:
            guard = self._protection(kind, current)
            if guard is None:
                self.changes.append(
                    self._change(kind, current, action="delete", reason="pruned", origin=self.desired.origin)
                )
                return
            # The author deleted the line to delete the mailbox, so the plan must report that it stays. Other protected
            # resources were never declared: they are unmanaged as before, and a message in each plan would be noise.
            if guard.code == "GRD010":
                self._not_deleted(kind, current, guard, self.desired.origin)
        self.unmanaged.append(Unmanaged(kind.name, _address(kind.name, current.name, self.desired.domain)))

    def _first_password(self, desired: Resource) -> tuple[FieldChange, ...]:
        """A new mailbox always gets a password: the referenced one, or a generated one that is delivered once."""
        if not isinstance(desired, Mailbox):
            return ()
        ref = SecretRef("generate") if isinstance(desired.password, Unset) else desired.password
        return (FieldChange(name=PASSWORD, secret=ref),)

    def _next_password(self, desired: Resource) -> tuple[FieldChange, ...]:
        """The password of an existing mailbox is set only after its version was raised, or with `--set-password`.

        Servers do not return passwords, so the version in the journal is the only evidence of the current one.
        """
        if not isinstance(desired, Mailbox) or isinstance(desired.password, Unset):
            return ()
        address = _address("mailbox", desired.name, self.desired.domain)
        known = self._version_in(self.options.password_versions, desired.name)
        highest = self._version_in(self.options.base_versions, desired.name) if known is None else known
        if address in self.options.set_passwords or (highest is not None and desired.password.version > highest):
            return (FieldChange(name=PASSWORD, secret=desired.password),)
        if known is None and desired.password.version > 1:
            self.diagnostics.append(
                warning(
                    "SEC005",
                    f"mailbox {address}: neither a journal nor a base commit shows whether version "
                    f"{desired.password.version} of its password was set; the password is not changed",
                    desired.origin,
                    hint=f"pass --set-password {quote(address)} to set it now",
                )
            )
        return ()

    def _version_in(self, versions: Mapping[str, int], name: str) -> int | None:
        """The version of a mailbox's password, also if it is known only under the mailbox's old name."""
        names = (name, *(r.old for r in self.desired.renamed if r.kind == "mailbox" and r.new == name))
        known = (versions.get(_address("mailbox", n, self.desired.domain)) for n in names)
        return next((version for version in known if version is not None), None)


def _wanted(change: Change, targets: frozenset[str]) -> bool:
    """Whether a change is among the targets; a rename matches with either of its names."""
    # A user may know a renamed resource by either name, and its update has the new one.
    after = replace(change, name=change.new_name or change.name)
    return not targets or change.key in targets or after.key in targets


def _address(kind: KindName, name: str, domain: str) -> str:
    return name if kind == "domainAlias" else f"{name}@{domain}"


def _room(current: CurrentDomain) -> dict[KindName, int]:
    """How many more resources of each kind the server's limits allow; kinds without a known limit are absent.

    The host's own account is counted, although it is unknown whether the server counts it (API reference section 10,
    no. 15): an early deletion does no harm, but an early creation fails.
    """
    limits = current.limits
    rows: dict[KindName, int | None] = {
        "mailbox": limits.mailboxes,
        "alias": limits.aliases,
        "domainAlias": limits.domain_aliases,
    }
    return {kind: limit - len(current.section(kind)) for kind, limit in rows.items() if limit}
