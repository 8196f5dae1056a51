"""The formats of each document: tables of name -> function. The command line parses the names and calls the function.

A renderer is imported when it is used, because a run needs one or two of about twenty.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.core.diagnostics import Diagnostic
    from reconciler.core.findings import Report
    from reconciler.core.plan import Plan
    from reconciler.core.source import Span
    from reconciler.core.status import DomainStatus
    from reconciler.output.history import RunRow

NO_WIDTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The circumstances of a document. The functions cost time (they call git), so only some formats call them.

    Attributes:
        today: the day (UTC) to which ages are relative.
        color: whether text has color.
        width: the columns of text.
        verbose: how often -v was given.
        quiet: whether -q was given.
        snippets: whether text shows lines of files.
        markdown_limit: the maximum length of Markdown, in characters.
        header: makes the object `generated` of JSON documents.
        files: file name as shown to people -> path in the workspace.
        paths: makes the mapping file name -> path in the repository, also for further file names.
        places: makes the mapping domain -> the line that declares it.
    """

    today: date
    color: bool = False
    width: int = NO_WIDTH
    verbose: int = 0
    quiet: bool = False
    snippets: bool = False
    markdown_limit: int = 1 << 16
    header: Callable[[], Mapping[str, object]] = dict
    files: Mapping[str, str] = field(default_factory=dict)
    paths: Callable[[Iterable[str]], Mapping[str, str]] = lambda _: {}
    places: Callable[[], Mapping[str, "Span"]] = dict


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """The result of `validate`.

    Attributes:
        texts: file name -> content, for files with diagnostics.
        checked: the names of the files that were checked.
        count: the number of domain files that were checked.
    """

    diagnostics: Sequence["Diagnostic"]
    texts: Mapping[str, str]
    checked: Sequence[str]
    count: int

    def faulty_files(self) -> list[str]:
        """The file of each diagnostic that has one."""
        return [d.span.file for d in self.diagnostics if d.span]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Runs of `apply`; `one` if the user named a run, whose changes are then shown."""

    runs: Sequence["RunRow"]
    one: bool


def _lines(text: str) -> list[str]:
    return [text.rstrip("\n")]


def _plan_text(plans: Sequence["Plan"], view: View) -> Iterable[str]:
    from reconciler.output.plan.text import render_plans

    return render_plans(plans, color=view.color, width=view.width, verbose=view.verbose, today=view.today)


def _plan_json(plans: Sequence["Plan"], view: View) -> Iterable[str]:
    from reconciler.output.plan.json import render_plans_json

    return _lines(render_plans_json(plans, view.header(), view.files))


def _plan_markdown(plans: Sequence["Plan"], view: View) -> Iterable[str]:
    from reconciler.output.plan.markdown import render_plans_markdown

    return _lines(render_plans_markdown(plans, limit=view.markdown_limit, today=view.today))


def _plan_github(plans: Sequence["Plan"], view: View) -> Iterable[str]:
    from reconciler.output.plan.github import render_plans_github

    return render_plans_github(plans, view.paths(()))


def _plan_gitlab(plans: Sequence["Plan"], view: View) -> Iterable[str]:
    from reconciler.output.plan.gitlab import render_plans_gitlab

    return _lines(render_plans_gitlab(plans, view.paths(())))


PLAN_FORMATS: Mapping[str, Callable[[Sequence["Plan"], View], Iterable[str]]] = {
    "text": _plan_text,
    "json": _plan_json,
    "markdown": _plan_markdown,
    "github": _plan_github,
    "gitlab": _plan_gitlab,
}


def _validation_text(result: Validation, view: View) -> Iterable[str]:
    from reconciler.output.diagnostics_text import render_diagnostics
    from reconciler.output.terminal import count

    if result.diagnostics:
        return render_diagnostics(
            result.diagnostics, result.texts, color=view.color, snippets=view.snippets, width=view.width
        )
    verb = "is" if result.count == 1 else "are"
    return [] if view.quiet else [f"{count(result.count, 'domain file')} {verb} valid."]


def _validation_json(result: Validation, view: View) -> Iterable[str]:
    from reconciler.output.diagnostics_json import render_diagnostics_json

    return _lines(render_diagnostics_json(result.diagnostics, view.header(), view.files))


def _validation_github(result: Validation, view: View) -> Iterable[str]:
    from reconciler.output.plan.github import render_diagnostics_github

    # A count for people is enough: GitHub has no annotation for success.
    if not result.diagnostics:
        return _validation_text(result, view)
    return render_diagnostics_github(result.diagnostics, view.paths(result.faulty_files()))


def _validation_gitlab(result: Validation, view: View) -> Iterable[str]:
    from reconciler.output.plan.gitlab import render_diagnostics_gitlab

    return _lines(render_diagnostics_gitlab(result.diagnostics, view.paths(result.faulty_files())))


def _validation_sarif(result: Validation, view: View) -> Iterable[str]:
    from reconciler.output.sarif import render_diagnostics_sarif

    return _lines(render_diagnostics_sarif(result.diagnostics, view.paths(result.faulty_files())))


def _validation_junit(result: Validation, view: View) -> Iterable[str]:
    from reconciler.output.junit import render_diagnostics_junit

    paths = view.paths(result.faulty_files())
    return _lines(render_diagnostics_junit(result.diagnostics, result.checked, paths))


VALIDATION_FORMATS: Mapping[str, Callable[[Validation, View], Iterable[str]]] = {
    "text": _validation_text,
    "json": _validation_json,
    "github": _validation_github,
    "gitlab": _validation_gitlab,
    "sarif": _validation_sarif,
    "junit": _validation_junit,
}


def _report_text(report: "Report", view: View) -> Iterable[str]:
    from reconciler.output.report.text import render_text

    return _lines(render_text(report, color=view.color, width=view.width, trees=view.verbose > 0))


def _report_json(report: "Report", view: View) -> Iterable[str]:
    from reconciler.output.report.json import render_json

    return _lines(render_json(report, view.header()))


def _report_markdown(report: "Report", _view: View) -> Iterable[str]:
    from reconciler.output.report.markdown import render_markdown

    return _lines(render_markdown(report))


def _report_sarif(report: "Report", view: View) -> Iterable[str]:
    from reconciler.output.sarif import render_report_sarif

    return _lines(render_report_sarif(report, view.places(), view.paths(())))


def _report_junit(report: "Report", _view: View) -> Iterable[str]:
    from reconciler.output.junit import render_report_junit

    return _lines(render_report_junit(report))


REPORT_FORMATS: Mapping[str, Callable[["Report", View], Iterable[str]]] = {
    "text": _report_text,
    "json": _report_json,
    "markdown": _report_markdown,
    "sarif": _report_sarif,
    "junit": _report_junit,
}


def _status_text(statuses: Sequence["DomainStatus"], view: View) -> Iterable[str]:
    from reconciler.output.status_text import render_status

    return render_status(statuses, color=view.color, width=view.width)


def _status_json(statuses: Sequence["DomainStatus"], view: View) -> Iterable[str]:
    from reconciler.output.status_json import render_status_json

    return _lines(render_status_json(statuses, view.header(), view.files))


STATUS_FORMATS: Mapping[str, Callable[[Sequence["DomainStatus"], View], Iterable[str]]] = {
    "text": _status_text,
    "json": _status_json,
}


def _history_text(history: History, view: View) -> Iterable[str]:
    from reconciler.output.history import render_history, render_run

    if history.one:
        return render_run(history.runs[0], color=view.color, width=view.width)
    return render_history(history.runs, color=view.color, width=view.width)


def _history_json(history: History, view: View) -> Iterable[str]:
    from reconciler.output.history import render_history_json

    return _lines(render_history_json(history.runs, view.header(), changes=history.one))


HISTORY_FORMATS: Mapping[str, Callable[[History, View], Iterable[str]]] = {
    "text": _history_text,
    "json": _history_json,
}
