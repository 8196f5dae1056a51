"""EAS and MAPI activation (API reference section 5.9). The lists contain only activated accounts."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.accounts import check_limit
from reconciler.sandbox.binder import BindError, Fields
from reconciler.sandbox.call import Call, Route
from reconciler.sandbox.envelope import Refusal, Reply, ok
from reconciler.sandbox.model import Domain, User
from reconciler.sandbox.routes.search import in_server_order

_FLAGS = {"eas": "enableActiveSyncAccountManagement", "mapi": "enableMapiEwsAccountManagement"}
_LIMITS = {"eas": "maxActiveSyncAccounts", "mapi": "maxMapiEwsAccounts"}


def list_eas(call: Call) -> Reply:
    """`GET settings/domain/active-sync-mailboxes`."""
    return ok(activeSyncAccounts=_rows(call, "eas"))


def list_mapi(call: Call) -> Reply:
    """`GET settings/domain/mapi-ews-mailboxes`."""
    return ok(mapiEwsAccounts=_rows(call, "mapi"))


def patch_eas(call: Call) -> Reply:
    """`POST settings/domain/active-sync-mailboxes-patch`; the body is a bare array."""
    return _patch(call, "eas")


def patch_mapi(call: Call) -> Reply:
    """`POST settings/domain/mapi-ews-mailboxes-patch`; the body is a bare array."""
    return _patch(call, "mapi")


def activated_users(domain: Domain, kind: str) -> list[User]:
    """The users with activated `eas` or `mapi`."""
    return [user for user in domain.users.values() if getattr(user, kind)]


def _rows(call: Call, kind: str) -> list[dict[str, Any]]:
    rows = [
        {
            "emailAddress": call.domain.address(user.name),
            "userName": user.name,
            "displayName": user.full_name,
            "isActive": True,
            "lastLogin": user.last_login,
        }
        for user in activated_users(call.domain, kind)
    ]
    return in_server_order(rows, call.quirks)


def _patch(call: Call, kind: str) -> Reply:
    """Activate and deactivate accounts. If the domain's switch is off: success without effect, or 403 with a quirk."""
    domain = call.domain
    rows = call.body.rows
    if rows is None:
        rows = call.fields.value("input")
    if not isinstance(rows, list):
        raise BindError("array")
    wanted: dict[str, bool] = {}
    for row in rows:
        if not isinstance(row, dict):
            raise BindError("row")
        fields = Fields(row, strict=call.fields.strict)
        is_active = fields.flag("isActive")
        if is_active is None:
            raise BindError("isActive")
        wanted[call.user(fields.text("emailAddress")).name] = is_active
    if not domain.setting(_FLAGS[kind]):
        if "seats-403-when-off" in call.quirks:
            raise Refusal("Access denied", status=403)
        return ok()
    count = len(activated_users(domain, kind))
    # The limit applies to the result of the complete request: a deactivation makes room for an activation.
    more = sum(is_active - getattr(domain.users[name], kind) for name, is_active in wanted.items())
    if more > 0:
        check_limit(domain, _LIMITS[kind], count, more)
    for name, is_active in wanted.items():
        user = domain.users[name]
        is_same = getattr(user, kind) == is_active
        setattr(user, kind, is_active)
        call.store.touch(domain, "users", name)
        call.store.note("noop" if is_same else "update", kind, domain.address(name))
    return ok()


ROUTES = (
    Route("GET", "settings/domain/active-sync-mailboxes", "DA", list_eas),
    Route("GET", "settings/domain/mapi-ews-mailboxes", "DA", list_mapi),
    Route("POST", "settings/domain/active-sync-mailboxes-patch", "DA", patch_eas, is_write=True),
    Route("POST", "settings/domain/mapi-ews-mailboxes-patch", "DA", patch_mapi, is_write=True),
)
