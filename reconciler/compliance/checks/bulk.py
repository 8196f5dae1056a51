"""Check `bulk`: the other findings show whether the domain meets the bulk mail rules of Gmail, Yahoo and Outlook."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import Basis, Note, conclude, info_note
from reconciler.core.findings import Finding

CODES: Mapping[str, str] = MappingProxyType(
    {
        "BULK_OK": "The domain meets the DNS requirements of Gmail, Yahoo and Outlook for bulk mail.",
        "BULK_UNMET": "The domain does not meet a requirement of Gmail, Yahoo or Outlook. Fix the named checks.",
        "BULK_UNKNOWN": "A lookup of a required check failed. Run the check again later.",
        "BULK_NOT_JUDGED": "A required check was skipped, so it is unknown whether the domain meets all requirements.",
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
        "dkim": "the server signs with a published key of 1024 bits or more",
        "dmarc": "the domain has a DMARC policy, p=none or stronger",
        "ptr": "forward and reverse DNS of the server match",
    }
)
_UNMET = frozenset({"DKIM_NOT_SIGNING", "PTR_MISSING", "PTR_NOT_CONFIRMED"})
"""Warnings of other checks that break a rule. Failures break it unless they are in `_MET`."""

_MET = frozenset({"DMARC_EXTERNAL", "SPF_ALL_PASS"})
"""Failures of other checks that break no rule: undelivered reports, and an SPF record that allows every sender."""


def questions(_subject: Subject, _facts: Facts) -> Iterator[Question]:
    """None: this check reads only findings."""
    return iter(())


def derive(_subject: Subject, findings: Sequence[Finding]) -> Finding:
    """The finding; row 51 of the catalogue of checks.

    Args:
        findings: of the earlier checks, before `dns.checks` lowers any status.
    """
    by_id = {finding.id: finding for finding in findings}
    notes: list[Note] = []
    left_out: list[str] = []
    for check, rule in _RULES.items():
        finding = by_id.get(check)
        if finding is None or finding.status == "skip":
            left_out.append(f"{check} ({finding.code})" if finding else check)
        # Use code and codes: a warning that breaks a rule may come after a more severe note.
        elif (finding.status == "fail" and finding.code not in _MET) or _UNMET & {finding.code, *finding.codes}:
            text = f"Not met: {rule}. See the check {check}."
            notes.append(Note("warn", "BULK_UNMET", "Does not meet the Gmail, Yahoo and Outlook DNS rules", text))
        elif finding.status == "error":
            text = f"Unknown whether {rule}: a lookup of the check {check} failed."
            notes.append(Note("error", "BULK_UNKNOWN", "Gmail, Yahoo and Outlook DNS rules: unknown", text))
    if left_out:
        text = f"Skipped checks: {', '.join(left_out)}."
        title = "Gmail, Yahoo and Outlook DNS rules: not all checked"
        # Skipped checks alone prove nothing about the rules, so the finding is `skip`.
        notes.append(info_note(text) if notes else Note("skip", "BULK_NOT_JUDGED", title, text))
    return conclude(_BASIS, notes, good="Meets the Gmail, Yahoo and Outlook DNS rules")
