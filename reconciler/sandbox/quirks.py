"""Named switches for the uncertainties of API reference section 11: servers differ, the sandbox can be any of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

QUIRKS: dict[str, str] = {
    # answers and errors
    "business-errors-4xx": "section 1.3: business errors come as HTTP 400 instead of 200 with success:false",
    "reason-phrase-errors": "section 1.3: the error text is in the reason phrase, the body is empty (older builds)",
    "no-message": "section 1.2: answers have no message key",
    "resultcode-string": 'section 1.2: resultCode is an enum string such as "OK" (older builds)',
    "no-success-on-writes": "section 11: successful writes carry no success key",
    "strict-binder": "section 1.2: only exact camelCase names and proper JSON types are accepted",
    "unknown-domain-404": "section 2.7: manage-domain on an unknown domain answers 404 instead of 400",
    "missing-context-400": "section 1.3: an SA token without domain context gets HTTP 400 instead of 200",
    "unknown-user-400": "section 1.3: get-user of an unknown user answers HTTP 400 User not found",
    # signing in
    "bad-login-200": "section 2.1: bad credentials answer 200 with success:false",
    "bad-login-400": "section 2.1: bad credentials answer 400 USER_NOT_FOUND",
    "bad-login-403": "section 2.1: bad credentials answer 403",
    "bad-login-empty": "section 2.1: bad credentials answer 401 with an empty body",
    "two-factor-old": "section 2.2: two-factor asks with 401 and no token (older builds)",
    "two-factor-success-false": "section 2.2: two-factor asks with 200, success:false and a step token",
    "two-factor-no-success": "section 2.2: two-factor asks with 200, a step token and no success key",
    "no-password-expired-field": "section 2.1: logins lack passwordExpired and refreshTokenExpiration (older)",
    "logout-keeps-tokens": "section 2.6: logout does not revoke (older builds)",
    "client-id-ignored": "section 2.3: a new login leaves earlier tokens alive (older builds)",
    "ids-blocks-logins-only": "section 2.10: a blocked address may still use tokens that it has",
    # domain context
    "header-context-ignored": "section 2.7: X-SmarterMailDomain is not honoured",
    "header-mx-checked": "section 7: an SA with the header is held to the MX check like a DA",
    "address-in-path-needs-context": "section 2.7: the address in the path gives no context to an SA token",
    # domains
    "admin-not-counted": "section 10 no. 15: userCount and userLimit leave the primary administrator out",
    "limit-names-strict": "section 4.5: userLimit, aliasLimit... in domain-settings writes are ignored",
    "usage-as-size": "section 4.3: domainData gives usage as size and sizeMb, not diskUsage",
    "usage-as-sizemb": "section 4.3: domainData gives usage as sizeMb only",
    "settings-without-switches": "section 4.4: domain settings do not tell whether EAS, MAPI and forwarding are on",
    "no-domain-alias-count": "section 4.7: domainData has no domainAliasCount",
    # users
    "no-total-count": "section 10 no. 21: searches carry no totalCount",
    "truncate-take": "section 10 no. 21: searches return at most 1000 rows, silently",
    "truncate-take-to-100": "section 10 no. 21: searches return at most 100 rows, silently",
    "skip-ignored": "section 10 no. 21: searches begin with the first row whatever skip says",
    "take-defaults-to-100": "section 5.1: a search without take returns 100 rows, not all",
    "unsorted-rows": "section 10 no. 32: list rows come in no useful order unless sortField is given",
    "admin-hidden": "section 10 no. 14: user lists leave the primary administrator out",
    "list-rows-without-sizes": "section 5.1: list-users rows lack isPrimaryDomainAdmin and sizes (older builds)",
    "list-rows-without-flags": "section 11: list-users rows lack securityFlags",
    "search-rows-with-seats": "section 5.1: account-list-search rows carry EAS and MAPI flags",
    "search-mixed-kinds": "section 5.1: account-list-search ignores searchFlags and mixes kinds",
    "post-user-blanks": "section 10 no. 23: post-user replaces, what is left out becomes blank",
    "post-user-mail-blanks": "section 11: post-user-mail replaces, what is left out becomes the default",
    "securityflags-replaced": "section 5.5: securityFlags is replaced wholly by post-user",
    "securityflags-ignored-in-post-user": "section 5.6: post-user does not change securityFlags",
    "mail-isenabled-is-enabled": "section 5.6: userMailSettings.isEnabled is the same switch as isDisabled",
    "users-disable-missing": "section 5.6: users-disable does not exist",
    "forward-flag-off-default": "section 5.8: new users have enableMailForwarding false",
    "forward-needs-flag": "section 5.8: a forward list is only readable while enableMailForwarding is on",
    "forward-omitted-resets": "section 5.8: keepRecipients and spamForwardOption fall back when left out",
    "seats-403-when-off": "section 5.9: EAS/MAPI patch with the domain flag off answers 403",
    "eas-flag-off": "section 5.9: new domains have enableActiveSyncAccountManagement false",
    "mapi-flag-off": "section 5.9: new domains have enableMapiEwsAccountManagement false",
    "no-sysadmin-user-put": "section 5.4: settings/sysadmin/user-put and user-password-put do not exist",
    # aliases and domain aliases
    "alias-rows-with-flags": "section 6.1: rows of GET aliases carry all flags",
    "alias-rows-old-key": "section 6.1: rows of GET aliases have aliasTargetList instead of targets (older builds)",
    "alias-rows-null-targets": "section 6.1: rows of GET aliases have null targets",
    "alias-rows-without-targets": "section 10 no. 18: alias rows of account-list-search carry no targets or flags",
    "aliases-moved": "section 6.1: GET aliases does not exist, GET list-aliases does",
    "alias-object-old": "section 6.2: alias objects lack isEnabled and description (older builds)",
    "alias-update-resets-flags": "section 10 no. 22: flags left out of an alias update fall back to defaults",
    "bare-targets": "section 10 no. 30: targets of the same domain come back as bare local parts",
    "reordered-targets": "section 6.3: targets come back in another order",
    "empty-lists-arrays": "section 1.4: empty gridInfo and domainAliasData are [] instead of null",
    "gridinfo-empty-string": 'section 6.1: an empty gridInfo is ""',
    # dkim
    "dkim-enable-refuses": "section 8: dkim-enable on an unverifiable key answers success:false",
}
"""Name -> what it changes, with the section of docs/reference/smartermail-api.md. All off by default."""

PARAMETERISED: dict[str, str] = {
    "missing": "section 10 no. 28: an endpoint spelling does not exist (404): missing:settings/domain/list-users",
    "not-allowed": "section 11: an endpoint spelling answers 405: not-allowed:settings/domain/get-user",
}
"""Quirks that take an endpoint after a colon, optionally with its method: `missing:POST settings/domain/get-user`."""

_IMPLIED_MISSING = {
    "users-disable-missing": ("settings/domain/users-disable", "settings/sysadmin/users-disable"),
    "aliases-moved": ("settings/domain/aliases",),  # and then list-aliases exists
    "no-sysadmin-user-put": ("settings/sysadmin/user-put", "settings/sysadmin/user-password-put"),
}

_MOVED_TO = "settings/domain/list-aliases"


class UnknownQuirkError(ValueError):
    """A quirk's name is not in the table."""


