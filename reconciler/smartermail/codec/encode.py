"""From the core's values to the bodies of writes. Pure. Values come by the field names of `reconciler.core.kinds`."""

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
"""Secrets and session state in `userData`: an empty or masked value must not be written back (section 11)."""

_ALIAS_KEYS = {
    "displayName": "displayName",
    "to": "aliasTargetList",
    "allowSending": "allowSending",
    "hideFromGal": "hideFromGAL",
    "internalOnly": "internalOnly",
}


def sent(value: Value) -> object:
    """A value as JSON has it."""
    return list(value) if isinstance(value, tuple) else value


def new_user(name: str, values: Mapping[str, Value], password: Secret) -> tuple[Body, Body, Body]:
    """`userData`, `userMailSettings` and `forwardList` of user-put (section 5.4).

    What nobody manages is left out, so that the domain's defaults for new users hold. One that is to be disabled is
    made enabled: only the request that follows can say that its mail goes on arriving (section 5.6), and a mailbox
    that looks finished before would be left as it is if that request were never made.
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
    """`userData` of post-user: the whole object as read, with the changes, without secrets (sections 5.5 and 11)."""
    user: Body = {k: v for k, v in current.items() if k not in _NEVER_SENT_BACK}
    user |= _account_fields(values)
    if password is not None:
        user["password"] = password.reveal()
        if "isPasswordExpired" in user:
            user["isPasswordExpired"] = False
    return user


def switched_user(current: Fields, *, enabled: bool) -> Body:
    """`userData` of post-user that enables or disables; `securityFlags` is sent whole (section 5.5)."""
    user = changed_user(current, {}, None)
    flags = user.get("securityFlags")
    user["securityFlags"] = {**(flags if isinstance(flags, dict) else {}), "isDisabled": not enabled}
    return user


def _account_fields(values: Mapping[str, Value]) -> Body:
    names = {"displayName": "fullName", "quota": "maxMailboxSize"}
    return {names[k]: sent(v) for k, v in values.items() if k in names}


def changes_account(values: Mapping[str, Value]) -> bool:
    """Whether post-user is needed."""
    return "displayName" in values or "quota" in values


def forwards(values: Mapping[str, Value]) -> bool:
    """Whether forwarding is among the values."""
    return "forwarding.to" in values or "forwarding.keepCopy" in values


def forward_list(current: Fields, values: Mapping[str, Value]) -> Body:
    """`mailboxForwardList` with all four fields (section 5.8).

    `keepRecipients` and `spamForwardOption` are kept as they are: they are nobody's here. The first says whether the
    original recipients stay in the forwarded message, not whether a copy stays; that is `deleteOnForward`, negated.
    """
    targets = values.get("forwarding.to")
    keep_copy = values.get("forwarding.keepCopy")
    return {
        "forwardList": current.get("forwardList") or [] if targets is None else sent(targets),
        "keepRecipients": current.get("keepRecipients") is True,
        "deleteOnForward": current.get("deleteOnForward") is True if keep_copy is None else not keep_copy,
        "spamForwardOption": current.get("spamForwardOption") or "None",
    }


def new_alias(name: str, values: Mapping[str, Value]) -> Body:
    """`alias` of alias-put (section 6.3); newer builds want to be told that it is enabled."""
    return {"name": name, "aliasTargetList": [], **_alias_fields(values), "isEnabled": True}


def changed_alias(current: Fields, name: str, values: Mapping[str, Value]) -> Body:
    """`alias` of an update: the whole object as read, with the changes, since what is left out may be reset."""
    return {**current, **_alias_fields(values), "name": name}


def _alias_fields(values: Mapping[str, Value]) -> Body:
    return {_ALIAS_KEYS[k]: sent(v) for k, v in values.items()}
