"""Quirks: named switches with which the sandbox behaves like other builds (API reference section 11)."""

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
    # login
    "bad-login-200": "section 2.1: bad credentials answer 200 with success:false",
    "bad-login-400": "section 2.1: bad credentials answer 400 USER_NOT_FOUND",
    "bad-login-403": "section 2.1: bad credentials answer 403",
    "bad-login-empty": "section 2.1: bad credentials answer 401 with an empty body",
    "two-factor-old": "section 2.2: two-factor logins answer 401 without a token (older builds)",
    "two-factor-success-false": "section 2.2: two-factor logins answer 200 with success:false and a step token",
    "two-factor-no-success": "section 2.2: two-factor logins answer 200 with a step token and no success key",
    "no-password-expired-field": "section 2.1: logins lack passwordExpired and refreshTokenExpiration (older)",
    "logout-keeps-tokens": "section 2.6: logout does not revoke tokens (older builds)",
    "client-id-ignored": "section 2.3: a new login does not revoke earlier tokens (older builds)",
    "ids-blocks-logins-only": "section 2.10: a blocked address can still use its existing tokens",
    # domain context
    "header-context-ignored": "section 2.7: X-SmarterMailDomain is ignored",
    "header-mx-checked": "section 7: the MX check applies to an SA with the header as to a DA",
    "address-in-path-needs-context": "section 2.7: the address in the path gives an SA token no domain context",
    # domains
    "admin-not-counted": "section 10 no. 15: userCount and userLimit exclude the primary administrator",
    "limit-names-strict": "section 4.5: userLimit, aliasLimit... in domain-settings writes are ignored",
    "usage-as-size": "section 4.3: domainData has the usage as size and sizeMb, not as diskUsage",
    "usage-as-sizemb": "section 4.3: domainData has the usage as sizeMb only",
    "settings-without-switches": "section 4.4: domain settings lack the switches of EAS, MAPI and forwarding",
    "no-domain-alias-count": "section 4.7: domainData has no domainAliasCount",
    # users
    "no-total-count": "section 10 no. 21: searches have no totalCount",
    "truncate-take": "section 10 no. 21: searches return at most 1000 rows without notice",
    "truncate-take-to-100": "section 10 no. 21: searches return at most 100 rows without notice",
    "skip-ignored": "section 10 no. 21: searches ignore skip and start with the first row",
    "take-defaults-to-100": "section 5.1: a search without take returns 100 rows, not all",
    "unsorted-rows": "section 10 no. 32: list rows are unsorted without sortField",
    "admin-hidden": "section 10 no. 14: user lists omit the primary administrator",
    "list-rows-without-sizes": "section 5.1: list-users rows lack isPrimaryDomainAdmin and sizes (older builds)",
    "list-rows-without-flags": "section 11: list-users rows lack securityFlags",
    "search-rows-with-seats": "section 5.1: account-list-search rows have EAS and MAPI flags",
    "search-mixed-kinds": "section 5.1: account-list-search ignores searchFlags and mixes kinds",
    "post-user-blanks": "section 10 no. 23: post-user clears omitted fields",
    "post-user-mail-blanks": "section 11: post-user-mail resets omitted fields to their defaults",
    "securityflags-replaced": "section 5.5: post-user replaces securityFlags completely",
    "securityflags-ignored-in-post-user": "section 5.6: post-user does not change securityFlags",
    "mail-isenabled-is-enabled": "section 5.6: userMailSettings.isEnabled is the same switch as isDisabled",
    "users-disable-missing": "section 5.6: users-disable does not exist",
    "forward-flag-off-default": "section 5.8: new users have enableMailForwarding false",
    "forward-needs-flag": "section 5.8: a forward list is readable only while enableMailForwarding is true",
    "forward-omitted-resets": "section 5.8: omitted keepRecipients and spamForwardOption are reset to their defaults",
    "seats-403-when-off": "section 5.9: EAS/MAPI activation answers 403 if it is off for the domain",
    "eas-flag-off": "section 5.9: new domains have enableActiveSyncAccountManagement false",
    "mapi-flag-off": "section 5.9: new domains have enableMapiEwsAccountManagement false",
    "no-sysadmin-user-put": "section 5.4: settings/sysadmin/user-put and user-password-put do not exist",
    # aliases and domain aliases
    "alias-rows-with-flags": "section 6.1: rows of GET aliases have all flags",
    "alias-rows-old-key": "section 6.1: rows of GET aliases have aliasTargetList instead of targets (older builds)",
    "alias-rows-null-targets": "section 6.1: rows of GET aliases have null targets",
    "alias-rows-without-targets": "section 10 no. 18: alias rows of account-list-search have no targets or flags",
    "aliases-moved": "section 6.1: GET aliases does not exist, GET list-aliases does",
    "alias-object-old": "section 6.2: alias objects lack isEnabled and description (older builds)",
    "alias-update-resets-flags": "section 10 no. 22: an alias update resets omitted flags to their defaults",
    "bare-targets": "section 10 no. 30: targets in the same domain are returned as bare local parts",
    "reordered-targets": "section 6.3: targets are returned in another order",
    "empty-lists-arrays": "section 1.4: empty gridInfo and domainAliasData are [] instead of null",
    "gridinfo-empty-string": 'section 6.1: an empty gridInfo is ""',
    # dkim
    "dkim-enable-refuses": "section 8: dkim-enable on an unverifiable key answers success:false",
}
"""Name -> effect, with the section of docs/reference/smartermail-api.md. All quirks are off by default."""

