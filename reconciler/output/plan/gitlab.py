"""GitLab's Code Quality report: what a merge request shows at the lines of its files.

The format is GitLab's subset of Code Climate's: an array of issues with `description`, `check_name`, `fingerprint`,
`severity`, `location.path` (relative to the repository) and `location.lines.begin`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.plan import Plan
from reconciler.output.documents import NO_FILES, NO_PLACE, Fingerprints, sorted_diagnostics
from reconciler.output.plan.annotations import Remark, of_diagnostic, remarks
from reconciler.output.terminal import visible

_SEVERITIES: dict[tuple[Severity, bool], str] = {
    (Severity.ERROR, True): "critical",
    (Severity.ERROR, False): "critical",
    (Severity.WARNING, True): "major",
    (Severity.WARNING, False): "minor",
    (Severity.INFO, True): "minor",
    (Severity.INFO, False): "info",
}
"""By severity, and by whether mail is at stake."""


def render_plans_gitlab(plans: Sequence[Plan], paths: Mapping[str, str] = NO_FILES) -> str:
    """The report of plans, with a final newline; `paths` as in `render_diagnostics_gitlab`."""
    return _report(remarks(plans), paths)


def render_diagnostics_gitlab(diagnostics: Iterable[Diagnostic], paths: Mapping[str, str] = NO_FILES) -> str:
    """The report of diagnostics, with a final newline: the same bytes for the same diagnostics.

    Args:
        paths: a file's name for people -> its path in the repository.
    """
    return _report(map(of_diagnostic, sorted_diagnostics(diagnostics)), paths)


def _report(found: Iterable[Remark], paths: Mapping[str, str]) -> str:
    return json.dumps(list(_issues(found, paths)), sort_keys=True, indent=2, ensure_ascii=True) + "\n"


def _issues(found: Iterable[Remark], paths: Mapping[str, str]) -> Iterator[dict[str, object]]:
    prints = Fingerprints()
    for remark in found:
        file = remark.span.file if remark.span else NO_PLACE
        path = paths.get(file, file)
        yield {
            "description": visible(" · ".join(filter(None, (remark.text, remark.hint)))),
            "check_name": remark.check,
            "fingerprint": prints.of(remark.check, path, remark.subject),
            "severity": _SEVERITIES[remark.severity, remark.grave],
            "location": {"path": path, "lines": {"begin": max(remark.span.line, 1) if remark.span else 1}},
        }
