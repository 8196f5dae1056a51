"""What in plans deserves a mark at a line of a file: diagnostics, deletions, mail that leaves, drift."""

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
"""What the guard says where a change would send mail outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One mark, not yet safe to print.

    Attributes:
        check: a diagnostic's code, or `deletion`, `exfiltration`, `drift`.
        subject: what it is about, the same wherever in the file that stands: a change's key, a diagnostic's message.
        grave: it destroys mail, sends it away, or forbids applying.
    """

    severity: Severity
    check: str
    subject: str
    text: str
    hint: str = ""
    span: Span | None = None
    grave: bool = False


_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def remarks(plans: Sequence[Plan]) -> list[Remark]:
    """All marks, the gravest first: forges show only so many (GitHub 10 of a severity for each step)."""
    found = [r for p in sorted(plans, key=lambda p: (p.domain, p.server)) for r in _of_plan(p)]
    return sorted(found, key=lambda r: (_RANK[r.severity], not r.grave))


def of_diagnostic(diagnostic: Diagnostic) -> Remark:
    """A diagnostic as a mark."""
    return Remark(
        severity=diagnostic.severity,
        check=diagnostic.code,
        subject=diagnostic.message,
        text=diagnostic.message,
        hint=diagnostic.hint,
        span=diagnostic.span,
        grave=diagnostic.severity is Severity.ERROR,
    )


def _of_plan(plan: Plan) -> Iterator[Remark]:
    yield from map(of_diagnostic, sorted_diagnostics(plan.diagnostics))
    guarded = {d.span for d in plan.diagnostics if d.code == OUTWARD}
    for change in plan.changes:
        if change.action == "delete":
            yield _deletion(change)
        if change.risk == "exfiltration" and (change.origin is None or change.origin not in guarded):
            text = f"{change.kind} {change.address} would send mail outside the workspace's domains"
            yield _of_change(change, Severity.WARNING, "exfiltration", text, grave=True)
        if change.direction in ("server", "both"):
            text = f"changed on the server: {server_words(change)}; `apply` would make it as the file says"
            yield _of_change(change, Severity.INFO, "drift", text)


def _deletion(change: Change) -> Remark:
    said = "; ".join(filter(None, (reason_words(change), loss_words(change))))
    text = f"deletes {BY_NAME[change.kind].title} {change.address}{f' ({said})' if said else ''}"
    lossy = change.risk == "mail-loss"
    return _of_change(change, Severity.WARNING if lossy else Severity.INFO, "deletion", text, grave=lossy)


def _of_change(change: Change, severity: Severity, check: str, text: str, *, grave: bool = False) -> Remark:
    return Remark(severity=severity, check=check, subject=change.key, text=text, span=change.origin, grave=grave)
