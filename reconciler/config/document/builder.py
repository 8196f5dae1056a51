"""Builds values from YAML events: each container keeps the locations of its keys and values.

The supported part of YAML, and why:
- An alias (`*a`) repeats the value of its anchor (`&a`). All aliases of a file together may add a million nodes.
- A merge key (`<<: *a`) adds keys. A merge that overrides a key is an error, because a reviewer of one of the two
  places does not see the other. Two anchors with one name are an error for the same reason.
- Every tag is an error. Every key is text: `no`, `007` and `null` are valid names of mailboxes.
- Plain scalars follow the core schema of YAML 1.2 (YAML 1.2.2 section 10.3.2), so `yes`, `NO`, `on`, `1:30` and
  `2026-12-31` are text. These are text too: numbers with leading zeros (`007`), which people use as names; `.inf` and
  `.nan`, which JSON does not have; numbers that a float or 40 digits cannot hold.
"""

import math
import re
from collections.abc import Callable
from typing import Any, Final

from yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent

from reconciler.config.document.places import Lines
from reconciler.core.diagnostics import Diagnostic, error

NodePath = tuple[str | int, ...]
"""The keys and indices that lead from the document's root to a value; empty for the root itself."""

MAX_DEPTH = 64
"""Levels of nesting. Domain files need six; schemas and checks recurse over the value."""
MAX_REPEATED = 1_000_000
"""Nodes that aliases may add to a file. A file of 16 MiB has at most some four million nodes of its own."""

# Typed as Any: PyYAML's stubs allow events without marks, but every event of a text has them.
_ALIAS: Any = AliasEvent
_SCALAR: Any = ScalarEvent
_MAPPING: Any = MappingStartEvent
_MAPPING_END: Any = MappingEndEvent
_SEQUENCE_END: Any = SequenceEndEvent

_MERGE = "<<"
_ECHO = 60
"""Characters of a text that a message shows."""


class Map(dict[str, object]):
    """A mapping. `marks` has four indices into the text for each key: start and end of the key and of the value."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        super().__init__()
        self.marks: dict[str, tuple[int, int, int, int]] = {}


class Seq(list[object]):
    """A list. `marks` has the start and end of each item."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[tuple[int, int]] = []


class StopBuilding(Exception):
    """The rest of this file cannot be read; a diagnostic says why."""


