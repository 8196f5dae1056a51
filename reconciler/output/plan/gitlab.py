"""GitLab's Code Quality report. A merge request shows its entries at the lines of the files.

The format is GitLab's subset of Code Climate's: an array of issues with `description`, `check_name`, `fingerprint`,
`severity`, `location.path` (relative to the repository) and `location.lines.begin`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.plan import Plan
from reconciler.output.documents import NO_FILES, NO_PLACE, Fingerprints, sorted_diagnostics
from reconciler.output.plan.annotations import Annotation, annotations, of_diagnostic
from reconciler.output.terminal import visible

_SEVERITIES: dict[tuple[Severity, bool], str] = {
    (Severity.ERROR, True): "critical",
    (Severity.ERROR, False): "critical",
    (Severity.WARNING, True): "major",
    (Severity.WARNING, False): "minor",
    (Severity.INFO, True): "minor",
    (Severity.INFO, False): "info",
}
"""By severity, and by whether the note is severe (see `Annotation`)."""


def render_plans_gitlab(plans: Sequence[Plan], paths: Mapping[str, str] = NO_FILES) -> str:
    """The report of plans, with a final newline; `paths` as in `render_diagnostics_gitlab`."""
    return _report(annotations(plans), paths)


def render_diagnostics_gitlab(diagnostics: Iterable[Diagnostic], paths: Mapping[str, str] = NO_FILES) -> str:
    """The report of diagnostics, with a final newline. Equal diagnostics give equal bytes.

    Args:
        paths: the displayed name of a file -> its path in the repository.
    """
    return _report(map(of_diagnostic, sorted_diagnostics(diagnostics)), paths)


def _report(found: Iterable[Annotation], paths: Mapping[str, str]) -> str:
    # ASCII only, as in our other documents: no text of a server can control a terminal that shows the artifact.
    return json.dumps(list(_issues(found, paths)), sort_keys=True, indent=2, ensure_ascii=True) + "\n"


def _issues(found: Iterable[Annotation], paths: Mapping[str, str]) -> Iterator[dict[str, object]]:
    prints = Fingerprints()
    for note in found:
        # GitLab rejects issues without a path and a line.
        file = note.span.file if note.span else NO_PLACE
        path = paths.get(file, file)
        yield {
            "description": visible(" · ".join(filter(None, (note.text, note.hint)))),
            "check_name": note.check,
            "fingerprint": prints.of(note.check, path, note.subject),
            "severity": _SEVERITIES[note.severity, note.severe],
            "location": {"path": path, "lines": {"begin": max(note.span.line, 1) if note.span else 1}},
        }
