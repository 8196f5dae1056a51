"""Short builders of domains for tests."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from reconciler.core.model import (
    UNSET,
    Alias,
    CurrentDomain,
    DesiredDomain,
    DomainAlias,
    Mailbox,
    MailboxFacts,
    Removal,
    Renaming,
    ServerLimits,
)
from reconciler.core.plan import Change, Plan
from reconciler.core.planning.planner import PlanOptions, plan_domain
from reconciler.core.product import Limits
from reconciler.core.secret import SecretRef
from reconciler.core.source import Span
from reconciler.core.workspace import Policy

DOMAIN = "example.com"
TODAY = date(2026, 6, 15)
READ = {
    "display_name": "",
    "quota": 0,
    "enabled": True,
    "forward_to": (),
    "forward_keep_copy": True,
    "eas": False,
    "mapi": False,
}
READ_ALIAS = {
    "targets": (),
    "display_name": "",
    "allow_sending": False,
    "hide_from_gal": False,
    "internal_only": False,
}
ENV = SecretRef("env", "PW")


def at(name: str) -> str:
    """The address of a local part in the domain."""
    return name if "@" in name else f"{name}@{DOMAIN}"


def targets(*names: str) -> tuple[str, ...]:
    """Canonical targets."""
    return tuple(sorted(at(n) for n in names))


def box(name: str, **fields: Any) -> Mailbox:
    """A desired mailbox that manages only the given fields."""
    return Mailbox(name=name, **fields)


def read_box(name: str, **fields: Any) -> Mailbox:
    """A current mailbox with all fields read."""
    facts = {k: fields.pop(k) for k in ("usage_bytes", "last_login", "is_admin", "is_primary_admin") if k in fields}
    return Mailbox(name=name, **{**READ, **fields}, facts=MailboxFacts(**facts))


def alias(name: str, *to: str, **fields: Any) -> Alias:
    """A desired alias."""
    return Alias(name=name, targets=targets(*to) if to else UNSET, **fields)


def read_alias(name: str, *to: str, **fields: Any) -> Alias:
    """A current alias with all fields read."""
    return Alias(name=name, **{**READ_ALIAS, "targets": targets(*to), **fields})


def by_name(resources: Iterable[Any]) -> dict[str, Any]:
    """Resources under their names."""
    return {r.name: r for r in resources}


def desired(
    mailboxes: Iterable[Mailbox] | None = None,
    aliases: Iterable[Alias] | None = None,
    domain_aliases: Iterable[str] | None = None,
    *,
    removed: Iterable[Removal] = (),
    renamed: Iterable[Renaming] = (),
) -> DesiredDomain:
    """A domain file; None = the section is absent."""
    return DesiredDomain(
        domain=DOMAIN,
        server="mail1",
        mailboxes=UNSET if mailboxes is None else by_name(mailboxes),
        aliases=UNSET if aliases is None else by_name(aliases),
        domain_aliases=UNSET if domain_aliases is None else {n: DomainAlias(name=n) for n in domain_aliases},
        removed=tuple(removed),
        renamed=tuple(renamed),
        origin=Span("domains/example.com.yaml"),
    )


def current(
    mailboxes: Iterable[Mailbox] = (),
    aliases: Iterable[Alias] = (),
    domain_aliases: Iterable[str] = (),
    limits: ServerLimits | None = None,
) -> CurrentDomain:
    """The current state of the domain on a server."""
    return CurrentDomain(
        domain=DOMAIN,
        mailboxes=by_name(mailboxes),
        aliases=by_name(aliases),
        domain_aliases={n: DomainAlias(name=n) for n in domain_aliases},
        limits=limits or ServerLimits(),
    )


def gone(name: str, kind: Any = "mailbox", purge_after: date | None = None) -> Removal:
    """An entry of `removed`."""
    return Removal(kind=kind, name=name, purge_after=purge_after)


def rename(old: str, new: str, kind: Any = "mailbox") -> Renaming:
    """An entry of `renamed`."""
    return Renaming(kind=kind, old=old, new=new)


def plan(
    wanted: DesiredDomain,
    there: CurrentDomain,
    *,
    policy: Policy | None = None,
    limits: Limits | None = None,
    **options: Any,
) -> Plan:
    """Plans on TODAY with a policy without restrictions."""
    return plan_domain(
        wanted,
        there,
        policy or Policy(external_forwarding="allow"),
        limits or Limits(),
        PlanOptions(**{"today": TODAY, "internal_domains": frozenset({DOMAIN}), **options}),
    )


def said(made: Plan) -> list[str]:
    """The codes of a plan's diagnostics."""
    return [d.code for d in made.diagnostics]


def story(made: Plan) -> list[str]:
    """A plan's changes as `action key`, in order."""
    return [f"{c.action} {c.key}" for c in made.changes]


def only(made: Plan) -> Change:
    """The one change of a plan."""
    assert len(made.changes) == 1, story(made)
    return made.changes[0]


def fields_of(change: Change) -> dict[str, tuple[Any, Any]]:
    """Field name -> (before, after)."""
    return {f.name: (f.before, f.after) for f in change.fields}
