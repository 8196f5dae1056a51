"""Notes of check `dmarc` about report addresses: rows 40 and 41 of the catalogue of checks."""

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.generator import permission
from reconciler.compliance.records import dmarc
from reconciler.compliance.records.dmarc import DmarcRecord
from reconciler.compliance.records.dmarc_walk import TreeWalk, follow
from reconciler.compliance.verdict import Note, info_note, unknown
from reconciler.core.findings import Record
from reconciler.core.lookups import Answer, Mx

_MAX_TARGETS = 4
"""Limit of domains in report addresses. An untrusted record must not cause an unlimited number of lookups."""


@dataclass(frozen=True, slots=True)
class _Target:
    """A domain other than the policy's own that receives reports, and the tags that name it."""

    host: str
    tags: tuple[str, ...]

    @property
    def shown(self) -> str:
        return " and ".join(f"{tag}=" for tag in self.tags)


@dataclass(frozen=True, slots=True)
class Reports:
    """The notes, and the records that the operators of other domains must publish."""

    notes: tuple[Note, ...]
    elsewhere: tuple[Record, ...]


def questions(domain: str, record: DmarcRecord, facts: Facts) -> Iterator[Question]:
    """For each report address in another domain: the permission, or else both tree walks; and the MX or the address."""
    for target in _targets(domain, record)[:_MAX_TARGETS]:
        name = permission(domain, target.host).name
        yield name, "TXT"
        answer = facts.known(name, "TXT")
        # The tree walks cost up to 16 lookups, so they run only without a permission.
        if answer is not None and not answer.unknown and not _permits(answer):
            for start in (target.host, domain):
                walk = _walk(start, facts)
                if walk.open is not None:
                    yield f"_dmarc.{walk.open}", "TXT"
        yield target.host, "MX"
        mx = facts.known(target.host, "MX")
        # Without an MX, mail goes to the address of the target (RFC 5321 section 5.1).
        if mx is not None and mx.outcome == "nodata":
            yield from facts.host_questions(target.host)


def judge(domain: str, record: DmarcRecord, facts: Facts) -> Reports:
    """Judges the report addresses of the domain's own record."""
    notes: list[Note] = []
    elsewhere: list[Record] = []
    targets = _targets(domain, record)
    for target in targets[:_MAX_TARGETS]:
        here = _permission(domain, target, facts)
        notes.extend(here)
        if any(note.status == "fail" for note in here):
            elsewhere.append(permission(domain, target.host))
        notes.extend(_receives(target, facts))
    if len(targets) > _MAX_TARGETS:
        skipped = ", ".join(target.host for target in targets[_MAX_TARGETS:][:5])
        notes.append(info_note(f"Report addresses beyond the limit, not checked: {skipped}.", "DMARC_MANY_TARGETS"))
    return Reports(tuple(notes), tuple(elsewhere))


def _targets(domain: str, record: DmarcRecord) -> list[_Target]:
    tags: dict[str, list[str]] = {}
    for tag, uris in (("rua", record.rua), ("ruf", record.ruf)):
        for uri in uris:
            known = tags.setdefault(uri.host, [])
            known.extend([tag] if tag not in known else [])
    return [_Target(host, tuple(of_host)) for host, of_host in tags.items() if host != domain]


def _permits(answer: Answer) -> bool:
    return any(dmarc.is_dmarc(text) for text in answer.texts())


def _walk(domain: str, facts: Facts) -> TreeWalk:
    return follow(domain, lambda name: facts.known(f"_dmarc.{name}", "TXT"))


def _permission(domain: str, target: _Target, facts: Facts) -> list[Note]:
    """Row 40 (RFC 9990 section 4): the target permits reports about this domain, or both have one organization."""
    wanted = permission(domain, target.host)
    answer = facts.answer(wanted.name, "TXT")
    if answer.unknown:
        return unknown([answer])
    if _permits(answer):
        return []
    walks = [_walk(start, facts) for start in (target.host, domain)]
    silent = [walk.unknown for walk in walks if walk.unknown is not None]
    if silent:
        return unknown(silent)
    # Within one organization, receivers send reports without a permission.
    if walks[0].organization == walks[1].organization:
        return []
    what = f"has TXT records, none of which begins with {wanted.value}" if answer.texts() else "does not exist"
    text = (
        f"{target.shown} names {target.host}, another organization's domain, but {wanted.name} {what}. So receivers "
        f"send no reports there (RFC 9990). The operator of {target.host} must publish: "
        f'{wanted.name}. IN TXT "{wanted.value}"'
    )
    return [Note("fail", "DMARC_EXTERNAL", "Reports go to a domain that does not accept them", text)]


def _receives(target: _Target, facts: Facts) -> list[Note]:
    """Row 41: the target has an MX record or, without one, an address."""
    mx = facts.answer(target.host, "MX")
    if mx.unknown:
        return unknown([mx])
    hosts = [data.host for data in mx.records if isinstance(data, Mx)]
    # Whether a host accepts mail is unknown without a connection. An MX record is enough here.
    if any(hosts):
        return []
    if hosts:
        why = "it has a null MX"
    elif mx.outcome == "nxdomain":
        why = "it does not exist in DNS"
    else:
        own = facts.host(target.host)
        if own.addresses:
            return []
        if own.unknown:
            return unknown(own.unknown)
        why = "it has neither an MX record nor an address"
    text = f"{target.shown} names {target.host}, which cannot receive mail: {why}."
    return [Note("warn", "DMARC_NO_MAIL", "A report address cannot receive mail", text)]
