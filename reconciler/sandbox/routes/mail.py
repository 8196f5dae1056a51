"""A user's mail settings, forwarding, protocols and auto-responder (API reference sections 5.3, 5.8, 5.9)."""

from __future__ import annotations

from reconciler.sandbox import defaults
from reconciler.sandbox.accounts import apply_forward, apply_mail
from reconciler.sandbox.binder import BindError, Fields
from reconciler.sandbox.call import Call, Route
from reconciler.sandbox.domains import bound
from reconciler.sandbox.envelope import Refusal, Reply, ok
from reconciler.sandbox.model import Domain, User
from reconciler.sandbox.user_views import forward_list, mail_settings


def get_mail(call: Call) -> Reply:
    """`POST get-user-mail` and `GET user-mail/{email}`."""
    return ok(userMailSettings=mail_settings(_named_user(call), call.quirks))


def post_mail(call: Call) -> Reply:
    """`POST post-user-mail` and `POST user-mail/{email}`: merges the settings; a quirk replaces them."""
    domain, user = call.domain, _named_user(call)
    wanted = call.fields.fields("userMailSettings")
    if wanted is None:
        raise Refusal("Invalid input parameters", status=400)
    before = (mail_settings(user, call.quirks), user.is_disabled)
    # A trial copy: if binding fails, the stored user must not have changed.
    trial = User(user.name, user.password, quota=user.quota)
    if "post-user-mail-blanks" not in call.quirks:
        trial.mail, trial.contact, trial.throttle = dict(user.mail), dict(user.contact), dict(user.throttle)
        trial.blocked_senders = list(user.blocked_senders)
    else:
        # `maxSize` is a field of these settings too, so that blanking resets the quota.
        trial.quota = 0
    apply_mail(trial, wanted)
    user.mail, user.contact, user.throttle = trial.mail, trial.contact, trial.throttle
    user.blocked_senders, user.quota = trial.blocked_senders, trial.quota
    is_enabled = wanted.flag("isEnabled")
    # Whether this field and `securityFlags.isDisabled` are one switch is assumed only (API reference section 5.6).
    if "mail-isenabled-is-enabled" in call.quirks and is_enabled is not None:
        user.flags["isDisabled"] = not is_enabled
    _saved(call, domain, user, is_same=before == (mail_settings(user, call.quirks), user.is_disabled))
    return ok()


def get_forward(call: Call) -> Reply:
    """`POST get-mailbox-forward-list` and `GET mailbox-forward-list/{email}`."""
    return _shown(call, _named_user(call))


def post_forward(call: Call) -> Reply:
    """`POST settings/domain/post-mailbox-forward-list`: replaces the complete list."""
    return _write_forward(call, call.domain, _named_user(call))


def get_own_forward(call: Call) -> Reply:
    """`GET settings/mailbox-forward-list` with the user's own token."""
    return _shown(call, call.own_user()[1])


def post_own_forward(call: Call) -> Reply:
    """`POST settings/mailbox-forward-list` with the user's own token."""
    return _write_forward(call, *call.own_user())


def _shown(call: Call, user: User) -> Reply:
    if "forward-needs-flag" in call.quirks and not user.mail_value("enableMailForwarding"):
        raise Refusal("Mail forwarding is not enabled")
    return ok(mailboxForwardList=forward_list(user))


def _write_forward(call: Call, domain: Domain, user: User) -> Reply:
    wanted = call.fields.fields("mailboxForwardList")
    if wanted is None:
        raise Refusal("Invalid input parameters", status=400)
    before = forward_list(user)
    apply_forward(user, wanted, reset="forward-omitted-resets" in call.quirks)
    _saved(call, domain, user, is_same=before == forward_list(user), kind="forward")
    return ok()


def modify_protocols(call: Call) -> Reply:
    """`POST settings/domain/modify-protocol-access`: changes the protocols of several users."""
    # All users are looked up first, so that an unknown one leaves the others unchanged.
    users = [call.user(email) for email in call.body.inputs("items", "input")]
    wanted = {name: value for sent, name in defaults.PROTOCOLS.items() if (value := call.fields.flag(sent)) is not None}
    for user in users:
        is_same = all(user.mail_value(name) == value for name, value in wanted.items())
        user.mail.update(wanted)
        _saved(call, call.domain, user, is_same=is_same)
    return ok()


