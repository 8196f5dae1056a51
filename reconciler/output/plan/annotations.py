"""Notes at lines of files: diagnostics, deletions, external forwarding, and changes made on the server."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.kinds import BY_NAME
from reconciler.core.plan import Change, Plan
from reconciler.core.source import Span
from reconciler.output.documents import sorted_diagnostics
from reconciler.output.plan.provenance import server_words
from reconciler.output.plan.words import loss_words, reason_words

OUTWARD = "GRD007"
"""The code of the guard against external forwarding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One note, not yet safe to print.

    Attributes:
        check: a diagnostic's code, or `deletion`, `exfiltration`, `drift`.
        subject: the key of a change or the message of a diagnostic. It stays the same if the line moves in its file.
        severe: it deletes mail, forwards mail to external addresses, or prevents `apply`.
    """

    severity: Severity
    check: str
    subject: str
    text: str
    hint: str = ""
    span: Span | None = None
    severe: bool = False


_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def annotations(plans: Sequence[Plan]) -> list[Annotation]:
    """All notes, the worst first, because forges show only some (GitHub 10 per severity and step)."""
    found = [r for p in sorted(plans, key=lambda p: (p.domain, p.server)) for r in _of_plan(p)]
    # The sort is stable, so notes of one rank keep the order of domains and lines.
    return sorted(found, key=lambda r: (_RANK[r.severity], not r.severe))


def of_diagnostic(diagnostic: Diagnostic) -> Annotation:
    """The note for a diagnostic."""
    return Annotation(
        severity=diagnostic.severity,
        check=diagnostic.code,
        subject=diagnostic.message,
        text=diagnostic.message,
        hint=diagnostic.hint,
        span=diagnostic.span,
        severe=diagnostic.severity is Severity.ERROR,
    )


def _of_plan(plan: Plan) -> Iterator[Annotation]:
    yield from map(of_diagnostic, sorted_diagnostics(plan.diagnostics))
    # The guard already reports these changes, at the same lines.
    guarded = {d.span for d in plan.diagnostics if d.code == OUTWARD}
    for change in plan.changes:
        if change.action == "delete":
            yield _deletion(change)
        if change.risk == "exfiltration" and (change.origin is None or change.origin not in guarded):
            text = f"{change.kind} {change.address} would send mail to external addresses"
            yield _of_change(change, Severity.WARNING, "exfiltration", text, severe=True)
        if change.direction in ("server", "both"):
            text = f"changed on the server: {server_words(change)}; `apply` would restore the declared state"
            yield _of_change(change, Severity.INFO, "drift", text)


def _deletion(change: Change) -> Annotation:
    notes = "; ".join(filter(None, (reason_words(change), loss_words(change))))
    text = f"deletes {BY_NAME[change.kind].title} {change.address}{f' ({notes})' if notes else ''}"
    # Only a mailbox holds mail. The deletion of an alias is a notice.
    lossy = change.risk == "mail-loss"
    return _of_change(change, Severity.WARNING if lossy else Severity.INFO, "deletion", text, severe=lossy)


def _of_change(change: Change, severity: Severity, check: str, text: str, *, severe: bool = False) -> Annotation:
    return Annotation(severity=severity, check=check, subject=change.key, text=text, span=change.origin, severe=severe)
