"""A YAML file becomes a document: values that know their places, and everything that is wrong with the YAML.

libyaml reads, through the events of PyYAML's C parser; where that is not built, PyYAML's own parser does. Both give
the same values and places (see `builder` for what is allowed of YAML).
"""

import gc
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from yaml import YAMLError
from yaml.events import DocumentEndEvent, DocumentStartEvent, ScalarEvent, StreamEndEvent, StreamStartEvent
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner, ScannerError

from reconciler.config.document.builder import Builder, Map, Seq, StopBuilding
from reconciler.config.document.places import Lines
from reconciler.config.document.syntax import explain_syntax
from reconciler.core.diagnostics import Diagnostic, error, warning
from reconciler.core.source import Span

# Where YAML events come from: libyaml, or PyYAML's own parser where libyaml is not built in.


class PythonParser(Reader, Scanner, Parser):
    """PyYAML's parser in Python, with the interface of its C parser, and as strict."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def get_event(self) -> Any:
        """The next event.

        Raises:
            ScannerError: also for an escape that is no character, which PyYAML lets through or fails on itself.
        """
        try:
            event: Any = super().get_event()  # type: ignore[no-untyped-call]
        except (ValueError, OverflowError) as e:  # chr() of an escape beyond U+10FFFF
            raise ScannerError(problem=_NO_CHARACTER, problem_mark=self.get_mark()) from e
        if isinstance(event, ScalarEvent) and any("\ud800" <= char <= "\udfff" for char in event.value):
            mark: Any = event.start_mark
            raise ScannerError(problem=_NO_CHARACTER, problem_mark=mark)
        return event


_NO_CHARACTER = "found invalid Unicode character escape code"


def event_source(text: str) -> Callable[[], Any]:
    """A function that gives the next event of the YAML in `text`, with marks that count code points."""
    try:
        from yaml._yaml import CParser
    except ImportError:
        return PythonParser(text).get_event
    return CParser(text).get_event


MAX_BYTES = 16 * 1024 * 1024

_BOM = "\ufeff"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# YAML 1.2.2 section 5.1, without NEL, LS and PS: YAML 1.1 parsers end a line and a comment there, editors do not,
# so that what looks like a comment could be a key.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_BREAKS = "\x85\u2028\u2029"
# What makes a line look otherwise than a parser reads it ("Trojan Source", CVE-2021-42574): embeddings, overrides and
# isolates are refused. Marks only move what has no direction of its own, and stand in honest Arabic and Hebrew.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069\u061c\u200e\u200f]")
_MARKS = "\u061c\u200e\u200f"
_TURNING_SHOWN = 20


@dataclass(frozen=True, eq=False)
class Document:
    """One file.

    Attributes:
        file: its name for people.
        text: what stands in it, without a byte order mark.
        value: dict, list, str, int, float, bool or None; dict keys are text. Nobody may change it: aliases share parts.
    """

    file: str
    text: str = field(repr=False)
    value: object = field(repr=False)
    root: tuple[int, int] = field(default=(0, 0), repr=False)

    @cached_property
    def _lines(self) -> Lines:
        return Lines(self.file, self.text)

    def span(self, path: Sequence[str | int], *, key: bool = False) -> Span:
        """The place of the value at `path`, or of its key.

        Where the path leads nowhere, the place of the nearest that exists; a list's item and the whole document have
        no key, so their own place. What was merged in or repeated by an alias is where it was written.
        """
        node, place = self.value, self.root
        for step in path:
            if isinstance(node, Map) and isinstance(step, str) and step in node:
                k0, k1, v0, v1 = node.marks[step]
                place = (k0, k1) if key else (v0, v1)
                node = node[step]
            elif isinstance(node, Seq) and isinstance(step, int) and 0 <= step < len(node):
                place = node.marks[step]
                node = node[step]
            else:
                break
        return self._lines.span(*place)


def load_file(path: Path, display: str) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    """Reads a file; `display` is its name for people. See `load_text`."""
    try:
        # Asked before it is opened: opening a pipe would wait for whoever writes into it.
        if not stat.S_ISREG(path.stat().st_mode):
            return None, (error("YML009", "this is no plain file", Span(display)),)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as e:
        return None, (error("YML009", f"the file cannot be read: {e.strerror or type(e).__name__}", Span(display)),)
    return load_text(data, display)


def load_text(data: bytes, display: str) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    """The document in these bytes, and what is wrong with it as YAML (codes YML001 to YML008 and YML010).

    Faults beside a document (a key twice: the first counts) leave its structure readable, so that the rest of it can
    be judged. There is none where the file could not be understood. Reading ends at the first error of syntax.
    """
    if len(data) > MAX_BYTES:
        hint = "split it: one file a domain"
        return None, (error("YML004", f"the file is larger than {MAX_BYTES >> 20} MiB", Span(display), hint=hint),)
    try:
        text = data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as e:
        return None, (_not_utf8(data, e, display),)
    lines = Lines(display, text)
    bad = _UNPRINTABLE.search(text)
    if bad:
        return None, (_unprintable(bad, lines),)
    turning = () if text.isascii() else tuple(islice(_turning(lines), _TURNING_SHOWN))
    with _collector_off():
        document, diagnostics = _parse(lines)
    return document, (*turning, *diagnostics)


def _parse(lines: Lines) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    get_event = event_source(lines.text)
    builder = Builder(get_event, lines)
    document: Document | None = None
    try:
        document = _document(get_event, builder, lines)
    except YAMLError as e:
        return None, (*builder.diagnostics, explain_syntax(e, lines))
    except StopBuilding:
        return None, tuple(builder.diagnostics)
    return None if builder.broken else document, tuple(builder.diagnostics)


def _document(get_event: Callable[[], Any], builder: Builder, lines: Lines) -> Document | None:
    """The one document of a stream."""
    document: Document | None = None
    seen = False
    event: Any
    while (event := get_event()).__class__ is not StreamEndEvent:
        if event.__class__ in (StreamStartEvent, DocumentEndEvent):
            continue
        start = event.start_mark.index
        assert event.__class__ is DocumentStartEvent
        if seen:
            span = lines.span(start, start + 3)
            builder.diagnostics.append(
                error("YML006", "a second document begins here", span, hint="write one document a file")
            )
            raise StopBuilding
        seen = True
        event = get_event()
        is_empty = event.__class__ is ScalarEvent and not event.value and not event.style
        value, start, end = builder.node(event)
        if not is_empty:
            document = Document(lines.file, lines.text, value, (start, end))
    if document is None:
        hint = "begin with apiVersion: reconciler/v1 and kind"
        builder.diagnostics.append(error("YML006", "the file holds nothing", Span(lines.file), hint=hint))
    return document


def _not_utf8(data: bytes, fault: UnicodeDecodeError, display: str) -> Diagnostic:
    before = Lines(display, data[: fault.start].decode("utf-8").removeprefix(_BOM))
    line, column = before.place(len(before.text))
    span = Span(display, line, column, line, column + 1)
    hint = "save the file as UTF-8"
    if data.startswith(_UTF16):
        return error("YML003", "the file is UTF-16, not UTF-8", span, hint=hint)
    return error("YML003", f"the byte 0x{data[fault.start]:02X} is not UTF-8 here", span, hint=hint)


def _unprintable(found: re.Match[str], lines: Lines) -> Diagnostic:
    char = found[0]
    span = lines.span(found.start(), found.end())
    if char in _LINE_BREAKS:
        text = f"the character U+{ord(char):04X} ends a line for some programs only"
        return error("YML001", text, span, hint="take it out")
    return error("YML001", f"the character U+{ord(char):04X} is not allowed in YAML", span, hint="take it out")


def _turning(lines: Lines) -> Iterator[Diagnostic]:
    """What turns the direction of text, the first of each line. In quotes it can be written as an escape."""
    line = 0
    for found in _TURNING.finditer(lines.text):
        span, char = lines.span(found.start(), found.end()), found[0]
        if span.line == line:
            continue
        line = span.line
        hint = f"take it out; a text that needs it can hold it as an escape in double quotes: \\u{ord(char):04x}"
        if char in _MARKS:
            yield warning("YML010", f"the invisible direction mark U+{ord(char):04X} stands here", span, hint=hint)
        else:
            text = f"the character U+{ord(char):04X} turns the direction of text: the line is not what it looks like"
            yield error("YML010", text, span, hint=hint)


@contextmanager
def _collector_off() -> Iterator[None]:
    """Without the garbage collector, which would walk the growing value again and again and find nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
