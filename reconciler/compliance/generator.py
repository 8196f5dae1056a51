"""Makes DMARC records (RFC 9989), says what is wrong with a wish for one, and which stage comes next.

Pure. A tag that says what holds anyway is left out; `p` stands second, as old receivers want it.
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
"""How long reports are read before the policy is made stronger (RFC 9989 section 7.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcWish:
    """What a record should say.

    Attributes:
        policy, subdomain_policy, np: for the domain, for those below it, and for those below that do not exist; None =
            as the one before.
        adkim, aspf: how closely the signing domain and the return path must match: `r` (relaxed) or `s` (strict).
        rua, ruf: `mailto:` URIs for daily reports, and for reports on single messages.
        fo: when the latter are wanted.
        testing: ask receivers to apply the policy one step weaker.
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
    """Why no record can be made: which part of the wish (a field of DmarcWish), and the reason."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Prefilled:
    """A wish made of what is published and what is expected; `notes` name all that was not taken over, and why."""

    wish: DmarcWish
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyStage:
    """Where a wish stands on the way from none to reject, and the wish for the next step; None = there is none."""

    advice: str
    next: DmarcWish | None


@dataclass(frozen=True, slots=True)
class TagChange:
    """A tag whose value differs; None = the tag is not there."""

    tag: str
    before: str | None
    after: str | None


def refusals(wish: DmarcWish) -> tuple[RecordRefusal, ...]:
    """All that is wrong with a wish; empty = a record can be made."""
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
        found.append(
            RecordRefusal("fo", "it says when reports on single messages are wanted, and means nothing without ruf")
        )
    if wish.testing and not any(p in ("quarantine", "reject") for p in (wish.policy, wish.subdomain_policy, wish.np)):
        found.append(
            RecordRefusal("testing", "it makes a policy one step weaker, and there is nothing weaker than none")
        )
    if wish.psd not in ("y", "n", "u"):
        found.append(RecordRefusal("psd", f"“{wish.psd[:40]}” is not one of y, n, u"))
    return tuple(found)


def record_text(wish: DmarcWish) -> str:
    """The text of the record; what holds anyway is left out. Only for a wish without refusals."""
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
    """The record to publish. Only for a wish without refusals."""
    return publish.txt(f"_dmarc.{domain}", record_text(wish))


def prefilled(expected: Expected, rua: Sequence[str], published: str | None) -> Prefilled:
    """What to start from: the published record made valid, its policy as strong as expected at least.

    Of a domain that sends no mail reject is expected, at once: none of its mail can be lost.

    Args:
        rua: URIs for reports, used where the published record has none.
        published: the one DMARC record that is there; None = there is none, or several, of which receivers use none.
    """
    least = expected.dmarc_policy if expected.sends else "reject"
    if published is None:
        return Prefilled(DmarcWish(policy=least, rua=tuple(rua)))
    here = dmarc.parse(published)
    notes = [f"{why}; it is left out." for _, why in here.bad]
    notes += [f"{tag}= is left out: RFC 9989 no longer has it (appendix A.6)." for tag in here.removed]
    notes += [f"{tag[:30]}= is left out: no version of DMARC knows it." for tag in here.unknown]
    if here.limited:
        notes.append("The size limits (!) of report addresses are left out: RFC 9989 no longer has them.")
    policy = here.p or "none"
    if dmarc.weaker(policy, least):
        policy = least
    below = {tag: value for tag, value in (("sp", here.sp), ("np", here.np)) if value is not None}
    for tag in [tag for tag, value in below.items() if dmarc.weaker(value, policy)]:
        notes.append(f"{tag}={below.pop(tag)} is left out: it is weaker than p={policy}.")
    fo = here.fo
    if here.mixed:
        fo = "1" if "1" in fo else fo.replace("0:", "")
        notes.append(f"fo={here.fo} is made fo={fo}: RFC 9989 joins no digit with letters (section 4.8).")
    testing = here.testing and policy != "none" and expected.sends
    if here.testing and not testing:
        why = "there is nothing weaker than none" if expected.sends else "the domain sends no mail that could be lost"
        notes.append(f"t=y is left out: {why}.")
    wish = DmarcWish(
        policy=policy,
        subdomain_policy=below.get("sp"),
        np=below.get("np"),
        adkim=here.adkim,
        aspf=here.aspf,
        rua=tuple(dict.fromkeys(uri.text for uri in here.rua)) or tuple(rua),
        ruf=tuple(dict.fromkeys(uri.text for uri in here.ruf)),
        fo=fo if here.ruf else "0",
        testing=testing,
        psd=here.psd,
    )
    return Prefilled(wish, tuple(notes))


def permissions(domain: str, wish: DmarcWish) -> tuple[Record, ...]:
    """The records with which other domains' operators allow that reports about this one come to them (RFC 9990).

    A domain of the same organization needs none; which these are only DNS tells, so that all but the domain's own
    name, and names below it, are listed here.
    """
    hosts = {uri.host for text in (*wish.rua, *wish.ruf) for uri in parse_list(text) if uri.host}
    return tuple(permission(domain, host) for host in sorted(hosts) if not is_under(host, domain))


def permission(domain: str, host: str) -> Record:
    """The record at a host that allows reports about a domain."""
    return publish.txt(f"{domain}._report._dmarc.{host}", "v=DMARC1")


def stage(wish: DmarcWish) -> PolicyStage:
    """Where a wish stands on the way none -> quarantine -> reject, `t=y` before each step (RFC 9989 section 7.4)."""
    if wish.policy == "none":
        text = (
            f"p=none only asks for reports. Read them for {MONTH}, until all the domain's senders are aligned; then go "
            "on to quarantine, first with t=y, then without, and in the same way to reject (section 7.4)."
        )
        return PolicyStage(text, replace(wish, policy="quarantine", testing=True, subdomain_policy=None, np=None))
    if wish.testing:
        text = (
            f"With t=y receivers apply p={wish.policy} one step weaker, and report as if it counted. Where the reports "
            "of some weeks name none of your own senders, leave t=y out."
        )
        return PolicyStage(text, replace(wish, testing=False))
    if wish.policy == "quarantine":
        text = (
            f"What fails goes to spam. Where the reports of {MONTH} name none of your own senders, go on to reject, "
            "first with t=y (section 7.4)."
        )
        return PolicyStage(text, replace(wish, policy="reject", testing=True))
    text = "This is the last stage. Keep reading the reports: a new sender that is not aligned loses its mail."
    return PolicyStage(text, None)


def changes(before: str | None, after: str) -> tuple[TagChange, ...]:
    """What a new record changes against the published one, tag by tag, in the order of the new one."""
    old = dict(reversed(tags.parse(before, fold_case=True).pairs)) if before is not None else {}
    new = dict(tags.parse(after).pairs)
    return tuple(
        TagChange(tag, old.get(tag), new.get(tag))
        for tag in (*new, *(tag for tag in old if tag not in new))
        if old.get(tag) != new.get(tag)
    )
