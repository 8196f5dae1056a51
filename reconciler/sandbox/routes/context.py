"""Domain context for a system administrator: manage-domain and impersonation (API reference section 2.7)."""

from __future__ import annotations

from reconciler.sandbox.call import Call, Route
from reconciler.sandbox.envelope import Refusal, Reply, ok
from reconciler.sandbox.identity import Identity
from reconciler.sandbox.model import Domain, User
from reconciler.sandbox.store import NO_USER


def manage_domain(call: Call) -> Reply:
    """`POST settings/sysadmin/manage-domain/{domain}`: a token of the primary administrator with more rights."""
    _check_right(call)
    found = call.store.find(call.param("domain"))
    if found is None:
        # The real server reports an unknown domain as a permission error (section 2.7).
        raise Refusal("INVALID_PERMISSIONS", status=404 if "unknown-domain-404" in call.quirks else 400)
    return _impersonation(call, found, found.users[found.main_admin], is_elevated=True)


def impersonate_user(call: Call) -> Reply:
    """`POST settings/domain/impersonate-user[/{email}]`: a token of this user."""
    _check_right(call)
    email = call.params.get("email") or call.fields.text("email") or ""
    found = call.store.account(email)
    if found is None:
        raise Refusal(NO_USER)
    return _impersonation(call, *found, is_elevated=False)


def domain_admins(call: Call) -> Reply:
    """`GET settings/sysadmin/domain-admins/{domain}`."""
    domain = call.store.domain(call.param("domain"))
    return ok(domainAdmins=[domain.address(user.name) for user in domain.users.values() if user.is_domain_admin])


def _check_right(call: Call) -> None:
    admin = call.store.admins.get(call.who.family.user)
    if admin is None or not admin.login.can_impersonate:
        raise Refusal("Access denied", status=403)


def _impersonation(call: Call, domain: Domain, user: User, *, is_elevated: bool) -> Reply:
    who = Identity(domain=domain, user=user)
    issued = call.service.tokens.impersonate(who.email, [*who.roles, "Impersonated"], is_elevated=is_elevated)
    return ok(
        impersonateAccessToken=issued.access,
        impersonateRefreshToken=issued.refresh,
        impersonateAccessTokenExpiration=call.clock.iso(issued.access_expires),
        username=user.name,
        email=who.email,
    )


ROUTES = (
    Route("POST", "settings/sysadmin/manage-domain/{domain}", "SA", manage_domain),
    Route("POST", "settings/domain/impersonate-user", "SA", impersonate_user),
    Route("POST", "settings/domain/impersonate-user/{email}", "SA", impersonate_user),
    Route("GET", "settings/sysadmin/domain-admins/{domain}", "SA", domain_admins),
)
