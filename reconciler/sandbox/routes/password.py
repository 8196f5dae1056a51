"""Password policy, temporary passwords and resets (API reference sections 2.9 and 5.10)."""

from __future__ import annotations

import secrets
from typing import Any

from reconciler.sandbox.accounts import POLICY_UNMET, check_changed_password, policy_of
from reconciler.sandbox.call import Call, Route
from reconciler.sandbox.domains import bound
from reconciler.sandbox.envelope import Refusal, Reply, ok
from reconciler.sandbox.identity import Identity, find_identity
from reconciler.sandbox.model import Domain, User
from reconciler.sandbox.passwords import DEFAULT_POLICY, hashed, policy_violations
from reconciler.sandbox.routes.search import page
from reconciler.sandbox.store import NO_USER

_RULES: dict[str, dict[str, Any]] = {
    "minLength": {"enabled": False, "ruleValue": 0},
    "preventPreviousPasswords": {"enabled": False, "ruleValue": 0},
    "expiration": {"enabled": False, "ruleValue": 0, "gracePeriodDays": 0},
}


def requirements(call: Call) -> Reply:
    """`GET settings/password-requirements`: the effective policy for the caller."""
    found = call.store.account(call.who.family.user)
    return ok(passwordRequirements=policy_of(found[0] if found else None))


def get_settings(call: Call) -> Reply:
    """`GET settings/domain/password-settings`: the server's defaults, and the domain's overrides with all keys."""
    return ok(defaults=DEFAULT_POLICY, overrides=policy_of(call.domain))


def post_settings(call: Call) -> Reply:
    """`POST settings/domain/password-settings`: the body is the overrides object; absent rules keep their values."""
    wanted = call.fields.fields("overrides") or call.fields
    flags = {name: value for name, value in DEFAULT_POLICY.items() if name not in _RULES}
    found = bound(wanted, flags)
    for name, rule in _RULES.items():
        given = wanted.fields(name)
        if given is not None:
            current = policy_of(call.domain)[name]
            found[name] = {**current, **bound(given, rule)}
    after = {**call.domain.password_overrides, **found}
    is_same = after == call.domain.password_overrides
    call.domain.password_overrides = after
    call.store.touch(call.domain)
    call.store.note("noop" if is_same else "update", "domain", call.domain.name)
    return ok()


def noncompliant(call: Call) -> Reply:
    """`POST password-compliance-users`: only users who must change their password, because hashes cannot be checked."""
    return _listed(call, lambda user: user.login.change_password)


def aged(call: Call) -> Reply:
    """`POST aged-password-list`: all users with the dates of their passwords."""
    return _listed(call, lambda _: True)


def expired(call: Call) -> Reply:
    """`POST expired-password-list`."""
    return _listed(call, lambda user: user.login.password_expired)


def _listed(call: Call, is_in: Any) -> Reply:
    domain = call.domain
    rows, total = page(
        call,
        [
            {
                "userName": user.name,
                "emailAddress": domain.address(user.name),
                "passwordSetDate": user.password_set,
                "isPasswordExpired": user.login.password_expired,
            }
            for user in domain.users.values()
            if is_in(user)
        ],
    )
    return ok(results=rows, totalCount=total)


def expire(call: Call) -> Reply:
    """`POST expire-users-passwords`: `input` with local parts, or `emailAddresses`: clients use both."""
    users = [call.user(name) for name in call.body.inputs("input", "emailAddresses")]
    for user in users:
        is_same = user.login.password_expired
        user.login.password_expired = True
        call.store.touch(call.domain, "users", user.name)
        call.store.note("noop" if is_same else "update", "user", call.domain.address(user.name))
    return ok()


def show_password(_: Call) -> Reply:
    """`POST .../show-password`: always refused, because the sandbox stores only hashes."""
    raise Refusal("The password cannot be recovered", status=403)


def generate_temporary(call: Call) -> Reply:
    """`POST auth/generate-temp-pass/{email}`: a second password, valid for a day."""
    domain, user = _administered(call)
    password = secrets.token_urlsafe(12)
    expires = call.clock.now() + 86400
    user.temp_password = f"{expires}|{hashed(password)}"
    call.store.touch(domain, "users", user.name)
    call.store.note("update", "user", domain.address(user.name))
    return ok(tempPassword=password, tempPasswordExpUtc=call.clock.iso(expires))


def revoke_temporary(call: Call) -> Reply:
    """`POST auth/revoke-temp-pass/{email}`."""
    domain, user = _administered(call)
    user.temp_password = ""
    call.store.touch(domain, "users", user.name)
    call.store.note("update", "user", domain.address(user.name))
    return ok()


def force_reset(call: Call) -> Reply:
    """`POST auth/force-reset-password`, as in patched builds, only with the correct old password (section 2.9)."""
    ids = call.service.ids
    if ids.is_blocked(call.address):
        raise Refusal("Too many login attempts", status=401)
    found = find_identity(call.store, call.fields.text("username") or "")
    old = call.fields.text("oldPassword") or ""
    new = call.fields.text("newPassword") or ""
    if found is None or not found.verify(old, call.clock):
        ids.failed(call.address)
        raise Refusal("USERNAME_OR_PASSWORD_INCORRECT", status=401)
    if found.domain is not None and found.user is not None:
        check_changed_password(found.domain, found.user, new)
    elif policy_violations(new, found.username, DEFAULT_POLICY):
        raise Refusal(POLICY_UNMET, status=400)
    found.set_password(call.store, new, call.clock)
    # A new password ends all sessions that the old one opened.
    call.service.tokens.revoke_user(found.user_id)
    return ok()


def _administered(call: Call) -> tuple[Domain, User]:
    """The account in the path, if the caller administers it or its domain. Raises Refusal otherwise."""
    found = call.store.account(call.param("email"))
    own = call.store.account(call.who.family.user)
    caller = Identity(domain=own[0], user=own[1]) if own else None
    if not call.is_system and (caller is None or not caller.is_domain_admin):
        raise Refusal("Access denied", status=403)
    if found is None or (caller is not None and found[0] is not caller.domain):
        raise Refusal(NO_USER)
    return found


ROUTES = (
    Route("GET", "settings/password-requirements", "*", requirements),
    Route("GET", "settings/domain/password-settings", "DA", get_settings),
    Route("POST", "settings/domain/password-settings", "DA", post_settings, is_write=True),
    Route("POST", "settings/domain/password-compliance-users", "DA", noncompliant),
    Route("POST", "settings/domain/aged-password-list", "DA", aged),
    Route("POST", "settings/domain/expired-password-list", "DA", expired),
    Route("POST", "settings/domain/expire-users-passwords", "DA", expire, is_write=True),
    Route("POST", "settings/domain/show-password", "DA", show_password),
    Route("POST", "settings/sysadmin/show-password", "SA", show_password),
    Route("GET POST", "auth/generate-temp-pass/{email}", "*", generate_temporary, is_write=True),
    Route("GET POST", "auth/revoke-temp-pass/{email}", "*", revoke_temporary, is_write=True),
    Route("POST", "auth/force-reset-password", "-", force_reset, is_write=True),
)
