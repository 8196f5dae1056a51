"""From the notes that a check took to its finding."""

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
"""What becomes of a status. An error stays: that something could not be looked up is no matter of severity."""


@dataclass(frozen=True, slots=True)
class Note:
    """One thing seen. `title` stands for the whole check where this is the gravest; `text` explains it.

    With the status `pass` it is mere information, and its title is never shown.
    """

    status: Status
    code: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What is the same in every finding of a check: its id, its reference, and how it says that all is well."""

    id: str
    reference: str
    good_code: str


CODES: Mapping[str, str] = MappingProxyType(
    {
        "DNS_UNKNOWN": "A question got no answer (silence, SERVFAIL, REFUSED, a lame server): nothing is known, not "
        "even that a record is missing. Look at the name server that is named, and check again later.",
        "CHECK_OFF": "The configuration leaves this check out (dns.checks).",
        "NOT_SENDING": "The domain is declared as sending no mail (dns.sends: false), so this has nothing to judge.",
    }
)
"""What any check may say: each code's meaning, and what to do."""


def remark(text: str, code: str = "") -> Note:
    """Information that changes no status."""
    return Note("pass", code, "", text)


def unknown(answers: Sequence[Answer]) -> list[Note]:
    """An `error` note for each question that got no answer."""
    return [
        Note(
            "error",
            "DNS_UNKNOWN",
            "Could not be looked up",
            f"{a.rtype} of {a.name}: {a.text}. That is not the same as missing; try again later.",
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
    """The finding: as grave as the gravest note, the first of which gives title and code; `good` where none is grave.

    A check that could not be judged proposes nothing: what would be replaced is not known.
    """
    status: Status = worst([note.status for note in notes]) if notes else "pass"
    named = next((note for note in notes if note.status == status and note.title), None)
    return Finding(
        id=basis.id,
        status=status,
        code=named.code if named else basis.good_code,
        title=named.title if named else good,
        detail="\n".join(dict.fromkeys(note.text for note in notes if note.text)),
        expected=tuple(sorted(set(expected))),
        found=tuple(sorted(set(found))),
        fix=tuple(sorted(set(fix))) if status in ("warn", "fail") else (),
        reference=basis.reference,
        codes=_codes(basis, notes, named),
        elsewhere=tuple(sorted(set(elsewhere))),
    )


def _codes(basis: Basis, notes: Sequence[Note], named: Note | None) -> tuple[str, ...]:
    """Every code once, the gravest first; among equals in the order in which they were noted."""
    ordered = sorted(notes, key=lambda note: -GRAVITY.index(note.status))
    first = named.code if named else basis.good_code
    return tuple(dict.fromkeys(filter(None, (first, *(note.code for note in ordered)))))


def skipped(basis: Basis, code: str, title: str, text: str) -> Finding:
    """The finding of a check that has nothing to judge."""
    return Finding(id=basis.id, status="skip", code=code, title=title, detail=text, reference=basis.reference)


def switched_off(check_id: str, setting: CheckSetting, reference: str = "") -> Finding:
    """The finding of a check that `dns.checks` leaves out."""
    text = f"It is switched off by dns.checks in {_place(setting)}."
    return Finding(id=check_id, status="skip", code="CHECK_OFF", title="Not checked", detail=text, reference=reference)


def not_sending(check_id: str) -> Finding:
    """The finding of a check about mail that is sent, for a domain that sends none."""
    text = "The domain is declared as sending no mail (dns.sends: false); the check parked judges that instead."
    return Finding(id=check_id, status="skip", code="NOT_SENDING", title="The domain sends no mail", detail=text)


def lowered(finding: Finding, setting: CheckSetting | None) -> Finding:
    """The finding as `dns.checks` lets it be: never graver than the setting's level, and it says if it was lowered.

    Code, title and what to publish stay: they tell what was found, whatever consequence it has.
    """
    if setting is None or setting.level == "off":
        return finding
    status = _LOWERED[setting.level].get(finding.status)
    if status is None:
        return finding
    text = f"It was lowered from {finding.status} to {setting.level} by dns.checks in {_place(setting)}."
    return replace(finding, status=status, detail="\n".join(filter(None, (finding.detail, text))))


def _place(setting: CheckSetting) -> str:
    return str(setting.origin) if setting.origin else "the configuration"


def found_records(answer: Answer) -> list[Record]:
    """What an answer holds, as records: the CNAMEs followed, then the values at their end."""
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
