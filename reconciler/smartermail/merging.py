"""One thing told by several answers: put together without losing what only one of them tells. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from reconciler.core.model import UNSET, Alias, Mailbox, Unset
from reconciler.smartermail.wire import AccountRow


def with_activations(mailbox: Mailbox, activated: Mapping[str, Mapping[str, bool | None]]) -> Mailbox:
    """The mailbox with the seats that were read; a protocol that is not among them stays unknown."""
    changes: dict[str, bool | Unset] = {}
    for protocol, names in activated.items():
        value = names.get(mailbox.name, False)
        changes[protocol] = UNSET if value is None else value
    return replace(mailbox, **changes) if changes else mailbox  # type: ignore[arg-type]  # eas and mapi only


def merged(row: AccountRow, single: AccountRow) -> AccountRow:
    """What the row tells, completed by the single object."""
    a, b = row.mailbox, single.mailbox
    facts = replace(
        b.facts,
        usage_bytes=b.facts.usage_bytes if b.facts.usage_bytes is not None else a.facts.usage_bytes,
        last_login=b.facts.last_login or a.facts.last_login,
        is_admin=a.facts.is_admin or b.facts.is_admin,
        is_primary_admin=a.facts.is_primary_admin or b.facts.is_primary_admin,
    )
    merged = replace(
        b,
        display_name=a.display_name if isinstance(b.display_name, Unset) else b.display_name,
        quota=a.quota if isinstance(b.quota, Unset) else b.quota,
        enabled=a.enabled if isinstance(b.enabled, Unset) else b.enabled,
        facts=facts,
    )
    return AccountRow(merged, admin_known=row.admin_known or single.admin_known)


def filled(row: Alias, single: Alias) -> Alias:
    """What the single object tells, completed by the row."""

    def one(name: str) -> object:
        value = getattr(single, name)
        return getattr(row, name) if isinstance(value, Unset) else value

    names = ("targets", "display_name", "allow_sending", "hide_from_gal", "internal_only")
    return replace(row, **{name: one(name) for name in names})  # type: ignore[arg-type]  # fields of Alias
