"""Decode JSON into the core's values. Pure. An absent key means "unknown", never "empty" (API reference section 11)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.core.errors import IncompleteRead, UnexpectedAnswer
from reconciler.core.model import UNSET, Alias, Mailbox, MailboxFacts, Unset
from reconciler.core.names import BadName, address
from reconciler.smartermail.codec.scalars import (
    Fields,
    canonical_domain,
    flag,
    number,
    text,
    timestamp,
    without_surrogates,
)
from reconciler.smartermail.transport.redact import clean

USER, DOMAIN_ADMIN, ALIAS = 0, 1, 4
"""`accountType` of account rows (API reference section 5.1 B)."""


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A mailbox, as far as one answer describes it.

    Attributes:
        admin_known: whether the answer shows if the mailbox administers the domain.
    """

    mailbox: Mailbox
    admin_known: bool

    @property
    def is_complete(self) -> bool:
        """Whether the answer contains all that lists of users usually contain."""
        m = self.mailbox
        return self.admin_known and not any(isinstance(v, Unset) for v in (m.display_name, m.quota, m.enabled))


def rows(answer: Fields, key: str, where: str, *, null_is_empty: bool = False) -> list[Fields]:
    """The rows of a list.

    Args:
        null_is_empty: null and "" mean an empty list, as for `gridInfo` and `domainAliasData` (section 1.4, 6.1).

    Raises:
        UnexpectedAnswer: the list is missing, or a row is not an object.
    """
    if key not in answer:
        raise UnexpectedAnswer(f"{where}: the answer has no {key}")
    value = answer[key]
    if null_is_empty and value in (None, ""):
        return []
    if not isinstance(value, list):
        raise UnexpectedAnswer(f"{where}: {key} must be a list, not {type(value).__name__}")
    if not all(isinstance(row, dict) for row in value):
        raise UnexpectedAnswer(f"{where}: {key} contains rows that are not objects")
    return value


def row_name(row: Fields, domain: str, where: str, *keys: str) -> str:
    """The canonical local part of a row.

    Raises:
        UnexpectedAnswer: the row has no name.
        IncompleteRead: the row belongs to another domain.
    """
    name = next((v for k in keys if isinstance(v := row.get(k), str) and v), None)
    email = row.get("emailAddress")
    if name is None:
        name = email if isinstance(email, str) and email else None
    if name is None:
        raise UnexpectedAnswer(f"{where}: a row has no name ({' or '.join(keys)})")
    if not isinstance(email, str) or "@" not in email:
        email = name
    # A server that mixes up domains must stop the read, before anything is compared with the files.
    host = email.rpartition("@")[2] if "@" in email else domain
    if canonical_domain(host) != domain:
        raise IncompleteRead(
            f"{where}: a row belongs to {clean(host)}, not to {domain}",
            hint="run the command again; if the error remains, check the server; nothing was changed",
        )
    return without_surrogates(name.rpartition("@")[0].lower() if "@" in name else name.lower())


def canonical_targets(values: Sequence[object], domain: str, where: str) -> tuple[str, ...]:
    """Targets as sorted canonical addresses. A bare name gets the domain; an invalid address is kept in lower case."""
    found: set[str] = set()
    for value in values:
        if not isinstance(value, str):
            raise UnexpectedAnswer(f"{where}: a target must be a string, not {type(value).__name__}")
        try:
            found.add(address(value, domain))
        except BadName:
            found.add(without_surrogates(value.lower()))
    return tuple(sorted(found))


def account(row: Fields, name: str, where: str) -> AccountRow:
    """A mailbox from a row of list-users or account-list-search, or from `userData` (sections 5.1 and 5.2)."""
    flags = row.get("securityFlags")
    flags = flags if isinstance(flags, dict) else {}
    disabled = flag(flags, "isDisabled", where)
    enabled = flag(row, "isEnabled", where) if isinstance(disabled, Unset) else not disabled
    admin = flag(flags, "isDomainAdmin", where)
    # Rows of the account search have no `securityFlags`; their account type shows the same.
    kind = row.get("accountType")
    if isinstance(admin, Unset) and kind in (USER, DOMAIN_ADMIN):
        admin = kind == DOMAIN_ADMIN
    primary = flag(row, "isPrimaryDomainAdmin", where)
    quota = number(row, "maxMailboxSize", where)
    usage = number(row, "currentMailboxSize", where)
    if usage is None:
        usage = number(row, "totalMailboxSize", where)
    # list-users and userData name it `fullName`, the account search `displayName`.
    display = text(row, "fullName", where)
    if isinstance(display, Unset):
        display = text(row, "displayName", where)
    mailbox = Mailbox(
        name=name,
        display_name=display,
        quota=UNSET if quota is None or quota < 0 else quota,
        enabled=enabled,
        facts=MailboxFacts(
            usage_bytes=usage,
            last_login=timestamp(row.get("lastLoginTime", row.get("lastLogin"))),
            is_admin=admin is True or primary is True,
            is_primary_admin=primary is True,
        ),
    )
    return AccountRow(mailbox, admin_known=not isinstance(admin, Unset))


