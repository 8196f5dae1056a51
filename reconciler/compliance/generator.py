"""Builds DMARC records (RFC 9989), explains invalid settings, and proposes the next stage of a policy.

Pure. Records omit tags with their default value. `p` is the second tag, because older receivers require that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler.compliance import publish
from reconciler.compliance.records import dmarc, tags
from reconciler.compliance.records.addresses import is_under
from reconciler.compliance.records.dmarc import FAILURE_OPTIONS, POLICIES, parse_list
from reconciler.core.expectations import Expected
from reconciler.core.findings import Record

MONTH = "at least a month"
"""How long an owner reads reports before a stronger policy (RFC 9989 section 7.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcWish:
    """The settings of a record.

    Attributes:
        policy, subdomain_policy, np: for the domain, for its subdomains, and for subdomains that do not exist; None =
            the same as the previous one.
        adkim, aspf: alignment of the signing domain and of the return path: `r` (relaxed) or `s` (strict).
        rua, ruf: `mailto:` URIs for daily reports, and for reports on single messages.
        fo: when receivers send reports on single messages.
        testing: ask receivers to weaken the policy by one step.
        psd: `y`, `n` or `u`: whether the domain is a public suffix.
    """

    policy: str = "none"
    subdomain_policy: str | None = None
    np: str | None = None
    adkim: str = "r"
    aspf: str = "r"
    rua: tuple[str, ...] = ()
    ruf: tuple[str, ...] = ()
    fo: str = "0"
    testing: bool = False
    psd: str = "u"


@dataclass(frozen=True, slots=True)
class RecordRefusal:
    """An invalid setting: the field of DmarcWish and the reason."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Prefilled:
    """Settings from the published record and the expected ones; `notes` explain everything that was left out."""

    wish: DmarcWish
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyStage:
    """The advice for a stage between none and reject, and the settings of the next stage; None = last stage."""

    advice: str
    next: DmarcWish | None


@dataclass(frozen=True, slots=True)
class TagChange:
    """A tag with different values; None = the tag is absent."""

    tag: str
    before: str | None
    after: str | None


def refusals(wish: DmarcWish) -> tuple[RecordRefusal, ...]:
    """All invalid settings; empty = a record can be built."""
    found: list[RecordRefusal] = []
    for field, policy in (("policy", wish.policy), ("subdomain_policy", wish.subdomain_policy), ("np", wish.np)):
        if policy is not None and policy not in POLICIES:
            found.append(RecordRefusal(field, f"“{policy[:40]}” is not one of {', '.join(POLICIES)}"))
    for field, mode in (("adkim", wish.adkim), ("aspf", wish.aspf)):
        if mode not in ("r", "s"):
            found.append(RecordRefusal(field, f"“{mode[:40]}” is neither r (relaxed) nor s (strict)"))
    for field, uris in (("rua", wish.rua), ("ruf", wish.ruf)):
        found.extend(RecordRefusal(field, uri.fault) for text in uris for uri in parse_list(text) if uri.fault)
    if wish.fo not in FAILURE_OPTIONS:
        found.append(RecordRefusal("fo", f"“{wish.fo[:40]}” is not one of {', '.join(FAILURE_OPTIONS)}"))
    elif wish.fo != "0" and not wish.ruf:
        found.append(RecordRefusal("fo", "it has no effect without ruf"))
    if wish.testing and not any(p in ("quarantine", "reject") for p in (wish.policy, wish.subdomain_policy, wish.np)):
        found.append(RecordRefusal("testing", "it has no effect, because no policy is weaker than none"))
    if wish.psd not in ("y", "n", "u"):
        found.append(RecordRefusal("psd", f"“{wish.psd[:40]}” is not one of y, n, u"))
    return tuple(found)


def record_text(wish: DmarcWish) -> str:
    """The text of the record, without default values. Only for settings without refusals."""
    # Callers show refusals to the user. A wish that reaches this point with a refusal is a bug.
    assert not refusals(wish), refusals(wish)
    below = wish.subdomain_policy or wish.policy
    values = (
        ("v", "DMARC1"),
        ("p", wish.policy),
        ("sp", below if below != wish.policy else ""),
        ("np", wish.np if wish.np and wish.np != below else ""),
        ("adkim", "s" if wish.adkim == "s" else ""),
        ("aspf", "s" if wish.aspf == "s" else ""),
        ("rua", ",".join(wish.rua)),
        ("ruf", ",".join(wish.ruf)),
        ("fo", wish.fo if wish.fo != "0" else ""),
        ("t", "y" if wish.testing else ""),
        ("psd", wish.psd if wish.psd != "u" else ""),
    )
    return "; ".join(f"{tag}={value}" for tag, value in values if value)


def record(domain: str, wish: DmarcWish) -> Record:
    """The record to publish. Only for settings without refusals."""
    return publish.txt(f"_dmarc.{domain}", record_text(wish))


def prefilled(expected: Expected, rua: Sequence[str], published: str | None) -> Prefilled:
    """The initial settings: the valid parts of the published record, with at least the expected policy.

    For a domain that sends no mail, the expected policy is reject at once, because it has no mail to lose.

    Args:
        rua: report URIs, used if the published record has none.
        published: the only DMARC record; None = no record, or several, of which receivers use none.
    """
    least = expected.dmarc_policy if expected.sends else "reject"
    if published is None:
        return Prefilled(DmarcWish(policy=least, rua=tuple(rua)))
    here = dmarc.parse(published)
    notes = [f"{why}. It is left out." for _, why in here.bad]
    notes += [f"{tag}= is left out: RFC 9989 removed it (appendix A.6)." for tag in here.removed]
    notes += [f"{tag[:30]}= is left out: no version of DMARC defines it." for tag in here.unknown]
    if here.limited:
        notes.append("The size limits (!) of report addresses are left out: RFC 9989 removed them.")
    policy = here.p or "none"
    # The expected policy is a minimum: an owner with a stronger policy keeps it.
    if dmarc.weaker(policy, least):
        policy = least
    below = {tag: value for tag, value in (("sp", here.sp), ("np", here.np)) if value is not None}
    # A weaker subdomain policy would defeat the stronger domain policy, so it does not survive.
    for tag in [tag for tag, value in below.items() if dmarc.weaker(value, policy)]:
        notes.append(f"{tag}={below.pop(tag)} is left out: it is weaker than p={policy}.")
    fo = here.fo
    # Keep the part with more reports: 1 requests a report for any failure.
    if here.mixed:
        fo = "1" if "1" in fo else fo.replace("0:", "")
        notes.append(f"fo={here.fo} becomes fo={fo}: RFC 9989 does not combine digits and letters (section 4.8).")
    # The flag protects legitimate mail during a change of policy. Without such mail it is useless.
    testing = here.testing and policy != "none" and expected.sends
    if here.testing and not testing:
        why = "no policy is weaker than none" if expected.sends else "the domain sends no mail that could be lost"
        notes.append(f"t=y is left out: {why}.")
    wish = DmarcWish(
        policy=policy,
        subdomain_policy=below.get("sp"),
        np=below.get("np"),
        adkim=here.adkim,
        aspf=here.aspf,
        rua=tuple(dict.fromkeys(uri.text for uri in here.rua)) or tuple(rua),
        ruf=tuple(dict.fromkeys(uri.text for uri in here.ruf)),
        # Without an address for single reports, fo= has no effect.
        fo=fo if here.ruf else "0",
        testing=testing,
        psd=here.psd,
    )
    return Prefilled(wish, tuple(notes))


def permissions(domain: str, wish: DmarcWish) -> tuple[Record, ...]:
    """The records with which the operators of other domains permit reports about this domain (RFC 9990).

    A domain of the same organization needs no such record. Only DNS shows the organization, so this returns a record
    for every host except the domain itself and its subdomains.
    """
    hosts = {uri.host for text in (*wish.rua, *wish.ruf) for uri in parse_list(text) if uri.host}
    return tuple(permission(domain, host) for host in sorted(hosts) if not is_under(host, domain))


def permission(domain: str, host: str) -> Record:
    """The record at a host that permits reports about a domain."""
    return publish.txt(f"{domain}._report._dmarc.{host}", "v=DMARC1")


def stage(wish: DmarcWish) -> PolicyStage:
    """The stage on the path none -> quarantine -> reject, with `t=y` before each step (RFC 9989 section 7.4)."""
    if wish.policy == "none":
        text = (
            f"p=none only requests reports. Read them for {MONTH}, until all senders of the domain are aligned. Then "
            "change the policy to quarantine, first with t=y, later without, and then to reject in the same way "
            "(section 7.4)."
        )
        return PolicyStage(text, replace(wish, policy="quarantine", testing=True, subdomain_policy=None, np=None))
    if wish.testing:
        text = (
            f"With t=y, receivers weaken p={wish.policy} by one step but report as if it applied. When the reports "
            "of some weeks contain no failures of your own senders, remove t=y."
        )
        return PolicyStage(text, replace(wish, testing=False))
    if wish.policy == "quarantine":
        text = (
            f"Receivers move mail that fails to spam. When the reports of {MONTH} contain no failures of your own "
            "senders, change the policy to reject, first with t=y (section 7.4)."
        )
        return PolicyStage(text, replace(wish, policy="reject", testing=True))
    text = (
        "This is the last stage. Keep reading the reports: receivers reject mail of new senders that are not aligned."
    )
    return PolicyStage(text, None)


def changes(before: str | None, after: str) -> tuple[TagChange, ...]:
    """The differences between the published record and a new one, tag by tag, in the order of the new one."""
    # For repeated tags, receivers use the first value. Reversing lets it overwrite the later ones.
    old = dict(reversed(tags.parse(before, fold_case=True).pairs)) if before is not None else {}
    new = dict(tags.parse(after).pairs)
    return tuple(
        TagChange(tag, old.get(tag), new.get(tag))
        for tag in (*new, *(tag for tag in old if tag not in new))
        if old.get(tag) != new.get(tag)
    )
