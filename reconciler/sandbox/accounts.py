"""The rules for accounts: names, limits, passwords; creation and deletion of users (API reference section 5)."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox import defaults
from reconciler.sandbox.binder import Fields
from reconciler.sandbox.call import Call
from reconciler.sandbox.domain_views import user_count
from reconciler.sandbox.domains import bound
from reconciler.sandbox.envelope import Refusal
from reconciler.sandbox.identity import Identity
from reconciler.sandbox.model import Domain, User
from reconciler.sandbox.names import local_part
from reconciler.sandbox.passwords import DEFAULT_POLICY, hashed, policy_violations
from reconciler.sandbox.store import NAME_IN_USE

TOO_SHORT = "USER_ADD_ERROR_PASSWORD_TOO_SHORT"
POLICY_UNMET = "User does not meet password requirements"
LIMIT_REACHED = "The limit of this domain has been reached"  # the real text is unknown (section 1.3)


def policy_of(domain: Domain | None) -> dict[str, Any]:
    """The effective password policy: the server's defaults with the domain's overrides."""
    return {**DEFAULT_POLICY, **(domain.password_overrides if domain else {})}


def check_new_password(domain: Domain | None, username: str, password: str) -> None:
    """Raise Refusal if the policy forbids the password of a new account."""
    broken = policy_violations(password, username, policy_of(domain))
    # The server names a short password with a code of its own, and all other rules with one text (API
    # reference section 1.3).
    if "minLength" in broken:
        raise Refusal(TOO_SHORT)
    if broken:
        raise Refusal(POLICY_UNMET, status=400)


def check_changed_password(domain: Domain, user: User, password: str) -> None:
    """Raise Refusal if the policy forbids the new password of an existing account."""
    if policy_violations(password, user.name, policy_of(domain), [*user.previous, user.password]):
        raise Refusal(POLICY_UNMET, status=400)


def check_limit(domain: Domain, setting: str, count: int, more: int = 1) -> None:
    """Raise Refusal if `more` objects would exceed a limit; 0 means unlimited (section 1.4)."""
    limit = domain.setting(setting)
    if limit and count + more > limit:
        raise Refusal(f"{LIMIT_REACHED} ({setting} = {limit})")


def create_user(call: Call, domain: Domain, body: Fields) -> User:
    """Create a mailbox from the body of `user-put`. All checks precede the first change."""
    data = body.fields("userData")
    if data is None:
        raise Refusal("Invalid input parameters", status=400)
    name = local_part(data.text("userName") or data.text("emailAddress") or "", domain.name)
    if domain.is_taken(name):
        raise Refusal(NAME_IN_USE)
    password = data.text("password") or ""
    check_new_password(domain, name, password)
    check_limit(domain, "maxUsers", user_count(domain, call.quirks))
    now = call.clock.iso()
    user = User(name=name, password=hashed(password), created=now, password_set=now)
    # Before the request's own fields, so that the domain's defaults fill only the fields that the request leaves out
    # (API reference section 5.4).
    _fill_defaults(domain, user)
    if "forward-flag-off-default" in call.quirks:
        user.mail["enableMailForwarding"] = False
    apply_user_data(user, data)
    mail = body.fields("userMailSettings")
    if mail is not None:
        apply_mail(user, mail)
    # In `user-put` the object is called `forwardList`, like the list inside it (API reference section 5.4).
    forward = body.fields("forwardList") or body.fields("mailboxForwardList")
    if forward is not None:
        apply_forward(user, forward)
    user.login.password_expired = bool(data.flag("isPasswordExpired"))
    # Stored last: until here, a field of the wrong type may raise BindError, and a half-created user
    # would keep the name.
    domain.users[name] = user
    call.store.touch(domain, "users", name)
    call.store.note("create", "user", domain.address(name))
    return user


def _fill_defaults(domain: Domain, user: User) -> None:
    wanted = Fields(domain.user_defaults)
    apply_user_data(user, wanted)
    apply_mail(user, wanted)


def apply_user_data(user: User, data: Fields, *, flags: bool = True) -> None:
    """Merge the writable fields of userData; absent fields keep their values."""
    found = bound(data, defaults.USER_DATA)
    # A quota below the present usage is accepted on purpose (section 10 no. 33).
    quota = data.number("maxMailboxSize")
    security = data.fields("securityFlags") if flags else None
    found_flags = _security(security) if security is not None else {}
    user.data.update(found)
    if quota is not None:
        user.quota = max(0, quota)
    # The primary administrator always administers the domain.
    if user.is_primary:
        found_flags.pop("isDomainAdmin", None)
    user.flags.update(found_flags)


def _security(flags: Fields) -> dict[str, Any]:
    found = bound(flags, {name: value for name, value in defaults.SECURITY_FLAGS.items() if value is not None})
    windows_domain = flags.text("authenticatingWindowsDomain")
    # The field is null for local accounts, and null has no type that `bound` could check.
    if windows_domain:
        found["authenticatingWindowsDomain"] = windows_domain
    return found


def apply_mail(user: User, mail: Fields) -> None:
    """Merge the writable fields of userMailSettings; absent fields keep their values."""
    found = bound(mail, defaults.USER_MAIL)
    contact = mail.fields("userContactInfo")
    throttle = mail.fields("throttleSettings")
    blocked = mail.texts("blockedSenders")
    quota = mail.number("maxSize")
    # Everything is bound before the user changes: a BindError must not leave half of the fields written.
    found_contact = bound(contact, defaults.CONTACT) if contact is not None else {}
    found_throttle = bound(throttle, defaults.THROTTLE) if throttle is not None else {}
    user.mail.update(found)
    user.contact.update(found_contact)
    user.throttle.update(found_throttle)
    if blocked is not None:
        user.blocked_senders = blocked
    if quota is not None:
        user.quota = max(0, quota)


def apply_forward(user: User, forward: Fields, *, reset: bool = False) -> None:
    """Replace the forward list. Omitted other fields keep their values, or get their defaults with `reset`."""
    targets = forward.texts("forwardList")
    found = bound(forward, {name: value for name, value in defaults.FORWARD.items() if name != "forwardList"})
    kept = {} if reset else {name: value for name, value in user.forward.items() if name != "forwardList"}
    # The list is always replaced: a write without targets ends forwarding (API reference section 5.8).
    user.forward = {**kept, **found, "forwardList": list(dict.fromkeys(one.lower() for one in targets or []))}


def set_password(call: Call, domain: Domain, user: User, password: str) -> None:
    """Set a new password after a check of the policy, and revoke the tokens of the account."""
    check_changed_password(domain, user, password)
    Identity(domain=domain, user=user).set_password(call.store, password, call.clock)
    # A user who changes the own password stays logged in.
    if domain.address(user.name) != call.who.family.user:
        call.service.tokens.revoke_user(domain.address(user.name))


def delete_user(call: Call, domain: Domain, name: str) -> None:
    """Delete a mailbox. Aliases keep it as a target (section 10 no. 17)."""
    del domain.users[name]
    call.store.touch(domain, "users", name)
    call.service.tokens.revoke_user(domain.address(name))
    call.store.note("delete", "user", domain.address(name))


def why_undeletable(call: Call, domain: Domain, name: str) -> str:
    """Why a user cannot be deleted; empty if it can. The primary administrator and the caller cannot."""
    user = domain.users[name]
    if user.is_primary:
        return "the primary domain administrator cannot be deleted"
    if domain.address(name) == call.who.family.user:
        return "you cannot delete your own account"
    return ""
