"""Annotations of a GitHub workflow run: lines that the runner reads from the log."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.plan import Plan
from reconciler.core.source import Span
from reconciler.output.diagnostics_text import count_words
from reconciler.output.documents import NO_FILES, sorted_diagnostics
from reconciler.output.plan.annotations import Remark, of_diagnostic, remarks
from reconciler.output.plan.words import count_changes, summary_words
from reconciler.output.terminal import safe

_COMMANDS: dict[Severity, str] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "notice",
}


def render_diagnostics_github(diagnostics: Iterable[Diagnostic], paths: Mapping[str, str] = NO_FILES) -> Iterator[str]:
    """`::error file=…,line=…,col=…,title=…::text` for each diagnostic, and a count; `paths` as in `annotation`."""
    listed = sorted_diagnostics(diagnostics)
    yield from (annotation(of_diagnostic(d), paths) for d in listed)
    if listed:
        yield count_words(listed)


def annotation(remark: Remark, paths: Mapping[str, str]) -> str:
    """A workflow command that puts the remark at its place.

    Args:
        paths: a file's name for people -> its path in the repository, which is what GitHub looks for.
    """
    text = [safe(remark.text)]
    if remark.hint:
        text.append(f"hint: {safe(remark.hint)}")
    properties = _place(remark.span, paths) | {"title": remark.check}
    listed = ",".join(f"{k}={_property(safe(v))}" for k, v in properties.items())
    return f"::{_COMMANDS[remark.severity]} {listed}::{_data(chr(10).join(text))}"


def _place(span: Span | None, paths: Mapping[str, str]) -> dict[str, str]:
    if span is None:
        return {}
    return {"file": paths.get(span.file, span.file), "line": str(span.line), "col": str(span.column)}


def _data(text: str) -> str:
    """The runner's escapes in a message: percent, carriage return, line feed."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """The runner's escapes in a property: the colon and the comma too."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# Plans as annotations of a GitHub workflow run.


def render_plans_github(plans: Sequence[Plan], paths: Mapping[str, str] = NO_FILES) -> Iterator[str]:
    """An annotation for each diagnostic, deletion, change that sends mail outside, and change made on the server.

    The gravest come first, then the summary. `paths` as in `annotation`.
    """
    yield from (annotation(remark, paths) for remark in remarks(plans))
    yield summary_words(count_changes(plans))