def as_admin(mailbox: Mailbox, *, primary: bool) -> Mailbox:
    """The mailbox, marked as an administrator of the domain."""
    facts = replace(mailbox.facts, is_admin=True, is_primary_admin=primary or mailbox.facts.is_primary_admin)
    return replace(mailbox, facts=facts)


def alias(row: Fields, name: str, domain: str, where: str) -> Alias:
    """An alias from a row of `aliases` or from the single object (sections 6.1 and 6.2)."""
    # Rows have `targets`, single objects `aliasTargetList`; older builds use the latter in rows too.
    listed = row.get("targets")
    if listed is None:
        listed = row.get("aliasTargetList")
    if listed is not None and not isinstance(listed, list):
        raise UnexpectedAnswer(f"{where}: the targets of {clean(name)} must be a list, not {type(listed).__name__}")
    return Alias(
        name=name,
        targets=UNSET if listed is None else canonical_targets(listed, domain, where),
        display_name=text(row, "displayName", where),
        allow_sending=flag(row, "allowSending", where),
        hide_from_gal=flag(row, "hideFromGAL", where),
        internal_only=flag(row, "internalOnly", where),
    )


def carries_flags(found: Alias) -> bool:
    """Whether a decoded alias includes its display name and all its flags."""
    values = (found.display_name, found.allow_sending, found.hide_from_gal, found.internal_only)
    return not any(isinstance(v, Unset) for v in values)


def forwarding(answer: Fields, domain: str, where: str) -> tuple[tuple[str, ...] | Unset, bool | Unset]:
    """The targets of a `mailboxForwardList`, and whether the mailbox keeps a copy (section 5.8)."""
    fields = inner(answer, "mailboxForwardList", where)
    listed = fields.get("forwardList")
    if listed is not None and not isinstance(listed, list):
        raise UnexpectedAnswer(f"{where}: forwardList must be a list, not {type(listed).__name__}")
    deletes = flag(fields, "deleteOnForward", where)
    return (
        UNSET if listed is None else canonical_targets(listed, domain, where),
        deletes if isinstance(deletes, Unset) else not deletes,
    )


def inner(answer: Fields, key: str, where: str) -> Fields:
    """The object under a key of the answer.

    Raises:
        UnexpectedAnswer: the key is missing or not an object.
    """
    value = answer.get(key)
    if not isinstance(value, dict):
        raise UnexpectedAnswer(f"{where}: the answer has no {key}")
    return value


# Merging of several answers about one object: no value that only one of them contains is lost. Pure.


def with_activations(mailbox: Mailbox, activated: Mapping[str, Mapping[str, bool | None]]) -> Mailbox:
    """The mailbox with the EAS and MAPI activations that were read. A protocol that was not read stays unknown."""
    changes: dict[str, bool | Unset] = {}
    for protocol, names in activated.items():
        value = names.get(mailbox.name, False)
        changes[protocol] = UNSET if value is None else value
    return replace(mailbox, **changes) if changes else mailbox  # type: ignore[arg-type]  # eas and mapi only


def merged(row: AccountRow, single: AccountRow) -> AccountRow:
    """The row of a list, merged with the object that was read alone. The single object has priority."""
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
    """An alias that was read alone, with the missing values taken from its row in the list."""

    def one(name: str) -> object:
        value = getattr(single, name)
        return getattr(row, name) if isinstance(value, Unset) else value

    names = ("targets", "display_name", "allow_sending", "hide_from_gal", "internal_only")
    return replace(row, **{name: one(name) for name in names})  # type: ignore[arg-type]  # fields of Alias
