"""Lists and searches of accounts (API reference section 5.1)."""

from __future__ import annotations

import json
import zlib
from typing import Any, TypeVar

from reconciler.sandbox.alias_views import search_row as alias_search_row
from reconciler.sandbox.call import Call, Route
from reconciler.sandbox.clock import NEVER
from reconciler.sandbox.envelope import Refusal, Reply, ok
from reconciler.sandbox.model import Domain, User
from reconciler.sandbox.quirks import Quirks
from reconciler.sandbox.user_views import list_row, quick_row, search_row, user_data

# The order of rows: the order of creation, or an arbitrary one with a quirk (API reference section 10 no. 32).

Row = TypeVar("Row")


def in_server_order(rows: list[Row], quirks: Quirks) -> list[Row]:
    """The rows in the order of the server; with `unsorted-rows`, in an arbitrary but repeatable order."""
    if "unsorted-rows" not in quirks:
        return rows
    return sorted(rows, key=_scramble)


def _scramble(row: Any) -> int:
    return zlib.crc32(json.dumps(row, sort_keys=True, default=str).encode())


DEFAULT_TAKE = 100
TRUNCATED_TAKE = 1000
_LIST_FLAGS = ("lists", "mailinglists", "mailing-lists", "mailinglist", "list")


def visible_users(call: Call, domain: Domain) -> list[User]:
    """The users in lists; a quirk omits the primary administrator."""
    users = list(domain.users.values())
    return [user for user in users if not user.is_primary] if "admin-hidden" in call.quirks else users


def list_users(call: Call) -> Reply:
    """`GET settings/domain/list-users`."""
    return _list(call, call.domain)


def list_users_as_system(call: Call) -> Reply:
    """`GET settings/sysadmin/list-users/{domain}`."""
    return _list(call, _listed_domain(call))


def _list(call: Call, domain: Domain) -> Reply:
    rows = [list_row(domain, user, call.quirks) for user in visible_users(call, domain)]
    return ok(userData=in_server_order(rows, call.quirks))


def _listed_domain(call: Call) -> Domain:
    found = call.store.find(call.param("domain"))
    if found is None:
        raise Refusal("Failed to list users: the domain was not found.")
    return found


def list_users_extra(call: Call) -> Reply:
    """`GET settings/domain/list-users-extra`: rows with more fields."""
    rows = [user_data(call.domain, user) for user in visible_users(call, call.domain)]
    return ok(userData=in_server_order(rows, call.quirks))


def list_usernames(call: Call) -> Reply:
    """`GET settings/sysadmin/list-usernames/{domain}`."""
    names = [user.name for user in visible_users(call, _listed_domain(call))]
    return ok(usernames=in_server_order(names, call.quirks))


def search_users(call: Call) -> Reply:
    """`GET settings/sysadmin/search-users/{domain}/{search}`."""
    domain = _listed_domain(call)
    rows = [list_row(domain, user, call.quirks) for user in visible_users(call, domain)]
    return ok(userData=_matching(in_server_order(rows, call.quirks), call.param("search")))


def account_list_search(call: Call) -> Reply:
    """`POST settings/domain/account-list-search`: users, aliases and lists, in pages."""
    domain, kinds = call.domain, _kinds(call)
    rows: list[dict[str, Any]] = []
    if "users" in kinds:
        rows += [search_row(domain, user, call.quirks) for user in visible_users(call, domain)]
    if "aliases" in kinds:
        rows += [alias_search_row(domain, alias, call.quirks) for alias in domain.aliases.values()]
    if "lists" in kinds:
        rows += [
            {
                "userName": one.name,
                "displayName": one.description,
                "emailAddress": domain.address(one.name),
                "accountType": 5,
                "isEnabled": not one.is_disabled,
                "status": "Disabled" if one.is_disabled else "Enabled",
                "lastLogin": NEVER,
                "totalMailboxSize": 0,
                "authType": 0,
            }
            for one in domain.lists.values()
        ]
    rows, total = page(call, rows)
    payload: dict[str, Any] = {"results": rows}
    if "no-total-count" not in call.quirks:
        payload["totalCount"] = total
    return ok(**payload)


