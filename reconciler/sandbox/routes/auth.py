"""Login, refresh and logout (API reference sections 2.1 to 2.8)."""

from __future__ import annotations

import secrets
from typing import Any

from reconciler.sandbox.call import Call, Route
from reconciler.sandbox.clock import NEVER
from reconciler.sandbox.envelope import Refusal, Reply, ok
from reconciler.sandbox.identity import Identity, find_identity, identity_of
from reconciler.sandbox.tokens import Issued

BAD_LOGIN = "USERNAME_OR_PASSWORD_INCORRECT"


def authenticate_user(call: Call) -> Reply:
    """`POST auth/authenticate-user` (section 2.1): returns tokens, or the reason for none."""
    name = call.fields.text("username") or ""
    password = call.fields.text("password") or ""
    client = call.fields.text("clientId") or ""
    if not name.strip() or not password:
        raise Refusal("Username or password is empty", status=400)
    if len(name) > 200:
        raise Refusal("Invalid input parameters", status=400)
    # Before the password check: a blocked address must not learn whether a password is correct.
    _guard(call, "Too many login attempts")
    found = find_identity(call.store, name)
    if found is None or not found.verify(password, call.clock):
        call.service.ids.failed(call.address)
        raise _bad_login(call)
    # After the password check, so that only the owner learns that the account is disabled.
    if found.is_disabled:
        raise Refusal("ACCOUNT_DISABLED", status=403)
    login = found.login
    if login.app_password_only:
        return _step(call, found, client, "TWO_FACTOR_REQUIRED|APP_PASSWORD", "TwoFactor")
    if login.two_factor:
        code = call.fields.text("twoFactorCode") or ""
        if not code:
            return _two_factor(call, found, client)
        if code != login.two_factor_code:
            call.service.ids.failed(call.address)
            raise Refusal("INVALID_TWO_FACTOR_CODE", status=401)
    return _finish(call, found, client)


def authenticate_two_factor_code(call: Call) -> Reply:
    """`POST auth/authenticate-two-factor-code` (section 2.2): exchanges a step token and the code for tokens."""
    session = call.session
    if session is None or session.step != "TwoFactor":
        raise Refusal("", status=401, bare=True)
    _guard(call, "Too many login attempts")
    found = find_identity(call.store, session.family.user)
    if found is None:
        raise Refusal("", status=401, bare=True)
    if call.fields.text("twoFactorCode") != found.login.two_factor_code:
        call.service.ids.failed(call.address)
        raise Refusal("INVALID_TWO_FACTOR_CODE", status=401)
    call.service.tokens.revoke(session.family)
    return _finish(call, found, call.fields.text("clientId") or session.family.client)


def refresh_token(call: Call) -> Reply:
    """`POST auth/refresh-token` (section 2.4): rotates the tokens. An invalid one counts as a failed login."""
    _guard(call, "Too many refresh attempts")
    family = call.service.tokens.refreshing(call.fields.text("token") or "")
    client = call.fields.text("clientId")
    if family is None or (client and client != family.client and not family.is_impersonated):
        call.service.ids.failed(call.address)
        raise Refusal("Refresh token rejected", status=401)
    found = identity_of(call.store, family)
    if found is None or (found.is_disabled and not family.is_elevated):
        raise Refusal("Refresh token rejected", status=401)
    issued = call.service.tokens.rotate(family, found.roles)
    return ok(username=found.username, emailAddress=found.email, **_token_fields(call, issued))


def logout_user(call: Call) -> Reply:
    """`POST auth/logout-user` (section 2.6): revokes the tokens of this (user, clientId)."""
    if "logout-keeps-tokens" not in call.quirks:
        call.service.tokens.revoke(call.who.family)
    return ok()


def retrieve_login_token(call: Call) -> Reply:
    """`POST auth/retrieve-login-token` (section 2.8): the token is only for webmail, which the sandbox lacks."""
    name = call.fields.text("username") or ""
    domain = call.store.domain(call.fields.text("domain") or name.rpartition("@")[2])
    call.find_user(domain, name)
    token, url = _auto_login(call)
    return ok(autoLoginToken=token, autoLoginUrl=url)


def _auto_login(call: Call) -> tuple[str, str]:
    token = secrets.token_urlsafe(24)
    return token, f"{call.service.url}/interface/root#/login?autologin={token}"