PARAMETERISED: dict[str, str] = {
    "missing": "section 10 no. 28: an endpoint answers 404: missing:settings/domain/list-users",
    "not-allowed": "section 11: an endpoint answers 405: not-allowed:settings/domain/get-user",
}
"""Quirks with an endpoint after a colon, optionally with its method: `missing:POST settings/domain/get-user`."""

_IMPLIED_MISSING = {
    "users-disable-missing": ("settings/domain/users-disable", "settings/sysadmin/users-disable"),
    "aliases-moved": ("settings/domain/aliases",),  # list-aliases exists instead
    "no-sysadmin-user-put": ("settings/sysadmin/user-put", "settings/sysadmin/user-password-put"),
}

_MOVED_ALIASES = "settings/domain/list-aliases"


class UnknownQuirkError(ValueError):
    """The name of a quirk is unknown."""


class Quirks:
    """The active quirks."""

    def __init__(self, names: Iterable[str] = (), *, known: Collection[tuple[str, str]] = ()) -> None:
        """`known`: methods and patterns of all endpoints, to reject quirks of unknown endpoints."""
        self._known = frozenset(
            one for method, pattern in known for bare in _spellings(pattern) for one in ((method, bare), ("", bare))
        )
        self.names: frozenset[str] = frozenset()
        self._absent: dict[str, set[tuple[str, str]]] = {}
        self.set(names)

    def set(self, names: Iterable[str]) -> None:
        """Activate these quirks and no others.

        Raises UnknownQuirkError for an unknown name or endpoint; then nothing changes.
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
                raise UnknownQuirkError(f"unknown quirk {name!r}; use one of: {known}")
        self.names = wanted
        self._absent = absent

    def __contains__(self, name: str) -> bool:
        # A misspelled quirk in a handler would be off forever.
        assert name in QUIRKS, name
        return name in self.names

    def missing(self, method: str, pattern: str) -> bool:
        """Whether a quirk removes the endpoint `pattern` (as in the route table)."""
        if pattern == _MOVED_ALIASES and "aliases-moved" not in self.names:
            return True
        return self._is_absent("missing", method, pattern)

    def not_allowed(self, method: str, pattern: str) -> bool:
        """Whether a quirk lets the endpoint `pattern` answer 405."""
        return self._is_absent("not-allowed", method, pattern)

    def _is_absent(self, kind: str, method: str, pattern: str) -> bool:
        absent = self._absent[kind]
        if not absent:
            return False
        return any((one, bare) in absent for bare in _spellings(pattern) for one in ("", method))

    def _endpoint(self, name: str, text: str) -> tuple[str, str]:
        """The method (or an empty string) and the path of a quirk's endpoint."""
        head, _, tail = text.strip().partition(" ")
        method, path = (head.upper(), tail) if tail else ("", head)
        found = method, path.strip().strip("/").lower().removeprefix("api/v1/")
        if self._known and found not in self._known:
            raise UnknownQuirkError(
                f"quirk {name!r} names no endpoint; use one that /Documentation/api of the sandbox lists, "
                "such as missing:settings/domain/list-users or missing:GET settings/domain/user/{email}"
            )
        return found


def _spellings(pattern: str) -> tuple[str, str]:
    """The names of an endpoint in quirks: complete, or without its parameters."""
    lowered = pattern.lower()
    return lowered, lowered.partition("/{")[0]
