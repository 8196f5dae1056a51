"""Annotations of a GitHub workflow run: lines that the runner reads from the log."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.plan import Plan
from reconciler.core.source import Span
from reconciler.output.diagnostics_text import count_words
from reconciler.output.documents import NO_FILES, sorted_diagnostics
from reconciler.output.plan.annotations import Annotation, annotations, of_diagnostic
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


def annotation(note: Annotation, paths: Mapping[str, str]) -> str:
    """A workflow command that shows the note at its line.

    Args:
        paths: the displayed name of a file -> its path in the repository. GitHub needs the path.
    """
    text = [safe(note.text)]
    if note.hint:
        text.append(f"hint: {safe(note.hint)}")
    properties = _place(note.span, paths) | {"title": note.check}
    # Titles and file names are escaped: a comma or a colon in them would start another property of the command.
    listed = ",".join(f"{k}={_property(safe(v))}" for k, v in properties.items())
    return f"::{_COMMANDS[note.severity]} {listed}::{_data(chr(10).join(text))}"


def _place(span: Span | None, paths: Mapping[str, str]) -> dict[str, str]:
    # Without a file GitHub shows the annotation on the run instead of in the diff.
    if span is None:
        return {}
    return {"file": paths.get(span.file, span.file), "line": str(span.line), "col": str(span.column)}


def _data(text: str) -> str:
    """The runner's escapes in a message: percent, carriage return, line feed."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """The runner's escapes in a property: also colon and comma."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


# Plans as annotations of a GitHub workflow run.


def render_plans_github(plans: Sequence[Plan], paths: Mapping[str, str] = NO_FILES) -> Iterator[str]:
    """An annotation for each diagnostic, deletion, external forwarding, and change made on the server.

    The worst come first; the summary comes last. `paths` as in `annotation`.
    """
    yield from (annotation(note, paths) for note in annotations(plans))
    # The log has all counts, although GitHub shows at most ten annotations of a severity.
    yield summary_words(count_changes(plans))