class Quirks:
    """The quirks that are on."""

    def __init__(self, names: Iterable[str] = (), *, known: Collection[tuple[str, str]] = ()) -> None:
        """`known` are the methods and patterns of all endpoints, for refusing quirks of endpoints that are none."""
        self._known = frozenset(
            one for method, pattern in known for bare in _spellings(pattern) for one in ((method, bare), ("", bare))
        )
        self.names: frozenset[str] = frozenset()
        self._absent: dict[str, set[tuple[str, str]]] = {}
        self.set(names)

    def set(self, names: Iterable[str]) -> None:
        """Turn exactly these on.

        Raises UnknownQuirkError, and then changes nothing, when a name is not in the table, or its endpoint is none.
        """
        wanted = frozenset(names)
        absent: dict[str, set[tuple[str, str]]] = {"missing": set(), "not-allowed": set()}
        for name in wanted:
            head, _, endpoint = name.partition(":")
            if name in QUIRKS:
                absent["missing"].update(("", path) for path in _IMPLIED_MISSING.get(name, ()))
            elif head in PARAMETERISED and endpoint.strip():
                absent[head].add(self._endpoint(name, endpoint))
            else:
                known = ", ".join([*QUIRKS, *(f"{head}:ENDPOINT" for head in PARAMETERISED)])
                raise UnknownQuirkError(f"unknown quirk {name!r}; known are: {known}")
        self.names = wanted
        self._absent = absent

    def __contains__(self, name: str) -> bool:
        assert name in QUIRKS, name
        return name in self.names

    def missing(self, method: str, pattern: str) -> bool:
        """Whether the endpoint `pattern` (as in the route table) is switched off."""
        if pattern == _MOVED_TO and "aliases-moved" not in self.names:
            return True
        return self._is_absent("missing", method, pattern)

    def not_allowed(self, method: str, pattern: str) -> bool:
        """Whether the endpoint `pattern` answers 405."""
        return self._is_absent("not-allowed", method, pattern)

    def _is_absent(self, kind: str, method: str, pattern: str) -> bool:
        absent = self._absent[kind]
        if not absent:
            return False
        return any((one, bare) in absent for bare in _spellings(pattern) for one in ("", method))

    def _endpoint(self, name: str, text: str) -> tuple[str, str]:
        """The method, or none, and the path of a quirk's endpoint."""
        head, _, tail = text.strip().partition(" ")
        method, path = (head.upper(), tail) if tail else ("", head)
        found = method, path.strip().strip("/").lower().removeprefix("api/v1/")
        if self._known and found not in self._known:
            raise UnknownQuirkError(
                f"quirk {name!r} names no endpoint; write one as /Documentation/api of the sandbox lists it, "
                "such as missing:settings/domain/list-users or missing:GET settings/domain/user/{email}"
            )
        return found


def _spellings(pattern: str) -> tuple[str, str]:
    """How a quirk may name an endpoint: whole, or without its parameters."""
    lowered = pattern.lower()
    return lowered, lowered.partition("/{")[0]
