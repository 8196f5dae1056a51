"""What a domain's DNS should say: overrides as written in files, and the expectation that they add up to."""

from dataclasses import dataclass, fields, replace
from typing import Literal

DmarcPolicy = Literal["none", "quarantine", "reject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsOverrides:
    """The `dns` section of a product or a domain; None = not stated there (product options 13 and 18 to 23)."""

    mx_hosts: tuple[str, ...] | None = None
    spf_primary: str | None = None
    spf_secondary: tuple[str, ...] | None = None
    autodiscover_host: str | None = None
    autodiscover_srv_target: str | None = None
    dmarc_check: bool | None = None
    dmarc_rua: str | None = None
    dmarc_policy: DmarcPolicy | None = None

    def over(self, base: "DnsOverrides") -> "DnsOverrides":
        """These, with what they leave open taken from `base`."""
        return replace(base, **{f.name: v for f in fields(self) if (v := getattr(self, f.name)) is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What DNS should say for one domain, nothing left open.

    Attributes:
        spf_primary: the recommended mechanism, e.g. `include:mail.example.com`; None where the product names none.
        spf_secondary: accepted as valid, never recommended.
        dmarc_check: False = no check, and a missing record is no fault.
    """

    mx_hosts: tuple[str, ...]
    spf_primary: str | None
    spf_secondary: tuple[str, ...]
    autodiscover_host: str
    autodiscover_srv_target: str
    dmarc_check: bool
    dmarc_rua: str | None
    dmarc_policy: DmarcPolicy


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
        dmarc_check=bool(merged.dmarc_check),
        dmarc_rua=merged.dmarc_rua,
        dmarc_policy=merged.dmarc_policy or "none",
    )
