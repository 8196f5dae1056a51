"""Diagnostics as JUnit XML: a test case for each file, which fails where the file has an error."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.core.diagnostics import Diagnostic, has_errors
from reconciler.output.diagnostics_text import count_words
from reconciler.output.documents import NO_FILES, sorted_diagnostics
from reconciler.output.junit import Case, junit_text

_NO_FILE = "(no file)"
_GROUP = "reconciler.validate"


def render_diagnostics_junit(
    diagnostics: Iterable[Diagnostic], files: Iterable[str], paths: Mapping[str, str] = NO_FILES
) -> str:
    """The document, with a final newline.

    Args:
        files: the names for people of the files that were checked, those without a fault too.
        paths: a file's name for people -> its path in the repository.
    """
    by_file: dict[str, list[Diagnostic]] = {file: [] for file in files}
    for diagnostic in sorted_diagnostics(diagnostics):
        by_file.setdefault(diagnostic.span.file if diagnostic.span else _NO_FILE, []).append(diagnostic)
    return junit_text("reconciler validate", [("files", list(_cases(by_file, paths)))])


def _cases(by_file: Mapping[str, Sequence[Diagnostic]], paths: Mapping[str, str]) -> Iterator[Case]:
    rows = sorted((paths.get(file, file), said) for file, said in by_file.items())
    for path, said in rows:
        failed = has_errors(said)
        yield Case(
            name=path,
            group=_GROUP,
            verdict="failure" if failed else "pass",
            message=count_words(said) if failed else "",
            kind=next((d.code for d in said if has_errors((d,))), ""),
            lines=[line for d in said for line in _lines(d)],
            file=path if path != _NO_FILE else "",
        )


def _lines(diagnostic: Diagnostic) -> Iterator[str]:
    yield str(diagnostic)
    if diagnostic.hint:
        yield f"  hint: {diagnostic.hint}"
