"""Reads a YAML file into a document: values with locations, and a diagnostic for every fault of the YAML.

libyaml parses, through the events of PyYAML's C parser. Without libyaml, PyYAML's own parser gives the same values and
locations. `builder` describes the supported part of YAML.
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

MAX_BYTES = 16 * 1024 * 1024
"""The largest file. A mailbox takes some 100 bytes, so this is far more than any server holds in one domain."""

_BOM = "\ufeff"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# YAML 1.2.2 section 5.1, without NEL, LS and PS: YAML 1.1 parsers end a line and a comment there, but editors do not.
# A key could look like part of a comment.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_BREAKS = "\x85\u2028\u2029"
# Bidirectional controls can make a line look different from what a parser reads ("Trojan Source", CVE-2021-42574).
# Embeddings, overrides and isolates are errors. Marks only move characters without a direction, and ordinary Arabic and
# Hebrew texts contain them, so they are warnings.
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u061c\u200e\u200f]")
_MARKS = "\u061c\u200e\u200f"
_BIDI_SHOWN = 20
"""Diagnostics for each file: a text in Arabic would give one for each line."""
_NO_CHARACTER = "found invalid Unicode character escape code"
"""libyaml's message, so that both parsers get the same explanation."""


@dataclass(frozen=True, eq=False)
class Document:
    """One file.

    Attributes:
        file: its name for people.
        text: its content, without a byte order mark.
        value: dict, list, str, int, float, bool or None; dict keys are text. Do not change it: aliases share parts.
        root: start and end of the value, as indices into the text.
    """

    file: str
    text: str = field(repr=False)
    value: object = field(repr=False)
    root: tuple[int, int] = field(default=(0, 0), repr=False)

    @cached_property
    def _lines(self) -> Lines:
        return Lines(self.file, self.text)

    def span(self, path: Sequence[str | int], *, key: bool = False) -> Span:
        """The location of the value at `path`, or of its key.

        If the path does not exist, the location of its longest existing part. An item of a list and the document have
        no key, so `key` gives the item or document itself. A merged or aliased value has the location of its original.
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
    """Reads a file; `display` is its name for people. See `load_text`; YML009 for a file that cannot be read."""
    try:
        # Checked before opening: opening a pipe blocks until a program writes to it.
        if not stat.S_ISREG(path.stat().st_mode):
            return None, (error("YML009", "this is not a regular file", Span(display)),)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as e:
        return None, (error("YML009", f"the file cannot be read: {e.strerror or type(e).__name__}", Span(display)),)
    return load_text(data, display)


def load_text(data: bytes, display: str) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    """The document in these bytes, and its faults as YAML (codes YML001 to YML008 and YML010).

    Some faults leave the structure readable, for example a duplicate key, of which the first one counts. Then the
    result has a document too, so that its rest can be checked. Reading ends at the first syntax error.
    """
    # The callers read one byte more than the limit, so this does not need the size of the file.
    if len(data) > MAX_BYTES:
        hint = "split it into one file for each domain"
        return None, (error("YML004", f"the file is larger than {MAX_BYTES >> 20} MiB", Span(display), hint=hint),)
    try:
        text = data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as e:
        return None, (_not_utf8(data, e, display),)
    lines = Lines(display, text)
    # libyaml rejects most of these characters too, but its message does not name the character.
    bad = _UNPRINTABLE.search(text)
    if bad:
        return None, (_unprintable(bad, lines),)
    bidi = () if text.isascii() else tuple(islice(_bidi_controls(lines), _BIDI_SHOWN))
    with _collector_off():
        document, diagnostics = _parse(lines)
    return document, (*bidi, *diagnostics)


def _parse(lines: Lines) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    get_event = event_source(lines.text)
    builder = Builder(get_event, lines)
    document: Document | None = None
    try:
        document = _document(get_event, builder, lines)
    except YAMLError as e:
        return None, (*builder.diagnostics, explain_syntax(e, lines))
    # The builder has already added the diagnostic.
    except StopBuilding:
        return None, tuple(builder.diagnostics)
    return None if builder.broken else document, tuple(builder.diagnostics)


def _document(get_event: Callable[[], Any], builder: Builder, lines: Lines) -> Document | None:
    """The document of a stream; a second one is an error, because its content would be ignored."""
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
                error("YML006", "a second document begins here", span, hint="write each document to its own file")
            )
            raise StopBuilding
        seen = True
        event = get_event()
        is_empty = event.__class__ is ScalarEvent and not event.value and not event.style
        value, start, end = builder.node(event)
        # A document of comments only has an empty scalar as its value.
        if not is_empty:
            document = Document(lines.file, lines.text, value, (start, end))
    if document is None:
        hint = "begin with `apiVersion: reconciler/v1` and `kind`"
        builder.diagnostics.append(error("YML006", "the file is empty", Span(lines.file), hint=hint))
    return document


def _not_utf8(data: bytes, fault: UnicodeDecodeError, display: str) -> Diagnostic:
    # All bytes before the fault are valid, so they give the line and column.
    before = Lines(display, data[: fault.start].decode("utf-8").removeprefix(_BOM))
    line, column = before.place(len(before.text))
    span = Span(display, line, column, line, column + 1)
    hint = "save the file as UTF-8"
    if data.startswith(_UTF16):
        return error("YML003", "the file is UTF-16, not UTF-8", span, hint=hint)
    return error("YML003", f"the byte 0x{data[fault.start]:02X} is not valid UTF-8", span, hint=hint)


def _unprintable(found: re.Match[str], lines: Lines) -> Diagnostic:
    char = found[0]
    span = lines.span(found.start(), found.end())
    if char in _LINE_BREAKS:
        text = f"the character U+{ord(char):04X} ends a line in some programs, but not in others"
        return error("YML001", text, span, hint="remove it")
    return error("YML001", f"the character U+{ord(char):04X} is not allowed in YAML", span, hint="remove it")


def _bidi_controls(lines: Lines) -> Iterator[Diagnostic]:
    """YML010 for the first bidirectional control of each line."""
    line = 0
    for found in _BIDI.finditer(lines.text):
        span, char = lines.span(found.start(), found.end()), found[0]
        # One diagnostic for each line is enough: a line often has a pair of these characters.
        if span.line == line:
            continue
        line = span.line
        hint = f"remove it; if the text needs it, write the escape \\u{ord(char):04x} in double quotes"
        if char in _MARKS:
            yield warning("YML010", f"invisible direction mark U+{ord(char):04X}", span, hint=hint)
        else:
            text = f"bidirectional control character U+{ord(char):04X} (text may display in a different order)"
            yield error("YML010", text, span, hint=hint)


@contextmanager
def _collector_off() -> Iterator[None]:
    """Turns the garbage collector off: it would walk the growing value again and again and free nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def event_source(text: str) -> Callable[[], Any]:
    """A function that returns the next event of the YAML in `text`; its marks count code points."""
    try:
        from yaml._yaml import CParser
    except ImportError:
        return PythonParser(text).get_event
    return CParser(text).get_event


class PythonParser(Reader, Scanner, Parser):
    """PyYAML's parser in Python, as strict as its C parser and with the same interface."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def get_event(self) -> Any:
        """The next event.

        Raises:
            ScannerError: the YAML is invalid, or has an escape of no character (PyYAML accepts it or crashes).
        """
        try:
            event: Any = super().get_event()  # type: ignore[no-untyped-call]
        except (ValueError, OverflowError) as e:  # chr() of an escape beyond U+10FFFF
            raise ScannerError(problem=_NO_CHARACTER, problem_mark=self.get_mark()) from e
        if isinstance(event, ScalarEvent) and any("\ud800" <= char <= "\udfff" for char in event.value):
            mark: Any = event.start_mark
            raise ScannerError(problem=_NO_CHARACTER, problem_mark=mark)
        return event
