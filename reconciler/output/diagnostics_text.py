"""Diagnostics for people: the line of compilers, the source with its span underlined, the way out, a count."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from reconciler.core.diagnostics import Diagnostic, Severity, sort_diagnostics
from reconciler.output.plan_words import count
from reconciler.output.snippets import Snippets
from reconciler.output.terminal import Piece, Style, flow, safe, words

_STYLES: dict[Severity, tuple[str, ...]] = {
    Severity.ERROR: ("bold", "red"),
    Severity.WARNING: ("bold", "yellow"),
    Severity.INFO: ("bold", "cyan"),
}
_NAMES: dict[Severity, tuple[str, str]] = {
    Severity.ERROR: ("error", "errors"),
    Severity.WARNING: ("warning", "warnings"),
    Severity.INFO: ("note", "notes"),
}


def render_diagnostics(
    diagnostics: Iterable[Diagnostic], texts: Mapping[str, str], *, color: bool, snippets: bool, width: int
) -> Iterator[str]:
    """`file:line:column: severity: message [CODE]` for each, in order, and a count at the end.

    The first line of each is never wrapped, so that editors and `grep` can read it.

    Args:
        texts: file (as in spans) -> its text, for snippets.
        snippets: whether to show the source line, for a terminal; never one that may hold a secret.
    """
    listed = sort_diagnostics(diagnostics)
    style = Style(color)
    source = Snippets(listed, texts)
    for d in listed:
        place = f"{safe(str(d.span))}: " if d.span else ""
        severity = style(f"{d.severity}:", *_STYLES[d.severity])
        yield f"{style(place, 'bold')}{severity} {safe(d.message)} {style(f'[{safe(d.code)}]', 'dim')}"
        if snippets:
            yield from source.lines(d, width=width, style=style)
        if d.hint:
            yield f"  {style('hint:', 'cyan')} {safe(d.hint)}"
    if listed:
        yield count_words(listed)


def count_words(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning in 2 files.`"""
    listed = tuple(diagnostics)
    numbers = Counter(d.severity for d in listed)
    files = len({d.span.file for d in listed if d.span})
    said = ", ".join(count(numbers[s], *_NAMES[s]) for s in Severity if numbers[s])
    return f"{said} in {count(files, 'file')}." if files else f"{said}."


def diagnostic_lines(diagnostic: Diagnostic, *, indent: int, width: int, style: Style) -> Iterator[str]:
    """A diagnostic inside another text, wrapped: severity, message and code, then its place, then the way out."""
    first = [
        Piece(f"{diagnostic.severity}:", _STYLES[diagnostic.severity]),
        *words(safe(diagnostic.message)),
        Piece(f"[{safe(diagnostic.code)}]", ("dim",)),
    ]
    yield from flow(first, indent=indent, hang=indent + 4, width=width, style=style)
    if diagnostic.span:
        place = [Piece("at"), Piece(safe(str(diagnostic.span)), solid=True)]
        yield from flow(place, indent=indent + 2, hang=indent + 4, width=width, style=style)
    if diagnostic.hint:
        hint = [Piece("hint:", ("cyan",)), *words(safe(diagnostic.hint))]
        yield from flow(hint, indent=indent + 2, hang=indent + 4, width=width, style=style)