def _kinds(call: Call) -> set[str]:
    flags = call.fields.texts("searchFlags")
    if "search-mixed-kinds" in call.quirks:
        return {"users", "aliases", "lists"}
    if not flags:
        return {"users", "aliases"}
    lowered = {flag.lower() for flag in flags}
    kinds = lowered & {"users", "aliases"}
    if lowered & {"user", "admins", "domainadmins"}:
        kinds.add("users")
    if "alias" in lowered:
        kinds.add("aliases")
    if lowered.intersection(_LIST_FLAGS):
        kinds.add("lists")
    return kinds


def account_search_quick(call: Call) -> Reply:
    """`POST settings/domain/account-search-quick`: the list of the web interface."""
    rows, _ = page(call, [quick_row(user) for user in visible_users(call, call.domain)])
    return ok(users=rows)


def users_statuses(call: Call) -> Reply:
    """`POST settings/domain/users-statuses`."""
    domain = call.domain
    rows, total = page(
        call,
        [
            {
                "userName": user.name,
                "emailAddress": domain.address(user.name),
                "isEnabled": not user.is_disabled,
                "twoFactorEnabled": bool(user.login.two_factor),
                "isPasswordExpired": user.login.password_expired,
                "passwordViolations": [],
                "isIndexing": False,
                "authType": user.flags.get("authType", 0),
                "criticalErrors": [],
            }
            for user in visible_users(call, domain)
        ],
    )
    return ok(results=rows, totalCount=total)


def last_login_times(call: Call) -> Reply:
    """`POST settings/domain/last-login-times`: accounts that logged in since `dateTime`."""
    since = call.fields.text("dateTime") or ""
    rows = [
        {"emailAddress": call.domain.address(user.name), "lastLoginTime": user.last_login}
        for user in call.domain.users.values()
        if user.last_login >= since
    ]
    return ok(results=rows)


def page(call: Call, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """One page of rows as the body requests it: filtered, sorted, cut. Also returns the number of all matching rows."""
    fields = call.fields
    skip, take = fields.number("skip"), fields.number("take")
    if (skip is not None and skip < 0) or (take is not None and take < 0):
        raise Refusal("Invalid input parameters", status=400)
    rows = _matching(rows, fields.text("search") or "")
    sort_field = fields.text("sortField")
    key = next((name for name in rows[0] if name.lower() == sort_field.lower()), "") if sort_field and rows else ""
    if key:
        rows = sorted(rows, key=lambda row: _sortable(row.get(key)), reverse=bool(fields.flag("sortDescending")))
    else:
        rows = in_server_order(rows, call.quirks)
    # Quirks limit `take` after the sort, as builds do: the rows beyond it are lost without notice.
    if take is None:
        take = DEFAULT_TAKE if "take-defaults-to-100" in call.quirks else len(rows)
    if "truncate-take" in call.quirks:
        take = min(take, TRUNCATED_TAKE)
    if "truncate-take-to-100" in call.quirks:
        take = min(take, DEFAULT_TAKE)
    if "skip-ignored" in call.quirks:
        skip = 0
    return rows[skip or 0 :][:take], len(rows)


def _matching(rows: list[dict[str, Any]], search: str) -> list[dict[str, Any]]:
    wanted = search.strip().lower()
    if not wanted:
        return rows
    columns = ("userName", "displayName", "fullName", "emailAddress")
    return [row for row in rows if any(wanted in str(row.get(column, "")).lower() for column in columns)]


def _sortable(value: Any) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, bool | int | float):
        return (1, float(value), "")
    return (2, 0.0, str(value).lower())


ROUTES = (
    Route("GET", "settings/domain/list-users", "DA", list_users),
    Route("GET", "settings/sysadmin/list-users/{domain}", "SA", list_users_as_system),
    Route("GET", "settings/domain/list-users-extra", "DA", list_users_extra),
    Route("GET", "settings/sysadmin/list-usernames/{domain}", "SA", list_usernames),
    Route("GET", "settings/sysadmin/search-users/{domain}/{search}", "SA", search_users),
    Route("POST", "settings/domain/account-list-search", "DA", account_list_search),
    Route("POST", "settings/domain/account-search-quick", "DA", account_search_quick),
    Route("POST", "settings/domain/users-statuses", "DA", users_statuses),
    Route("POST", "settings/domain/last-login-times", "DA", last_login_times),
)
