"""The JSON objects of users in answers (API reference sections 5.1 to 5.3, 5.8)."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox import defaults
from reconciler.sandbox.clock import NEVER
from reconciler.sandbox.model import Domain, User
from reconciler.sandbox.quirks import Quirks


def security_flags(user: User) -> dict[str, Any]:
    """The short securityFlags of list rows."""
    return {
        "authType": user.flags.get("authType", 0),
        "isDisabled": user.is_disabled,
        "isDomainAdmin": user.is_domain_admin,
    }


def list_row(domain: Domain, user: User, quirks: Quirks) -> dict[str, Any]:
    """A row of list-users."""
    row: dict[str, Any] = {
        "userName": user.name,
        "emailAddress": domain.address(user.name),
        "fullName": user.full_name,
        "lastLoginTime": user.last_login,
    }
    # Older builds may leave out these three fields (API reference section 5.1).
    if "list-rows-without-sizes" not in quirks:
        row |= {
            "isPrimaryDomainAdmin": user.is_primary,
            "currentMailboxSize": user.size,
            "maxMailboxSize": user.quota,
        }
    if "list-rows-without-flags" not in quirks:
        row["securityFlags"] = security_flags(user)
    return row


def search_row(domain: Domain, user: User, quirks: Quirks) -> dict[str, Any]:
    """A row of account-list-search for a user."""
    row: dict[str, Any] = {
        "userName": user.name,
        "displayName": user.full_name,
        "fullName": user.full_name,
        "emailAddress": domain.address(user.name),
        "accountType": 1 if user.is_domain_admin else 0,
        "isEnabled": not user.is_disabled,
        "status": status(user),
        "lastLogin": user.last_login,
        "totalMailboxSize": user.size,
        "authType": user.flags.get("authType", 0),
    }
    if "search-rows-with-seats" in quirks:
        row |= {"isActiveSyncEnabled": user.eas, "isMapiEwsEnabled": user.mapi}
    return row


def quick_row(user: User) -> dict[str, Any]:
    """A row of account-search-quick, in which an unlimited quota is null (section 1.4)."""
    return {
        "userName": user.name,
        "displayName": user.full_name,
        "bytesUsed": user.size,
        "bytesAllowed": user.quota or None,
        "status": status(user),
        "lastLoginTime": user.last_login,
    }


def status(user: User) -> str:
    """The status as in `account-search-quick` (section 5.1 C)."""
    return "Disabled" if user.is_disabled else "Enabled"


def user_data(domain: Domain, user: User) -> dict[str, Any]:
    """The complete userData, always without the password (section 10 no. 29)."""
    return {
        **defaults.USER_DATA,
        **user.data,
        "userName": user.name,
        "domain": domain.name,
        "emailAddress": domain.address(user.name),
        "maxMailboxSize": user.quota,
        "currentMailboxSize": user.size,
        "isPrimaryDomainAdmin": user.is_primary,
        "securityFlags": {
            **defaults.SECURITY_FLAGS,
            **user.flags,
            "isDomainAdmin": user.is_domain_admin,
            "isSystemAdmin": False,
            "isPrimarySystemAdmin": False,
        },
        "roles": ["DomainAdmin", "User"] if user.is_domain_admin else ["User"],
        "createDate": user.created,
        "lastLoginTime": user.last_login,
        "loaded": True,
        "sessionStr": "",
        "isPasswordExpired": user.login.password_expired,
        "isPasswordCompliant": 0,
        "tempPassword": "",
        "tempPasswordExpUtc": NEVER,
        "csvFields": None,
    }


def mail_settings(user: User, quirks: Quirks) -> dict[str, Any]:
    """The complete userMailSettings."""
    shown = {
        **defaults.USER_MAIL,
        **user.mail,
        "maxSize": user.quota,
        "totalMailboxSize": user.size,
        "userContactInfo": {**defaults.CONTACT, **user.contact},
        "throttleSettings": {**defaults.THROTTLE, **user.throttle},
        "blockedSenders": list(user.blocked_senders),
    }
    if "mail-isenabled-is-enabled" in quirks:
        shown["isEnabled"] = not user.is_disabled
    return shown


def forward_list(user: User) -> dict[str, Any]:
    """The complete mailboxForwardList."""
    return {name: user.forward_value(name) for name in defaults.FORWARD}
