"""The state as the control endpoints show it, and the states of accounts that they can set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.sandbox import dkim
from reconciler.sandbox.call import Service
from reconciler.sandbox.defaults import ALIAS_FLAGS
from reconciler.sandbox.domain_views import domain_data, domain_settings
from reconciler.sandbox.envelope import Refusal
from reconciler.sandbox.identity import find_identity
from reconciler.sandbox.model import Alias, Domain, User, to_json
from reconciler.sandbox.store import NO_USER
from reconciler.sandbox.user_views import forward_list, mail_settings, user_data


def everything(service: Service) -> dict[str, Any]:
    """The complete state without passwords, hashes and private keys."""
    store = service.store
    return {
        "now": service.clock.iso(),
        "quirks": sorted(service.quirks.names),
        "admins": {name: {"isDisabled": admin.is_disabled} for name, admin in sorted(store.admins.items())},
        "domains": {name: _domain(service, domain) for name, domain in sorted(store.domains.items())},
        "effects": effects(service),
        "ids": {"failures": service.ids.counts(), "blocked": service.ids.blocked()},
    }


def domains(service: Service, names: Iterable[str]) -> dict[str, Any]:
    """The state of some domains: a complete state can be large. Raises Refusal for an unknown domain."""
    return {name: _domain(service, service.store.domain(name)) for name in names}


def effects(service: Service) -> dict[str, dict[str, int]]:
    """How often each object was created, updated, deleted...: `user anna@example.test` -> `{"create": 1}`.

    `noop` counts writes without a change, `password` writes of a password.
    """
    return {
        f"{kind} {address}": dict(sorted(counter.items()))
        for (kind, address), counter in sorted(service.store.effects.items())
    }


def _domain(service: Service, domain: Domain) -> dict[str, Any]:
    quirks = service.quirks
    return {
        "data": domain_data(domain, quirks),
        "settings": domain_settings(domain),
        "mainAdmin": domain.main_admin,
        "users": {name: _user(service, domain, user) for name, user in sorted(domain.users.items())},
        "aliases": {name: _alias(alias) for name, alias in sorted(domain.aliases.items())},
        "lists": {name: to_json(one) for name, one in sorted(domain.lists.items())},
        "domainAliases": sorted(domain.domain_aliases),
        "dkim": _dkim(domain),
        "userDefaults": domain.user_defaults,
        "passwordOverrides": domain.password_overrides,
        "forwardBlacklist": domain.forward_blacklist,
    }


def _user(service: Service, domain: Domain, user: User) -> dict[str, Any]:
    # A list of forwards has effect only while both switches are on (section 10 no. 24).
    forwards = bool(domain.setting("enableMailForwarding") and user.mail_value("enableMailForwarding"))
    login = to_json(user.login)
    # The code is as secret as the password, which the state does not contain either.
    del login["two_factor_code"]
    return {
        "userData": user_data(domain, user),
        "userMailSettings": mail_settings(user, service.quirks),
        "mailboxForwardList": forward_list(user),
        "effectiveForwards": list(user.forward_value("forwardList")) if forwards else [],
        "isPrimary": user.is_primary,
        "eas": user.eas,
        "mapi": user.mapi,
        "receivesMail": bool(user.mail_value("canReceiveMail") and (not user.is_disabled or user.login.allow_mail)),
        "passwordSet": user.password_set,
        "autoResponder": user.auto_responder,
        "login": login,
    }


def _alias(alias: Alias) -> dict[str, Any]:
    return {"targets": list(alias.targets), **{name: alias.value(name) for name in sorted(ALIAS_FLAGS)}}


def _dkim(domain: Domain) -> dict[str, Any]:
    shown: dict[str, Any] = {"state": dkim.state(domain.dkim)}
    for name, key in (("active", domain.dkim.active), ("pending", domain.dkim.pending)):
        shown[name] = (
            None if key is None else {"selector": key.selector, "keySize": key.size, "publicKey": key.public_key}
        )
    return shown


_STATES = {
    "passwordExpired": "password_expired",
    "changePassword": "change_password",
    "appPasswordOnly": "app_password_only",
    "canImpersonate": "can_impersonate",
    "canViewPasswords": "can_view_passwords",
}


def change_account(service: Service, given: Mapping[str, Any]) -> None:
    """Set states of an account, also of a system administrator: twoFactor, twoFactorCode, passwordExpired, disabled,
    changePassword, canImpersonate, password, size (of the mailbox in bytes), lastLogin.

    `twoFactor` is true, false or the second part of the message (`email`, `SYSADMIN_NOT_SETUP`...).
    Raises Refusal for an unknown account, KeyError for an unknown state.
    """
    found = find_identity(service.store, given["email"])
    if found is None:
        raise Refusal(NO_USER)
    known = {"email", "twoFactor", "twoFactorCode", "disabled", "password", "size", "lastLogin", *_STATES}
    unknown = sorted(set(given) - known)
    if unknown:
        raise KeyError(f"unknown key {unknown[0]}; use one of {', '.join(sorted(known))}")
    login, account = found.login, found.account
    if "password" in given:
        found.set_password(service.store, given["password"], service.clock)
    if "twoFactor" in given:
        wanted = given["twoFactor"]
        login.two_factor = wanted if isinstance(wanted, str) else "rfc6238" if wanted else ""
    login.two_factor_code = str(given.get("twoFactorCode", login.two_factor_code))
    for name, attribute in _STATES.items():
        if name in given:
            setattr(login, attribute, bool(given[name]))
    if isinstance(account, User):
        account.size = int(given.get("size", account.size))
        account.last_login = str(given.get("lastLogin", account.last_login))
        if "disabled" in given:
            account.flags["isDisabled"] = bool(given["disabled"])
    elif "disabled" in given:
        account.is_disabled = bool(given["disabled"])
    # An account that is disabled while it is logged in must not keep its session.
    if account.is_disabled:
        service.tokens.revoke_user(found.user_id)
    found.touch(service.store)
