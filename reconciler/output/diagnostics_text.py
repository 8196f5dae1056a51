"""Diagnostics as text: location, severity and message, the source line with its span underlined, the hint, a count."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from reconciler.core.diagnostics import Diagnostic, Severity, sort_diagnostics
from reconciler.core.source import Span
from reconciler.output.terminal import Piece, Style, char_columns, columns, count, flow, safe, visible, words

SECRET_IN_CLEAR = "SEC001"  # noqa: S105 - a diagnostic's code
HIDDEN = "(line not shown: it may contain a secret)"
TAB = 4
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""Line ends as libyaml counts them (YAML 1.1 section 5.4); str.splitlines counts others too."""
_PASSWORD = re.compile(
    r"""(?:password|passwd|passphrase|secret)["']?\s*:(?!\s*\{\s*["']?(?:env|file|command|generate)\b)\s*\S""",
    re.IGNORECASE,
)
_PASSWORD_ABOVE = re.compile(
    r"""(?:password|passwd|passphrase|secret)["']?\s*:\s*(?:[|>][-+0-9]*)?\s*$""", re.IGNORECASE
)


class Snippets:
    """The source lines for the diagnostics of one run.

    No diagnostic shows a line with a SEC001 or a line that looks like a password in plain text: the values of a file
    that is not valid YAML have not been checked.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic], texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._lines: dict[str, list[str]] = {}
        self._secret: set[tuple[str, int]] = set()
        for d in diagnostics:
            # All lines of the value are hidden, also from other diagnostics that point at them.
            if d.code == SECRET_IN_CLEAR and d.span:
                last = max(d.span.line, d.span.end_line)
                self._secret.update((d.span.file, n) for n in range(d.span.line, last + 1))

    def lines(self, diagnostic: Diagnostic, *, width: int, style: Style) -> Iterator[str]:
        """The source line and the underline; nothing if the texts do not contain the location."""
        span = diagnostic.span
        # The line about a hidden value says why it is missing, so that nobody takes it for a fault.
        if diagnostic.code == SECRET_IN_CLEAR or (span and self._is_hidden(span)):
            yield "  " + style(HIDDEN, "dim")
        elif span and (source := self._line(span.file, span.line)) is not None:
            gutter = f"{span.line:>5} | "
            shown, start, length = _window(source, span, width - len(gutter))
            yield style(gutter, "blue") + shown
            yield style(" " * 5 + " | ", "blue") + " " * start + style("^" * length, "bold", "red")

    def _is_hidden(self, span: Span) -> bool:
        if (span.file, span.line) in self._secret:
            return True
        line = self._line(span.file, span.line)
        # The span may point behind the end of the text, for example at a missing key.
        if line is None:
            return False
        # A password may be on the line below its key, as a block text or an indented value.
        return bool(_PASSWORD.search(line) or _PASSWORD_ABOVE.search(self._line(span.file, span.line - 1) or ""))

    def _line(self, file: str, number: int) -> str | None:
        if file not in self._lines:
            text = self._texts.get(file)
            # Lines are split once per file, because a file can have thousands of diagnostics.
            self._lines[file] = [] if text is None else _BREAK.split(text)
        lines = self._lines[file]
        return lines[number - 1] if 1 <= number <= len(lines) else None


def _window(source: str, span: Span, cells: int) -> tuple[str, int, int]:
    """The part of a line around a span that fits, the cell at which the span begins in it, and its cells there."""
    # A very narrow terminal still gets a recognizable part of the line.
    cells = max(cells, 20)
    begin = min(max(span.column, 1) - 1, len(source))
    # A value of several lines is underlined to the end of its first line, because only that line is shown.
    end = len(source) if span.end_line > span.line else min(span.end_column - 1, len(source))
    end = max(end, begin)
    # The span must be visible even in a very long line, so the window starts close to it.
    first = 0 if _fits(source, cells) else _first(source, begin, cells // 2)
    left = "…" if first else ""
    lead = left + _expanded(source[first:begin])
    marked = _expanded(source[begin:end], columns(lead))
    rest = _expanded(source[end : end + cells], columns(lead + marked))
    shown = lead + marked + rest
    cut = _fit(shown, cells, more=end + cells < len(source))
    start = columns(lead)
    return cut, start, max(1, min(columns(marked), columns(cut) - start))


def _fits(source: str, cells: int) -> bool:
    # The first test is cheap and rejects very long lines. A character can take no cell, so it compares with twice the
    # width.
    return len(source) <= cells * 2 and columns(_expanded(source)) <= cells


def _first(source: str, begin: int, cells: int) -> int:
    """The first character to show, so that the text before the span takes at most so many cells."""
    used = 0
    for n in range(begin - 1, max(begin - 1 - cells * 2, -1), -1):
        used += TAB if source[n] == "\t" else columns(visible(source[n]))
        if used > cells:
            return n + 1
    return max(begin - cells * 2, 0)


def _expanded(text: str, column: int = 0) -> str:
    """The text with tabs as spaces and invisible characters made visible; it begins at the cell `column`."""
    parts: list[str] = []
    for char in text:
        # A terminal expands tabs differently from an editor; spaces keep the underline below its text.
        part = " " * (TAB - column % TAB) if char == "\t" else visible(char)
        parts.append(part)
        column += columns(part)
    return "".join(parts)


def _fit(text: str, cells: int, *, more: bool) -> str:
    if not more and columns(text) <= cells:
        return text
    used = 0
    for n, char in enumerate(text):
        used += char_columns(char)
        if used > cells - 1:
            return text[:n] + "…"
    return text + "…"


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
    """`file:line:column: severity: message [CODE]` for each, in order, wrapped to `width`; at the end a count.

    Each diagnostic begins a line with its location, which is never cut, so that editors and `grep` find it.

    Args:
        texts: file (as in spans) -> its text, for snippets.
        snippets: whether to show source lines; a line that may contain a secret is never shown.
    """
    listed = sort_diagnostics(diagnostics)
    style = Style(color)
    source = Snippets(listed, texts)
    for d in listed:
        # The location is solid: editors and grep must find it in one piece.
        place = [Piece(f"{safe(str(d.span))}:", ("bold",), solid=True)] if d.span else []
        yield from flow([*place, *_message(d)], indent=0, hang=4, width=width, style=style)
        if snippets:
            yield from source.lines(d, width=width, style=style)
        yield from _hint(d, indent=2, width=width, style=style)
    if listed:
        yield count_words(listed)


def count_words(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning in 2 files.`"""
    listed = tuple(diagnostics)
    numbers = Counter(d.severity for d in listed)
    files = len({d.span.file for d in listed if d.span})
    counts = ", ".join(count(numbers[s], *_NAMES[s]) for s in Severity if numbers[s])
    return f"{counts} in {count(files, 'file')}." if files else f"{counts}."


def diagnostic_lines(diagnostic: Diagnostic, *, indent: int, width: int, style: Style) -> Iterator[str]:
    """A diagnostic inside another text, wrapped: severity, message and code, then its location, then its hint."""
    yield from flow(_message(diagnostic), indent=indent, hang=indent + 4, width=width, style=style)
    if diagnostic.span:
        place = [Piece("at"), Piece(safe(str(diagnostic.span)), solid=True)]
        yield from flow(place, indent=indent + 2, hang=indent + 4, width=width, style=style)
    yield from _hint(diagnostic, indent=indent + 2, width=width, style=style)


def _message(diagnostic: Diagnostic) -> list[Piece]:
    return [
        Piece(f"{diagnostic.severity}:", _STYLES[diagnostic.severity]),
        *words(safe(diagnostic.message)),
        Piece(f"[{safe(diagnostic.code)}]", ("dim",)),
    ]


def _hint(diagnostic: Diagnostic, *, indent: int, width: int, style: Style) -> Iterator[str]:
    if diagnostic.hint:
        pieces = [Piece("hint:", ("cyan",)), *words(safe(diagnostic.hint))]
        yield from flow(pieces, indent=indent, hang=indent + 2, width=width, style=style)
