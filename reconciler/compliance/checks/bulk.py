"""Check `bulk`: one line out of the other findings: whether Gmail, Yahoo and Outlook take the domain's mail in bulk."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, info_note
from reconciler.core.findings import Finding

CODES: Mapping[str, str] = MappingProxyType(
    {
        "BULK_OK": "The domain meets what Gmail, Yahoo and Outlook ask of DNS before they take mail in bulk.",
        "BULK_UNMET": "The domain does not meet a rule of Gmail, Yahoo or Outlook. Mend the checks that are named.",
        "BULK_UNKNOWN": "A check that this one rests on could not be looked up.",
        "BULK_NOT_JUDGED": "A check that this one rests on was left out, so whether all rules are met is not known.",
    }
)
_BASIS = Basis(
    id="bulk",
    reference="Google and Yahoo sender requirements (February 2024), Microsoft consumer mail (May 2025)",
    good_code="BULK_OK",
)
_RULES: Mapping[str, str] = MappingProxyType(
    {
        "spf": "SPF allows the server",
        "dkim": "mail is signed with a published key of 1024 bits or more",
        "dmarc": "there is a DMARC policy, p=none or stronger",
        "ptr": "the server's address has a name that leads back to it",
    }
)
_UNMET = frozenset({"DKIM_NOT_SIGNING", "PTR_MISSING", "PTR_NOT_CONFIRMED"})
"""Warnings elsewhere that break a rule here; failures do anyway."""

_MET = frozenset({"DMARC_EXTERNAL", "SPF_ALL_PASS"})
"""Failures elsewhere that break no rule here, where they are the gravest: reports that do not arrive, and a record
that allows everybody."""


def questions(_subject: Subject, _facts: Facts) -> Iterator[Question]:
    """None: the others have asked."""
    return iter(())


def derive(_subject: Subject, findings: Sequence[Finding]) -> Finding:
    """The finding; row 51 of the catalogue of checks.

    Args:
        findings: of the checks before this one, as they were before `dns.checks` lowered any.
    """
    by_id = {finding.id: finding for finding in findings}
    notes: list[Note] = []
    left_out: list[str] = []
    for check, rule in _RULES.items():
        finding = by_id.get(check)
        if finding is None or finding.status == "skip":
            left_out.append(f"{check} ({finding.code})" if finding else check)
        elif (finding.status == "fail" and finding.code not in _MET) or _UNMET & {finding.code, *finding.codes}:
            text = f"Not met: {rule}; see the check {check}."
            notes.append(Note("warn", "BULK_UNMET", "The Gmail, Yahoo and Outlook DNS rules are not met", text))
        elif finding.status == "error":
            text = f"Not known whether {rule}: the check {check} could not be looked up."
            notes.append(Note("error", "BULK_UNKNOWN", "Whether bulk mail is welcome is not known", text))
    if left_out:
        text = f"Not judged, because it was not checked: {', '.join(left_out)}."
        title = "Not all of the Gmail, Yahoo and Outlook DNS rules were judged"
        # Beside something known it is a remark; alone it leaves nothing to say.
        notes.append(info_note(text) if notes else Note("skip", "BULK_NOT_JUDGED", title, text))
    return conclude(_BASIS, notes, good="Meets the Gmail, Yahoo and Outlook DNS rules")
