"""Plans as annotations of a GitHub workflow run: lines that the runner reads from the log."""

from collections.abc import Iterator, Sequence

from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.kinds import BY_NAME
from reconciler.core.plan import Change, Plan
from reconciler.core.source import Span
from reconciler.output.plan_words import loss_words, reason_words, summary_words, tally
from reconciler.output.terminal import safe

_COMMANDS: dict[Severity, str] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "notice",
}


def render_plans_github(plans: Sequence[Plan]) -> Iterator[str]:
    """`::error file=…,line=…,col=…,title=…::text` for each diagnostic, a notice for each deletion, and the summary."""
    for plan in plans:
        for diagnostic in plan.diagnostics:
            yield _annotation(diagnostic)
        for change in plan.changes:
            if change.action == "delete":
                yield _deletion(change)
    yield summary_words(tally(plans))


def _annotation(diagnostic: Diagnostic) -> str:
    text = [safe(diagnostic.message)]
    if diagnostic.hint:
        text.append(f"hint: {safe(diagnostic.hint)}")
    return _command(_COMMANDS[diagnostic.severity], diagnostic.span, diagnostic.code, "\n".join(text))


def _deletion(change: Change) -> str:
    remarks = "; ".join(filter(None, (reason_words(change), loss_words(change))))
    text = f"deletes {BY_NAME[change.kind].title} {change.address} ({remarks})"
    return _command("notice", change.origin, "deletion", safe(text))


def _command(name: str, span: Span | None, title: str, text: str) -> str:
    place: dict[str, object] = {"file": span.file, "line": span.line, "col": span.column} if span else {}
    properties = {k: safe(str(v)) for k, v in (place | {"title": title}).items()}
    return f"::{name} {','.join(f'{k}={_property(v)}' for k, v in properties.items())}::{_data(text)}"


def _data(text: str) -> str:
    """The runner's escapes in a message: percent, carriage return, line feed."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """The runner's escapes in a property: the colon and the comma too."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
