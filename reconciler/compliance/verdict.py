"""Makes the finding of a check from its notes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from reconciler.core.expectations import CheckLevel, CheckSetting
from reconciler.core.findings import GRAVITY, Finding, Record, Status, worst
from reconciler.core.lookups import Address as AddressData
from reconciler.core.lookups import Answer, Host, Mx, Rdata, Soa, Srv, Txt

_LOWERED: Mapping[CheckLevel, Mapping[Status, Status]] = MappingProxyType(
    {"info": {"warn": "pass", "fail": "pass"}, "warn": {"fail": "warn"}, "fail": {}}
)
"""Level of `dns.checks` -> new status. An error stays an error: a failed lookup has nothing to do with severity."""


@dataclass(frozen=True, slots=True)
class Note:
    """One observation. The title of the worst note becomes the title of the finding; `text` explains the observation.

    A note with the status `pass` is information only; reports never show its title.
    """

    status: Status
    code: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The constant parts of a check's findings: its id, its reference, and the code of a clean result."""

    id: str
    reference: str
    good_code: str


CODES: Mapping[str, str] = MappingProxyType(
    {
        "DNS_UNKNOWN": "A DNS lookup failed (timeout, SERVFAIL, REFUSED, lame server). Whether the record exists is "
        "unknown. Check the name server in the details, then run the check again.",
        "CHECK_OFF": "dns.checks disables this check.",
        "NOT_SENDING": "The domain sends no mail (dns.sends: false), so this check does not apply.",
    }
)
"""Codes that every check can report: meaning and remedy."""


def info_note(text: str, code: str = "") -> Note:
    """A note that gives information and does not change the status."""
    return Note("pass", code, "", text)


def unknown(answers: Sequence[Answer]) -> list[Note]:
    """An `error` note for each failed lookup."""
    return [
        Note(
            "error",
            "DNS_UNKNOWN",
            "DNS lookup failed",
            f"{a.rtype} of {a.name}: {a.text}. The record may exist. Try again later.",
        )
        for a in answers
    ]


def conclude(
    basis: Basis,
    notes: Sequence[Note],
    *,
    good: str,
    expected: Sequence[Record] = (),
    found: Sequence[Record] = (),
    fix: Sequence[Record] = (),
    elsewhere: Sequence[Record] = (),
) -> Finding:
    """The finding. The first note with the worst status gives status, code and title; without one, the title is `good`.

    A finding with the status `error` proposes no records, because the records that they would replace are unknown.
    """
    status: Status = worst([note.status for note in notes]) if notes else "pass"
    # Information has no title, so a passing finding keeps the title of a clean result.
    named = next((note for note in notes if note.status == status and note.title), None)
    return Finding(
        id=basis.id,
        status=status,
        code=named.code if named else basis.good_code,
        title=named.title if named else good,
        detail="\n".join(dict.fromkeys(note.text for note in notes if note.text)),
        expected=tuple(sorted(set(expected))),
        found=tuple(sorted(set(found))),
        # Replacing records without a complete view of them could delete correct ones.
        fix=tuple(sorted(set(fix))) if status in ("warn", "fail") else (),
        reference=basis.reference,
        codes=_codes(basis, notes, named),
        elsewhere=tuple(sorted(set(elsewhere))),
    )


def _codes(basis: Basis, notes: Sequence[Note], named: Note | None) -> tuple[str, ...]:
    """Each code once, the most severe first; codes of equal severity in the order of the notes."""
    ordered = sorted(notes, key=lambda note: -GRAVITY.index(note.status))
    first = named.code if named else basis.good_code
    return tuple(dict.fromkeys(filter(None, (first, *(note.code for note in ordered)))))


def skipped(basis: Basis, code: str, title: str, text: str) -> Finding:
    """The finding of a check that does not apply."""
    return Finding(id=basis.id, status="skip", code=code, title=title, detail=text, reference=basis.reference)


def switched_off(check_id: str, setting: CheckSetting, reference: str = "") -> Finding:
    """The finding of a check that `dns.checks` disables."""
    text = f"dns.checks in {_place(setting)} disables this check."
    return Finding(id=check_id, status="skip", code="CHECK_OFF", title="Not checked", detail=text, reference=reference)


def not_sending(check_id: str) -> Finding:
    """The finding of a check about outgoing mail, for a domain that sends no mail."""
    text = "The configuration declares that the domain sends no mail (dns.sends: false). See the check parked."
    return Finding(id=check_id, status="skip", code="NOT_SENDING", title="The domain sends no mail", detail=text)


def apply_level(finding: Finding, setting: CheckSetting | None) -> Finding:
    """The finding with its status limited to the level in `dns.checks`; the detail names a lowered status.

    Code, title and proposed records stay, because they describe DNS and not the consequence.
    """
    # Disabled checks never run, so they have no finding to lower.
    if setting is None or setting.level == "off":
        return finding
    status = _LOWERED[setting.level].get(finding.status)
    if status is None:
        return finding
    text = f"dns.checks in {_place(setting)} lowers the status from {finding.status} to {setting.level}."
    return replace(finding, status=status, detail="\n".join(filter(None, (finding.detail, text))))


def _place(setting: CheckSetting) -> str:
    return str(setting.origin) if setting.origin else "the configuration"


def found_records(answer: Answer) -> list[Record]:
    """The records of an answer: the CNAMEs on the way, then the values at the last name."""
    names = (answer.name, *answer.aliases)
    found = [Record(name, "CNAME", f"{target}.") for name, target in zip(names, answer.aliases, strict=False)]
    return [*found, *(Record(names[-1], answer.rtype, _value(data)) for data in answer.records)]


def _value(data: Rdata) -> str:
    match data:
        case Txt():
            return data.text
        case Mx():
            return f"{data.preference} {data.host}."
        case Srv():
            return f"{data.priority} {data.weight} {data.port} {data.target}."
        case AddressData():
            return data.text
        case Soa():
            return f"{data.primary}. {data.serial}"
        case Host():
            return f"{data.name}."
        case _:
            return f"{data.usage} {data.selector} {data.matching} {data.data}"
