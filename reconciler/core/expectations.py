"""The expected DNS of a domain: overrides as written in files, and the expectation that results from them."""

from dataclasses import dataclass, field, fields, replace
from typing import Literal, get_args

from reconciler.core.source import Span

DmarcPolicy = Literal["none", "quarantine", "reject"]

CheckId = Literal[
    "mx",
    "spf",
    "dkim",
    "autodiscover",
    "dmarc",
    "ptr",
    "mta-sts",
    "tls-rpt",
    "dane",
    "dnssec",
    "client-srv",
    "autoconfig",
    "bulk",
    "parked",
    "delegation",
]
CHECK_IDS: tuple[CheckId, ...] = get_args(CheckId)
CheckLevel = Literal["off", "info", "warn", "fail"]
"""The worst status that a check can have: `info` is a pass, `fail` lowers nothing, `off` skips the check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSetting:
    """A row of `dns.checks`, with its location."""

    id: CheckId
    level: CheckLevel
    origin: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsOverrides:
    """The `dns` section of a product or a domain; None = not stated there (product options 13 and 18 to 23).

    Attributes:
        spf_senders: in the order of the file; empty = unknown, even if the product states some.
        checks: sorted by id, each id once. Unlike other settings they are inherited one by one.
    """

    mx_hosts: tuple[str, ...] | None = None
    spf_primary: str | None = None
    spf_secondary: tuple[str, ...] | None = None
    spf_senders: tuple[str, ...] | None = None
    autodiscover_host: str | None = None
    autodiscover_srv_target: str | None = None
    dmarc_check: bool | None = None
    dmarc_rua: str | None = None
    dmarc_policy: DmarcPolicy | None = None
    checks: tuple[CheckSetting, ...] | None = None
    sends: bool | None = None

    def over(self, base: "DnsOverrides") -> "DnsOverrides":
        """These overrides, with unset ones taken from `base`."""
        stated = {f.name: v for f in fields(self) if (v := getattr(self, f.name)) is not None}
        # A domain that lowers one check must not lose the settings of the product for all others.
        if self.checks is not None and base.checks is not None:
            rows = {row.id: row for row in (*base.checks, *self.checks)}
            stated["checks"] = tuple(sorted(rows.values(), key=lambda row: row.id))
        return replace(base, **stated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The complete expected DNS of one domain.

    Attributes:
        hostname: the mail server's own name, as in HELO; empty = unknown.
        spf_primary: the recommended mechanism, e.g. `include:mail.example.com`; None = the product has none.
        spf_secondary: accepted as valid, never recommended.
        spf_senders: canonical addresses and host names from which the server sends; empty = unknown.
        checks: the checks that are off or lowered; other checks keep their status.
        sends: whether the domain sends mail.
        dmarc_check: False = not checked; a missing record is not a fault.
        dmarc_stated: whether a file sets the policy; False = `none` is only the default.
    """

    mx_hosts: tuple[str, ...]
    spf_primary: str | None
    spf_secondary: tuple[str, ...]
    autodiscover_host: str
    autodiscover_srv_target: str
    dmarc_check: bool
    dmarc_rua: str | None
    dmarc_policy: DmarcPolicy
    spf_senders: tuple[str, ...] = ()
    checks: tuple[CheckSetting, ...] = ()
    sends: bool = True
    hostname: str = ""
    dmarc_stated: bool = True

    def check(self, check_id: str) -> CheckSetting | None:
        """The setting of a check; None without one."""
        return next((row for row in self.checks if row.id == check_id), None)


def expectation(hostname: str, *layers: DnsOverrides) -> Expected:
    """The expectation for a domain on the server `hostname`; later layers win (product, then domain)."""
    merged = DnsOverrides()
    for layer in layers:
        merged = layer.over(merged)
    return Expected(
        mx_hosts=merged.mx_hosts or (hostname,),
        spf_primary=merged.spf_primary,
        spf_secondary=merged.spf_secondary or (),
        autodiscover_host=merged.autodiscover_host or hostname,
        autodiscover_srv_target=merged.autodiscover_srv_target or hostname,
        # The check is an option of the product, so it is off unless a file states it.
        dmarc_check=bool(merged.dmarc_check),
        dmarc_rua=merged.dmarc_rua,
        dmarc_policy=merged.dmarc_policy or "none",
        spf_senders=merged.spf_senders or (),
        checks=merged.checks or (),
        # Most domains send mail. The records of a parked domain would make receivers reject all of it.
        sends=merged.sends is not False,
        hostname=hostname,
        dmarc_stated=merged.dmarc_policy is not None,
    )
