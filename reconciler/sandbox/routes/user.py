"""Single users: read, create, change, enable, disable, delete (API reference sections 5.2, 5.4 to 5.7)."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox import defaults
from reconciler.sandbox.accounts import (
    apply_user_data,
    check_changed_password,
    create_user,
    delete_user,
    set_password,
    why_undeletable,
)
from reconciler.sandbox.binder import Fields
from reconciler.sandbox.call import Call, Route
from reconciler.sandbox.envelope import Refusal, Reply, ok
from reconciler.sandbox.model import Domain, User
from reconciler.sandbox.names import bare_name, local_part
from reconciler.sandbox.store import NAME_IN_USE, NO_USER
from reconciler.sandbox.user_views import user_data


def get_user(call: Call) -> Reply:
    """`POST get-user` and `GET user/{email}` of a domain administrator."""
    user = call.user(_email(call))
    return ok(userData=user_data(call.domain, user))


def get_user_as_system(call: Call) -> Reply:
    """`POST settings/sysadmin/get-user` and `GET settings/sysadmin/user/{email}`."""
    domain, user = _by_address(call)
    return ok(userData=user_data(domain, user))


def user_exists(call: Call) -> Reply:
    """`POST settings/sysadmin/user-exists`."""
    _by_address(call)
    return ok(exists=True)


def name_is_free(call: Call) -> Reply:
    """`GET settings/domain/email-alias-does-not-exists/{localpart}`: success means that the name is free."""
    if call.domain.is_taken(local_part(call.param("localpart"), call.domain.name)):
        raise Refusal(NAME_IN_USE)
    return ok()


def put_user(call: Call) -> Reply:
    """`POST settings/domain/user-put` (section 5.4)."""
    user = create_user(call, call.domain, call.fields)
    return ok(userName=user.name, emailAddress=call.domain.address(user.name))


def put_user_as_system(call: Call) -> Reply:
    """`POST settings/sysadmin/user-put`: the domain is in the body or in the address."""
    data = call.fields.fields("userData")
    name = call.fields.text("domain") or call.fields.text("domainName") or (data.text("domain") if data else None)
    if not name:
        address = call.fields.text("email") or ((data.text("userName") or data.text("emailAddress")) if data else "")
        name = (address or "").rpartition("@")[2]
    create_user(call, call.store.domain(name), call.fields)
    return ok()


def put_password_as_system(call: Call) -> Reply:
    """`POST settings/sysadmin/user-password-put`."""
    domain, user = _by_address(call)
    set_password(call, domain, user, call.fields.text("password") or call.fields.text("newPassword") or "")
    return ok()


def post_user(call: Call) -> Reply:
    """`POST settings/domain/post-user`: merges the given fields; an absent password is kept (section 5.5)."""
    domain, user = call.domain, call.user(_email(call))
    data = call.fields.fields("userData") or Fields({})
    password, is_expired = data.text("password"), data.flag("isPasswordExpired")
    if password:
        check_changed_password(domain, user, password)
    after = _merged(call, user, data)
    before = _visible(user)
    user.data, user.flags, user.quota = after.data, after.flags, after.quota
    if password:
        set_password(call, domain, user, password)
    if is_expired is not None:
        user.login.password_expired = is_expired
    is_same = before == _visible(user)
    call.store.touch(domain, "users", user.name)
    if not (password and is_same):
        call.store.note("noop" if is_same else "update", "user", domain.address(user.name))
    if user.is_disabled:
        call.service.tokens.revoke_user(domain.address(user.name))
    return ok()


def _merged(call: Call, user: User, data: Fields) -> User:
    """A copy of the user with the changes of post-user. The stored user does not change, because binding may fail."""
    merged = User(user.name, user.password, is_primary=user.is_primary)
    if "post-user-blanks" not in call.quirks:
        merged.data, merged.flags, merged.quota = dict(user.data), dict(user.flags), user.quota
    takes_flags = "securityflags-ignored-in-post-user" not in call.quirks
    if takes_flags and "securityflags-replaced" in call.quirks and data.value("securityFlags") is not None:
        merged.flags = {}
    apply_user_data(merged, data, flags=takes_flags)
    return merged


def _visible(user: User) -> tuple[Any, ...]:
    return (
        {**defaults.USER_DATA, **user.data},
        {**defaults.SECURITY_FLAGS, **user.flags},
        user.quota,
        user.login.password_expired,
    )


def disable_users(call: Call) -> Reply:
    """`POST settings/domain/users-disable/{disable}/{allowMail}` (section 5.6)."""
    allow_mail = call.flag_param("allowMail") if "allowMail" in call.params else False
    return _disable(call, call.domain, allow_mail=allow_mail)


def disable_users_as_system(call: Call) -> Reply:
    """`POST settings/sysadmin/users-disable/{disable}/{domain}`."""
    return _disable(call, call.store.domain(call.param("domain")), allow_mail=False)


def _disable(call: Call, domain: Domain, *, allow_mail: bool) -> Reply:
    disable = call.flag_param("disable")
    # All users are looked up first: an unknown one must not leave the others half disabled.
    users = [call.find_user(domain, name) for name in call.body.inputs("input")]
    for user in users:
        is_same = user.is_disabled == disable
        user.flags["isDisabled"] = disable
        user.login.allow_mail = disable and allow_mail
        call.store.touch(domain, "users", user.name)
        call.store.note("noop" if is_same else "update", "user", domain.address(user.name))
        if disable:
            call.service.tokens.revoke_user(domain.address(user.name))
    return ok()


def delete_users(call: Call) -> Reply:
    """`POST settings/domain/users-delete`."""
    return _delete(call, call.domain, call.body.inputs("input"))


def delete_users_as_system(call: Call) -> Reply:
    """`POST settings/sysadmin/users-delete/{domain}`."""
    return _delete(call, call.store.domain(call.param("domain")), call.body.inputs("input"))


def delete_one_user(call: Call) -> Reply:
    """`POST settings/domain/user-delete/{localpart}`."""
    return _delete(call, call.domain, [call.param("localpart")])


def _delete(call: Call, domain: Domain, names: list[str]) -> Reply:
    """Delete all users that can be deleted, then raise Refusal with the others."""
    problems = []
    for given in names:
        name = bare_name(given, domain.name)
        if name not in domain.users:
            problems.append(f"{given}: {NO_USER}")
            continue
        reason = why_undeletable(call, domain, name)
        if reason:
            problems.append(f"{given}: {reason}")
        else:
            delete_user(call, domain, name)
    if problems:
        raise Refusal("; ".join(problems))
    return ok()


def rename_user(call: Call) -> Reply:
    """`POST settings/domain/rename-user/{old}/{new}` (section 5.5)."""
    domain, user = call.domain, call.user(call.param("old"))
    old, new = user.name, local_part(call.param("new"), call.domain.name)
    if new != old and domain.is_taken(new):
        raise Refusal(NAME_IN_USE)
    # The domain names its primary administrator, so that the reference must follow.
    if user.is_primary:
        domain.main_admin = new
        call.store.touch(domain)
    del domain.users[old]
    call.store.touch(domain, "users", old)
    user.name = new
    domain.users[new] = user
    call.store.touch(domain, "users", new)
    call.service.tokens.revoke_user(domain.address(old))
    call.store.note("rename", "user", domain.address(old))
    return ok()


def _email(call: Call) -> str:
    return call.params.get("email") or call.fields.text("email") or call.fields.text("emailAddress") or ""


def _by_address(call: Call) -> tuple[Domain, User]:
    email = _email(call)
    domain = call.store.domain(email.rpartition("@")[2])
    return domain, call.find_user(domain, email)


ROUTES = (
    Route("POST", "settings/domain/get-user", "DA", get_user),
    Route("GET", "settings/domain/user/{email}", "DA", get_user),
    Route("POST", "settings/sysadmin/get-user", "SA", get_user_as_system),
    Route("GET", "settings/sysadmin/user/{email}", "SA", get_user_as_system),
    Route("POST", "settings/sysadmin/user-exists", "SA", user_exists),
    Route("GET", "settings/domain/email-alias-does-not-exists/{localpart}", "DA", name_is_free),
    Route("POST", "settings/domain/user-put", "DA", put_user, is_write=True),
    Route("POST", "settings/sysadmin/user-put", "SA", put_user_as_system, is_write=True),
    Route("POST", "settings/sysadmin/user-password-put", "SA", put_password_as_system, is_write=True),
    Route("POST", "settings/domain/post-user", "DA", post_user, is_write=True),
    Route("POST", "settings/domain/users-disable/{disable}", "DA", disable_users, is_write=True),
    Route("POST", "settings/domain/users-disable/{disable}/{allowMail}", "DA", disable_users, is_write=True),
    Route("POST", "settings/sysadmin/users-disable/{disable}/{domain}", "SA", disable_users_as_system, is_write=True),
    Route("POST", "settings/domain/users-delete", "DA", delete_users, is_write=True),
    Route("POST", "settings/sysadmin/users-delete/{domain}", "SA", delete_users_as_system, is_write=True),
    Route("POST", "settings/domain/user-delete/{localpart}", "DA", delete_one_user, is_write=True),
    Route("POST", "settings/domain/rename-user/{old}/{new}", "DA", rename_user, is_write=True),
)