def _guard(call: Call, text: str) -> None:
    """Reject a blocked address and delay a suspicious one (section 2.10)."""
    if call.service.ids.is_blocked(call.address):
        raise Refusal(text, status=401)
    call.delay = call.service.ids.delay(call.address)


def _bad_login(call: Call) -> Refusal:
    if "bad-login-200" in call.quirks:
        return Refusal(BAD_LOGIN, status=200)
    if "bad-login-400" in call.quirks:
        return Refusal("USER_NOT_FOUND", status=400)
    if "bad-login-403" in call.quirks:
        return Refusal(BAD_LOGIN, status=403)
    return Refusal(BAD_LOGIN, status=401, bare="bad-login-empty" in call.quirks)


def _two_factor(call: Call, found: Identity, client: str) -> Reply:
    if "two-factor-old" in call.quirks:
        raise Refusal("TWO_FACTOR_REQUIRED", status=401)
    reply = _step(call, found, client, f"TWO_FACTOR_REQUIRED|{found.login.two_factor}|{found.user_id}", "TwoFactor")
    assert isinstance(reply.payload, dict)
    if "two-factor-success-false" in call.quirks:
        reply.payload["success"] = False
    if "two-factor-no-success" in call.quirks:
        del reply.payload["success"]
    return reply


def _finish(call: Call, found: Identity, client: str) -> Reply:
    """The last part of a login: an expired password or a required change still gives only a step token."""
    if found.login.password_expired:
        return _step(call, found, client, "PASSWORD_EXPIRED", "PasswordReset")
    if found.login.change_password:
        return _step(call, found, client, "CHANGE_PASSWORD_NEEDED", "PasswordReset")
    call.service.ids.succeeded(call.address)
    issued = call.service.tokens.log_in(
        found.user_id,
        client,
        is_system=found.is_system,
        roles=found.roles,
        alone="client-id-ignored" not in call.quirks,
    )
    found.record_login(call.store, call.clock)
    return _login_reply(call, found, issued, "")


def _step(call: Call, found: Identity, client: str, message: str, purpose: str) -> Reply:
    issued = call.service.tokens.step(found.user_id, client, purpose, is_system=found.is_system)
    return _login_reply(call, found, issued, message)


def _token_fields(call: Call, issued: Issued) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "accessToken": issued.access,
        "accessTokenExpiration": call.clock.iso(issued.access_expires),
        "refreshToken": issued.refresh,
    }
    if "no-password-expired-field" not in call.quirks:
        fields["refreshTokenExpiration"] = call.clock.iso(issued.refresh_expires) if issued.refresh else NEVER
    return fields


def _login_reply(call: Call, found: Identity, issued: Issued, message: str) -> Reply:
    wants_auto_login = issued.refresh and call.fields.flag("retrieveAutoLoginToken")
    auto_login, auto_login_url = _auto_login(call) if wants_auto_login else (None, None)
    fields: dict[str, Any] = {
        "emailAddress": found.email,
        "username": found.username,
        "isAdmin": found.is_system,
        "isDomainAdmin": found.is_domain_admin,
        "isImpersonating": False,
        "canViewPasswords": found.is_system and found.login.can_view_passwords,
        "isLicensed": True,
        "changePasswordNeeded": found.login.change_password,
        "passwordExpired": found.login.password_expired,
        "displayWelcomeWizard": False,
        "localeId": "en",
        "autoLoginToken": auto_login,
        "autoLoginUrl": auto_login_url,
        **_token_fields(call, issued),
    }
    if "no-password-expired-field" in call.quirks:
        del fields["passwordExpired"]
    reply = ok(**fields)
    assert isinstance(reply.payload, dict)
    # In logins, the message of a success is null, not an empty string (section 2.1).
    reply.payload["message"] = message or None
    return reply


ROUTES = (
    Route("POST", "auth/authenticate-user", "-", authenticate_user),
    Route("POST", "auth/authenticate-two-factor-code", "step", authenticate_two_factor_code),
    Route("POST", "auth/refresh-token", "-", refresh_token),
    Route("POST", "auth/logout-user", "*", logout_user),
    Route("POST", "auth/retrieve-login-token", "SA", retrieve_login_token),
)
