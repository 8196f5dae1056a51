"""The endpoints that the client uses, each with its spellings in order of preference (API reference sections 2 to 7).

A spelling is one method and path of an endpoint; builds differ. The client tries the next spelling only after 404 or
405: any other answer shows that this one exists.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from reconciler.core.errors import RefusedByServer

Bearer = Literal["nobody", "system", "domain"]
"""Which token a request carries: none, the account's own, or one for a domain."""


_HEADER = re.compile("[!-~]+")  # no spaces: HTTP strips them from the ends of a value
_UNSAFE = re.compile(r"[/\\%\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way to write an endpoint.

    Attributes:
        path: the part after `/api/v1/`; `{name}` is a parameter.
        fields: the parameters of the body, under the same names.
        bare: the parameter that is the complete body, if not an object of `fields`.
    """

    method: str
    path: str
    fields: tuple[str, ...] = ()
    bearer: Bearer = "domain"
    bare: str = ""

    @property
    def template(self) -> str:
        """Method and path without values, for logs, counters and messages."""
        return f"{self.method} {self.path}"

    def filled(self, params: Mapping[str, object]) -> str:
        """The path with its parameters percent-encoded.

        Raises:
            RefusedByServer: a parameter cannot be a segment of a path; nothing was sent.
        """
        return re.sub(r"\{(\w+)\}", lambda m: segment(str(params[m[1]])), self.path)

    def body(self, params: Mapping[str, object]) -> object:
        """The JSON body; None for a GET."""
        if self.bare:
            return params[self.bare]
        if self.method == "GET":
            return None
        # A POST without fields sends `{}`, because a filter of the server refuses a null body (API
        # reference section 1.1).
        return {name: params[name] for name in self.fields}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of the API with all its spellings. `writes`: it may change something on the server."""

    name: str
    spellings: tuple[Spelling, ...]
    writes: bool = False


def segment(text: str) -> str:
    """One path segment, percent-encoded.

    Raises:
        RefusedByServer: the text is empty, `.` or `..`, which would change the path. Or it contains `/`, `\\` or `%`,
            which some servers decode before they split the path, or control characters, which truncate names.
    """
    if text in ("", ".", "..") or _UNSAFE.search(text):
        raise RefusedByServer(
            f"the name {text!r} cannot be part of a request's path; nothing was sent",
            hint="change this object in the server's web interface",
        )
    return quote(text, safe="")


def header_value(domain: str) -> str:
    """A domain as the value of a header.

    Raises:
        RefusedByServer: the domain contains characters that a header cannot contain.
    """
    if not _HEADER.fullmatch(domain):
        raise RefusedByServer(
            f"the domain {domain!r} cannot be part of a request's header; nothing was sent",
            hint="change this domain in the server's web interface",
        )
    return domain


def _get(path: str, bearer: Bearer = "domain") -> Spelling:
    return Spelling("GET", path, (), bearer)


def _post(path: str, *fields: str, bearer: Bearer = "domain") -> Spelling:
    return Spelling("POST", path, fields, bearer)


# Not a write: if the answer is lost, another login is harmless. A rejected login is final, because rejections count
# (section 2.10).
LOGIN = Endpoint(
    "login",
    (
        _post(
            "auth/authenticate-user", "username", "password", "language", "twoFactorCode", "clientId", bearer="nobody"
        ),
    ),
)
REFRESH = Endpoint("refresh", (_post("auth/refresh-token", "token", "clientId", bearer="nobody"),), writes=True)
LOGOUT = Endpoint("logout", (_post("auth/logout-user", bearer="system"),))

# Not a write, although it is a POST: it only issues a token, so that it can be sent again after a failure.
MANAGE_DOMAIN = Endpoint("manage domain", (_post("settings/sysadmin/manage-domain/{domain}", bearer="system"),))
ONE_DOMAIN = Endpoint("one domain", (_get("settings/sysadmin/domain/{domain}", "system"),))
DOMAINS = Endpoint("domains", (_get("settings/sysadmin/domains", "system"),))
DOMAIN_NAMES = Endpoint("domain names", (_get("settings/sysadmin/domain-names", "system"),))
VERSION = Endpoint("version", (_get("settings/sysadmin/get-version", "system"),))

DATA = Endpoint("domain data", (_get("settings/domain/data"),))
SETTINGS = Endpoint(
    "domain settings", (_get("settings/domain/domain"), _get("settings/sysadmin/domain-settings/{domain}", "system"))
)
USERS = Endpoint("users", (_get("settings/domain/list-users"), _get("settings/sysadmin/list-users/{domain}", "system")))
# Other clients confirm only the first path (API reference section 6.1). The others cost a request only after a 404.
ALIASES = Endpoint(
    "aliases",
    (_get("settings/domain/aliases"), _get("settings/domain/alias-list"), _get("settings/domain/list-aliases")),
)
SEARCH = Endpoint(
    "account search",
    (
        _post(
            "settings/domain/account-list-search",
            "search",
            "searchFlags",
            "skip",
            "take",
            "sortField",
            "sortDescending",
        ),
    ),
)
DOMAIN_ALIASES = Endpoint("domain aliases", (_get("settings/domain/domain-aliases"),))
USER = Endpoint(
    "user",
    (
        _post("settings/domain/get-user", "email"),
        _get("settings/domain/user/{email}"),
        _post("settings/sysadmin/get-user", "email", bearer="system"),
        _get("settings/sysadmin/user/{email}", "system"),
    ),
)
USER_MAIL = Endpoint(
    "mail settings", (_post("settings/domain/get-user-mail", "email"), _get("settings/domain/user-mail/{email}"))
)
FORWARDS = Endpoint(
    "forward list",
    (
        _post("settings/domain/get-mailbox-forward-list", "email"),
        _get("settings/domain/mailbox-forward-list/{email}"),
    ),
)
ALIAS = Endpoint("alias", (_get("settings/domain/alias/{name}"),))
PASSWORD_SETTINGS = Endpoint("password settings", (_get("settings/domain/password-settings"),))
EAS = Endpoint("EAS accounts", (_get("settings/domain/active-sync-mailboxes"),))
MAPI = Endpoint("MAPI accounts", (_get("settings/domain/mapi-ews-mailboxes"),))


def _write(name: str, *spellings: Spelling) -> Endpoint:
    return Endpoint(name, spellings, writes=True)


CREATE_USER = _write("create user", _post("settings/domain/user-put", "userData", "userMailSettings", "forwardList"))
UPDATE_USER = _write("update user", _post("settings/domain/post-user", "email", "userData"))
DISABLE_USERS = _write("disable users", _post("settings/domain/users-disable/{disable}/{allowMail}", "input"))
# The second path worked until 2023 and fails since build 9088 (API reference section 5.3).
UPDATE_USER_MAIL = _write(
    "update mail settings",
    _post("settings/domain/post-user-mail", "email", "userMailSettings"),
    _post("settings/domain/user-mail/{email}", "email", "userMailSettings"),
)
UPDATE_FORWARDS = _write(
    "update forward list", _post("settings/domain/post-mailbox-forward-list", "email", "mailboxForwardList")
)
# The bulk call is first, because it refuses the primary administrator and the caller (API reference section 5.7).
# `account-list-delete` is last, because it deletes accounts of any kind.
DELETE_USER = _write(
    "delete user",
    _post("settings/domain/users-delete", "input"),
    _post("settings/domain/user-delete/{name}"),
    _post("settings/domain/account-list-delete", "input"),
)
RENAME_USER = _write("rename user", _post("settings/domain/rename-user/{old}/{new}"))
CREATE_ALIAS = _write("create alias", _post("settings/domain/alias-put", "oldName", "alias"))
UPDATE_ALIAS = _write("update alias", _post("settings/domain/alias", "oldName", "alias"))
# Without `account-list-delete` as a fallback: a mistaken name could then delete a mailbox (API reference section 5.7).
DELETE_ALIAS = _write("delete alias", _post("settings/domain/alias-delete/{name}"))
CREATE_DOMAIN_ALIAS = _write("create domain alias", _post("settings/domain/domain-alias-put/{name}/{checkMx}"))
DELETE_DOMAIN_ALIAS = _write("delete domain alias", _post("settings/domain/domain-alias-delete/{name}"))
PATCH_EAS = _write("EAS accounts", Spelling("POST", "settings/domain/active-sync-mailboxes-patch", bare="rows"))
PATCH_MAPI = _write("MAPI accounts", Spelling("POST", "settings/domain/mapi-ews-mailboxes-patch", bare="rows"))
