"""Decode JSON about a domain itself: limits, usage, DKIM, password policy. Pure (API reference sections 4, 7 and 8)."""

from dataclasses import dataclass

from reconciler.core.errors import UnexpectedAnswer
from reconciler.core.model import Dkim, DkimKey, ServerLimits, Unset
from reconciler.core.password_policy import ServerPasswordPolicy
from reconciler.smartermail.codec.scalars import Fields, canonical_domain, flag, number, without_surrogates

_MEBIBYTE = 1 << 20
_SWITCHES = {
    "eas": "enableActiveSyncAccountManagement",
    "mapi": "enableMapiEwsAccountManagement",
    "forwarding.to": "enableMailForwarding",
}
"""Field name (as in `core.kinds`) -> the switch in `domainSettings` without which a server does not set the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainSummary:
    """One domain's counts and limits from `settings/sysadmin/domains`; None = unknown, limits 0 = unlimited."""

    name: str
    mailboxes: int | None = None
    mailbox_limit: int | None = None
    aliases: int | None = None
    alias_limit: int | None = None
    domain_aliases: int | None = None
    usage_bytes: int | None = None
    size_limit: int | None = None
    enabled: bool | None = None


def limits(data: Fields, settings: Fields, where: str) -> ServerLimits:
    """Limits and switches of `domainData` and `domainSettings`. A negative limit means unknown (section 1.4)."""

    def first(*found: tuple[Fields, str]) -> int | None:
        values = (number(fields, key, where) for fields, key in found)
        return next((v for v in values if v is not None and v >= 0), None)

    def switch(key: str, limit_key: str = "") -> bool | None:
        value = flag(settings, key, where)
        limit = number(settings, limit_key, where) if limit_key else None
        # A negative number of accounts disables the feature, whatever the switch is.
        if limit is not None and limit < 0:
            return False
        return None if isinstance(value, Unset) else value

    return ServerLimits(
        mailboxes=first((data, "userLimit"), (settings, "maxUsers")),
        aliases=first((data, "aliasLimit"), (settings, "maxAliases")),
        domain_aliases=first((settings, "maxDomainAliases"), (data, "domainAliasLimit")),
        domain_size=first((data, "maxSize"), (settings, "maxSize")),
        eas=first((settings, "maxActiveSyncAccounts")),
        mapi=first((settings, "maxMapiEwsAccounts")),
        eas_enabled=switch(_SWITCHES["eas"], "maxActiveSyncAccounts"),
        mapi_enabled=switch(_SWITCHES["mapi"], "maxMapiEwsAccounts"),
        forwarding_enabled=switch(_SWITCHES["forwarding.to"]),
        setting_names=_SWITCHES,
    )


def usage(data: Fields, where: str) -> int | None:
    """Disk usage of a domain in bytes, from `diskUsage`, `size`, or `sizeMb` in mebibytes (section 4.3)."""
    for key in ("diskUsage", "size"):
        value = number(data, key, where)
        if value is not None:
            return value
    megabytes = number(data, "sizeMb", where)
    return None if megabytes is None else megabytes * _MEBIBYTE


def dkim(settings: Fields) -> Dkim | None:
    """The signing state (section 8); None if the server does not report it."""
    keys = settings.get("domainKeysSettings")
    # Without a clear `isActive`, a plan could enable signing that is already enabled.
    if not isinstance(keys, dict) or not isinstance(keys.get("isActive"), bool):
        return None
    return Dkim(active=keys["isActive"] is True, key=_dkim_key(keys), pending=_dkim_key(keys.get("pending")))


def _dkim_key(value: object) -> DkimKey | None:
    if not isinstance(value, dict):
        return None
    selector, key, size = value.get("selector"), value.get("publicKey"), value.get("keySize")
    if not isinstance(selector, str) or not isinstance(key, str) or not selector or not key:
        return None
    return DkimKey(
        selector=without_surrogates(selector),
        public_key=without_surrogates(key),
        size=size if isinstance(size, int) else 0,
    )


def domain_summary(row: Fields, where: str) -> DomainSummary:
    """One row of `settings/sysadmin/domains`, or `domainData` (sections 4.1 and 4.7)."""
    enabled = flag(row, "isEnabled", where)
    name = row.get("name")
    if not isinstance(name, str) or not name:
        raise UnexpectedAnswer(f"{where}: a row has no name")
    return DomainSummary(
        name=canonical_domain(name),
        mailboxes=number(row, "userCount", where),
        mailbox_limit=number(row, "userLimit", where),
        aliases=number(row, "aliasCount", where),
        alias_limit=number(row, "aliasLimit", where),
        domain_aliases=number(row, "domainAliasCount", where),
        usage_bytes=usage(row, where),
        size_limit=number(row, "maxSize", where),
        enabled=None if isinstance(enabled, Unset) else enabled,
    )


def password_policy(answer: Fields) -> ServerPasswordPolicy | None:
    """The password policy of a domain from `password-settings` (section 5.10); None if the answer has no rules.

    Only one client documents this answer, and only its `overrides`. The key of the server's defaults is unknown.
    Therefore a rule that the domain does not override is unknown. So is a length that is not `enabled`: it may mean no
    minimum, or the server's default.
    """
    rules = answer.get("overrides")
    if not isinstance(rules, dict):
        return None
    length = rules.get("minLength")
    minimum = length.get("ruleValue") if isinstance(length, dict) and length.get("enabled") is True else None

    def rule(key: str) -> bool | None:
        value = rules.get(key)
        return value if isinstance(value, bool) else None

    found = ServerPasswordPolicy(
        min_length=minimum if isinstance(minimum, int) and not isinstance(minimum, bool) else None,
        require_uppercase=rule("requireCapital"),
        require_digit=rule("requireNumber"),
        require_special=rule("requireSymbol"),
    )
    return found if found != ServerPasswordPolicy() else None


def domain_alias_name(row: Fields, where: str) -> str:
    """The canonical name of a row of `domain-aliases` (section 7)."""
    name = row.get("name")
    if not isinstance(name, str) or not name:
        raise UnexpectedAnswer(f"{where}: a row has no name")
    return canonical_domain(name)