def get_auto_responder(call: Call) -> Reply:
    """`GET settings/auto-responder[/{wantHtml}]` with the user's own token."""
    if "wantHtml" in call.params:
        # Only for its check: the sandbox returns the same settings for both formats.
        call.flag_param("wantHtml")
    return ok(autoResponderSettings={**defaults.AUTO_RESPONDER, **call.own_user()[1].auto_responder})


def post_auto_responder(call: Call) -> Reply:
    """`POST settings/auto-responder[/{wantHtml}]` with the user's own token."""
    domain, user = call.own_user()
    wanted = call.fields.fields("autoResponderSettings")
    if wanted is None:
        raise Refusal("Invalid input parameters", status=400)
    after = {**user.auto_responder, **bound(wanted, defaults.AUTO_RESPONDER)}
    is_same = after == user.auto_responder
    user.auto_responder = after
    _saved(call, domain, user, is_same=is_same)
    return ok()


def recalculate(call: Call) -> Reply:
    """`POST settings/domain/recalculate-users`: sizes are always correct. The answer has no envelope."""
    for name in call.body.inputs("input"):
        call.user(name)
    return Reply(200, b'"OK"')


def _saved(call: Call, domain: Domain, user: User, *, is_same: bool, kind: str = "user") -> None:
    call.store.touch(domain, "users", user.name)
    call.store.note("noop" if is_same else "update", kind, domain.address(user.name))


def _named_user(call: Call) -> User:
    email = call.params.get("email") or call.fields.text("email")
    if not email:
        raise BindError("email")
    return call.user(email)


def user_defaults(call: Call) -> Reply:
    """`GET settings/domain/user-defaults`: the settings of new users."""
    known = {**defaults.USER_DATA, **defaults.USER_MAIL, "maxMailboxSize": 0}
    return ok(userDefaults={**known, **call.domain.user_defaults})


def post_user_defaults(call: Call) -> Reply:
    """`POST settings/domain/user-defaults`: absent fields keep their values."""
    call.domain.user_defaults = {**call.domain.user_defaults, **_bound_defaults(call)}
    call.store.touch(call.domain)
    call.store.note("update", "domain", call.domain.name)
    return ok()


def propagate(call: Call) -> Reply:
    """`POST settings/domain/propagate-settings`: applies the defaults to all users except the primary administrator."""
    wanted = Fields(call.domain.user_defaults)
    for user in call.domain.users.values():
        if user.is_primary:
            continue
        before = mail_settings(user, call.quirks)
        apply_mail(user, wanted)
        quota = wanted.number("maxMailboxSize")
        user.quota = user.quota if quota is None else quota
        _saved(call, call.domain, user, is_same=before == mail_settings(user, call.quirks))
    return ok()


def _bound_defaults(call: Call) -> dict[str, object]:
    wanted = call.fields.fields("userDefaults") or call.fields
    return bound(wanted, {**defaults.USER_DATA, **defaults.USER_MAIL, "maxMailboxSize": 0})


ROUTES = (
    Route("POST", "settings/domain/get-user-mail", "DA", get_mail),
    Route("GET", "settings/domain/user-mail/{email}", "DA", get_mail, address_gives_context=True),
    Route("POST", "settings/domain/post-user-mail", "DA", post_mail, is_write=True),
    Route("POST", "settings/domain/user-mail/{email}", "DA", post_mail, is_write=True, address_gives_context=True),
    Route("POST", "settings/domain/get-mailbox-forward-list", "DA", get_forward),
    Route("GET", "settings/domain/mailbox-forward-list/{email}", "DA", get_forward, address_gives_context=True),
    Route("POST", "settings/domain/post-mailbox-forward-list", "DA", post_forward, is_write=True),
    Route("GET", "settings/mailbox-forward-list", "U", get_own_forward),
    Route("POST", "settings/mailbox-forward-list", "U", post_own_forward, is_write=True),
    Route("POST", "settings/domain/modify-protocol-access", "DA", modify_protocols, is_write=True),
    Route("GET", "settings/auto-responder", "U", get_auto_responder),
    Route("GET", "settings/auto-responder/{wantHtml}", "U", get_auto_responder),
    Route("POST", "settings/auto-responder", "U", post_auto_responder, is_write=True),
    Route("POST", "settings/auto-responder/{wantHtml}", "U", post_auto_responder, is_write=True),
    Route("POST", "settings/domain/recalculate-users", "DA", recalculate),
    Route("GET", "settings/domain/user-defaults", "DA", user_defaults),
    Route("POST", "settings/domain/user-defaults", "DA", post_user_defaults, is_write=True),
    Route("POST", "settings/domain/propagate-settings", "DA", propagate, is_write=True),
)