class Builder:
    """Builds one node and its content from events.

    Attributes:
        diagnostics: the faults found so far.
        broken: a part could not be built, so the value is incomplete.
    """

    def __init__(self, get_event: Callable[[], Any], lines: Lines) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.broken = False
        self._get = get_event
        self._lines = lines
        self._plain = PlainScalars()
        self._anchors: dict[str, object] = {}
        self._open: set[str] = set()
        self._weights: dict[int, tuple[int, int]] = {}
        self._repeated = 0

    def node(self, event: Any, depth: int = 0) -> tuple[object, int, int]:
        """The value that begins with this event, and the indices of its start and end."""
        start, end = event.start_mark.index, event.end_mark.index
        kind = event.__class__
        if kind is _ALIAS:
            return self._alias(event, depth), start, end
        # A tag could select another type for a value, or, in other loaders, run code.
        if event.tag is not None:
            self._error("YML007", "YAML tags are not supported", start, end, hint="remove the tag")
        anchor = event.anchor
        if anchor is not None:
            self._new_anchor(anchor, start)
        if kind is _SCALAR:
            value: object = event.value if event.style else self._plain[event.value]
        else:
            # The limit of libyaml is far higher than any file needs.
            if depth >= MAX_DEPTH:
                raise self._stop(f"the file has more than {MAX_DEPTH} levels", start, end)
            build = self._mapping if kind is _MAPPING else self._sequence
            value, end = build(event, depth + 1)
        # The anchor counts only after its value is complete; before that, an alias to it would be a cycle.
        if anchor is not None:
            self._open.discard(anchor)
            self._anchors[anchor] = value
            if isinstance(value, Map | Seq):
                self._weights[id(value)] = self._weigh(value)
        return value, start, end

    def _mapping(self, event: Any, depth: int) -> tuple[Map, int]:
        get, plain, node = self._get, self._plain, Map()
        marks = node.marks
        merged: set[str] = set()
        end = event.end_mark.index
        is_flow = event.flow_style
        key: str | None
        value: object
        # Most of a file is plain `key: value` without anchors and tags, so this loop handles that case inline.
        while (event := get()).__class__ is not _MAPPING_END:
            k0, k1 = event.start_mark.index, event.end_mark.index
            if event.__class__ is _SCALAR and event.anchor is None and event.tag is None:
                key = event.value
                is_merge = key == _MERGE and not event.style
            else:
                key, is_merge = self._special_key(event, depth), False
            event = get()
            if event.__class__ is _SCALAR and event.anchor is None and event.tag is None:
                value = event.value if event.style else plain[event.value]
                v0, end = event.start_mark.index, event.end_mark.index
            else:
                value, v0, end = self.node(event, depth)
            if is_merge and _MERGE not in marks:
                marks[_MERGE] = (k0, k1, v0, end)
                self._merge(node, merged, value)
            elif key in marks:
                self._duplicate(node, key, (k0, k1), key in merged)
            elif key is not None:
                node[key] = value
                marks[key] = (k0, k1, v0, end)
        return node, event.end_mark.index if is_flow else end

    def _sequence(self, event: Any, depth: int) -> tuple[Seq, int]:
        get, plain, node = self._get, self._plain, Seq()
        marks = node.marks
        end = event.end_mark.index
        is_flow = event.flow_style
        value: object
        while (event := get()).__class__ is not _SEQUENCE_END:
            if event.__class__ is _SCALAR and event.anchor is None and event.tag is None:
                value = event.value if event.style else plain[event.value]
                v0, end = event.start_mark.index, event.end_mark.index
            else:
                value, v0, end = self.node(event, depth)
            node.append(value)
            marks.append((v0, end))
        return node, event.end_mark.index if is_flow else end

    def _special_key(self, event: Any, depth: int) -> str | None:
        """The text of a key with an anchor or tag; None, and YML008, for a key that is not a scalar."""
        _, start, end = self.node(event, depth)
        if event.__class__ is _SCALAR:
            return str(event.value)
        self._error("YML008", "a key is not text", start, end, hint="write the key as one word, or in quotes")
        return None

    def _duplicate(self, node: Map, key: str, place: tuple[int, int], is_merged: bool) -> None:
        """Reports a key that the mapping already has. The first value stays, and reading continues."""
        line, _ = self._lines.place(node.marks[key][0])
        if is_merged:
            text = f"duplicate key {shown(key)}: line {line}, which is merged here, has it too"
            self._error("YML005", text, *place, hint="remove it here, or merge a mapping without it")
        else:
            text = f"duplicate key {shown(key)}, first in line {line}"
            self._error("YML002", text, *place, hint="remove one of the two")

    def _merge(self, node: Map, merged: set[str], value: object) -> None:
        k0, k1, v0, v1 = node.marks[_MERGE]
        sources = value if isinstance(value, Seq) else [value]
        for source in sources:
            if not isinstance(source, Map):
                self._error("YML005", "the value of a merge key must be a mapping or a list of mappings", v0, v1)
                return
            # A merged key keeps the location where it was written, so a diagnostic shows the line to change.
            for key, item in source.items():
                if key in node:
                    line, _ = self._lines.place(node.marks[key][0])
                    text = f"the merge adds a duplicate key {shown(key)}: line {line} has it too"
                    self._error("YML005", text, k0, k1, hint="remove the key in one of the two places")
                else:
                    node[key] = item
                    node.marks[key] = source.marks[key]
                    merged.add(key)

    def _new_anchor(self, name: str, start: int) -> None:
        place = start, start + len(name) + 1
        if name in self._anchors or name in self._open:
            self._error("YML005", f"duplicate anchor {shown('&' + name)}", *place, hint="rename one of them")
        self._open.add(name)

    def _alias(self, event: Any, depth: int) -> object:
        start, end, name = event.start_mark.index, event.end_mark.index, event.anchor
        hint = ""
        if name in self._open:
            text = f"the alias {shown('*' + name)} is inside its own anchor"
        elif name not in self._anchors:
            text = f"there is no anchor {shown('&' + name)} before this alias"
            hint = "put a text that begins with * in quotes"
        else:
            value = self._anchors[name]
            nodes, height = self._weights.get(id(value), (1, 0)) if isinstance(value, Map | Seq) else (1, 0)
            # Every alias adds its nodes again: a small file with nested aliases can stand for billions of nodes.
            self._repeated += nodes
            if self._repeated > MAX_REPEATED:
                raise self._stop(f"the aliases add more than {MAX_REPEATED:,} values", start, end, code="YML005")
            if depth + height > MAX_DEPTH:
                raise self._stop(f"with this alias the file has more than {MAX_DEPTH} levels", start, end)
            return value
        self._error("YML005", text, start, end, hint=hint)
        # An empty mapping would look like a statement of the file.
        self.broken = True
        return Map()

    def _weigh(self, node: Map | Seq) -> tuple[int, int]:
        """Nodes and levels of a tree with every alias expanded.

        Each anchored tree is walked once, so nested aliases ("billion laughs") cost no time.
        """
        # A nested anchor was weighed before, because its value ended first.
        known = self._weights.get(id(node))
        if known is not None:
            return known
        nodes, height = 1, 0
        for child in node.values() if isinstance(node, Map) else node:
            more, levels = self._weigh(child) if isinstance(child, Map | Seq) else (1, 0)
            nodes += more
            height = max(height, levels)
        return nodes, height + 1

    def _error(self, code: str, message: str, start: int, end: int, *, hint: str = "") -> None:
        self.diagnostics.append(error(code, message, self._lines.span(start, end), hint=hint))

    def _stop(self, message: str, start: int, end: int, *, code: str = "YML004") -> StopBuilding:
        self._error(code, message, start, end)
        self.broken = True
        return StopBuilding()


def shown(text: str) -> str:
    """A text of a file for a message: quoted, control characters escaped, truncated to a readable length."""
    return repr(text if len(text) <= _ECHO else text[:_ECHO] + "…")


Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, bool | None]] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_BASED = re.compile(r"0(?:o[0-7]+|x[0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_MAX_NUMBER = 40
"""Characters of the longest number; a longer one is text. (Python rejects integers of 4,300 digits.)"""


def resolve(text: str) -> Scalar:
    """The value of a plain scalar.

    A number without a fraction is an int in any notation (`1e3`, `5.0`), as in JSON Schema.
    """
    if text in _WORDS:
        return _WORDS[text]
    # Most values are text; this avoids three regular expressions for each of them.
    if text[0] not in _NUMBER_STARTS or len(text) > _MAX_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    # `0o17` and `0x1F` are numbers in YAML 1.2, while `017` is text here.
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isfinite(number):
            return int(number) if number.is_integer() else number
    return text


class PlainScalars(dict[str, Scalar]):
    """The values of plain scalars of one file. Each text is resolved once, because most values repeat."""

    def __missing__(self, text: str) -> Scalar:
        value = self[text] = resolve(text)
        return value
