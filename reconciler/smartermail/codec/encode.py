"""Encode the core's values into bodies of writes. Pure. Values have the field names of `reconciler.core.kinds`."""

from collections.abc import Mapping

from reconciler.core.model import Value
from reconciler.core.secret import Secret
from reconciler.smartermail.codec.scalars import Fields

Body = dict[str, object]

_NEVER_SENT_BACK = frozenset(
    {
        "password",
        "tempPassword",
        "tempPasswordExpUtc",
        "sessionStr",
        "sessionId",
        "loaded",
        "accessToken",
        "refreshToken",
        "autoLoginToken",
    }
)
"""Secrets and session state in `userData`. The server returns them empty or masked; they must not be sent back
(section 11)."""

_ALIAS_KEYS = {
    "displayName": "displayName",
    "to": "aliasTargetList",
    "allowSending": "allowSending",
    "hideFromGal": "hideFromGAL",
    "internalOnly": "internalOnly",
}


def json_value(value: Value) -> object:
    """A value in a form that JSON can encode."""
    return list(value) if isinstance(value, tuple) else value


def new_user(name: str, values: Mapping[str, Value], password: Secret) -> tuple[Body, Body, Body]:
    """`userData`, `userMailSettings` and `forwardList` of user-put (section 5.4).

    Unmanaged fields are omitted, so that the domain's defaults for new users apply. A disabled mailbox is created
    enabled and disabled by a second request, because only that one keeps incoming mail enabled (section 5.6). If the
    second request is lost, the mailbox is visibly enabled, and the next run disables it.
    """
    user: Body = {"userName": name, "password": password.reveal(), "isPasswordExpired": False}
    user |= _account_fields(values)
    if "enabled" in values:
        user["securityFlags"] = {
            "authType": 0,
            "authenticatingWindowsDomain": None,
            "isDomainAdmin": False,
            "isDisabled": False,
        }
    if not forwards(values):
        return user, {}, {}
    mail: Body = {"enableMailForwarding": True} if values.get("forwarding.to") else {}
    return user, mail, forward_list({}, values)


def changed_user(current: Fields, values: Mapping[str, Value], password: Secret | None) -> Body:
    """`userData` of post-user: the complete object as read, with the changes, without secrets (sections 5.5 and 11)."""
    user: Body = {k: v for k, v in current.items() if k not in _NEVER_SENT_BACK}
    user |= _account_fields(values)
    if password is not None:
        user["password"] = password.reveal()
        # Only if the build knows the key: an unknown key may be rejected.
        if "isPasswordExpired" in user:
            user["isPasswordExpired"] = False
    return user


def switched_user(current: Fields, *, enabled: bool) -> Body:
    """`userData` of post-user that enables or disables; `securityFlags` must be complete (section 5.5)."""
    user = changed_user(current, {}, None)
    flags = user.get("securityFlags")
    # The server may reset omitted flags, so that a partial object could remove the administrator role.
    user["securityFlags"] = {**(flags if isinstance(flags, dict) else {}), "isDisabled": not enabled}
    return user


def _account_fields(values: Mapping[str, Value]) -> Body:
    names = {"displayName": "fullName", "quota": "maxMailboxSize"}
    return {names[k]: json_value(v) for k, v in values.items() if k in names}


def changes_account(values: Mapping[str, Value]) -> bool:
    """Whether post-user is needed."""
    return "displayName" in values or "quota" in values


def forwards(values: Mapping[str, Value]) -> bool:
    """Whether forwarding is among the values."""
    return "forwarding.to" in values or "forwarding.keepCopy" in values


def forward_list(current: Fields, values: Mapping[str, Value]) -> Body:
    """`mailboxForwardList` with all four fields (section 5.8).

    `keepRecipients` and `spamForwardOption` keep their values, because files cannot express them. `keepRecipients` is
    about the recipients in the forwarded message. Whether the mailbox keeps a copy is `deleteOnForward`, negated.
    """
    targets = values.get("forwarding.to")
    keep_copy = values.get("forwarding.keepCopy")
    return {
        "forwardList": current.get("forwardList") or [] if targets is None else json_value(targets),
        # An unreadable list (forwarding is off) has none of these fields; then these defaults apply.
        "keepRecipients": current.get("keepRecipients") is True,
        "deleteOnForward": current.get("deleteOnForward") is True if keep_copy is None else not keep_copy,
        "spamForwardOption": current.get("spamForwardOption") or "None",
    }


def new_alias(name: str, values: Mapping[str, Value]) -> Body:
    """`alias` of alias-put (section 6.3); newer builds require `isEnabled`."""
    return {"name": name, "aliasTargetList": [], **_alias_fields(values), "isEnabled": True}


def changed_alias(current: Fields, name: str, values: Mapping[str, Value]) -> Body:
    """`alias` of an update: the complete object as read, with the changes. The server may reset omitted fields."""
    return {**current, **_alias_fields(values), "name": name}


def _alias_fields(values: Mapping[str, Value]) -> Body:
    return {_ALIAS_KEYS[k]: json_value(v) for k, v in values.items()}
