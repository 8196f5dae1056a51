"""Values out of YAML events: each container knows where its keys and values were written.

What is allowed of YAML, and why:
- An alias (`*a`) repeats what its anchor (`&a`) holds. All repetitions together may add a million nodes, no more.
- A merge key (`<<: *a`) adds keys. One that would hide a key, or be hidden by one, is refused: which of the two is
  meant cannot be seen where it matters. So is an anchor whose name is used twice.
- Tags are refused, whatever they say. Keys are text, whatever they look like.
"""

import math
import re
from collections.abc import Callable
from typing import Any, Final

from yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent

from reconciler.config.document.places import Lines
from reconciler.core.diagnostics import Diagnostic, error

# What a plain YAML scalar means: the core schema of YAML 1.2, made narrower so that nothing is a surprise.
#
# Source: YAML 1.2.2 section 10.3.2. `yes`, `NO`, `on`, `1:30`, `2026-12-31` are text there. Text they are here too:
# numbers with leading zeros (`007`), which people write as names and not as numbers, `.inf` and `.nan`, which JSON does
# not have, and numbers beyond what a float or 40 digits hold.


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
"""Characters of the longest number; longer ones are text. (Python refuses to read 4,300 digits.)"""


def resolve(text: str) -> Scalar:
    """The value of a plain scalar.

    A number without a fraction is an int however it is written (`1e3`, `5.0`), as JSON Schema counts it.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS or len(text) > _MAX_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isfinite(number):
            return int(number) if number.is_integer() else number
    return text


class PlainScalars(dict[str, Scalar]):
    """Values of the plain scalars of one file, each text resolved once."""

    def __missing__(self, text: str) -> Scalar:
        value = self[text] = resolve(text)
        return value


MAX_DEPTH = 64
MAX_REPEATED = 1_000_000
"""Nodes that aliases may add to a file. A file of 16 MiB has some four million of its own at most."""

# Any: what mypy knows of events (a mark may be None) does not hold for those of a text.
_ALIAS: Any = AliasEvent
_SCALAR: Any = ScalarEvent
_MAPPING: Any = MappingStartEvent
_MAPPING_END: Any = MappingEndEvent
_SEQUENCE_END: Any = SequenceEndEvent

_MERGE = "<<"
_ECHO = 60


class Map(dict[str, object]):
    """A mapping. `marks` has, for each key, four indices into the text: start and end of the key, of the value."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        super().__init__()
        self.marks: dict[str, tuple[int, int, int, int]] = {}


class Seq(list[object]):
    """A list. `marks` has start and end of each item."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[tuple[int, int]] = []


class StopBuilding(Exception):
    """No more can be read of this file; why is among the diagnostics."""


class Builder:
    """Builds one node, and all in it, from events.

    Attributes:
        diagnostics: what was wrong so far.
        broken: something could not be built, so that the value says less than the file.
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
        """The value that begins with this event, its start and its end."""
        start, end = event.start_mark.index, event.end_mark.index
        kind = event.__class__
        if kind is _ALIAS:
            return self._alias(event, depth), start, end
        if event.tag is not None:
            self._refuse("YML007", "a tag is used", start, end, hint="leave it out: a value says by itself what it is")
        anchor = event.anchor
        if anchor is not None:
            self._new_anchor(anchor, start)
        if kind is _SCALAR:
            value: object = event.value if event.style else self._plain[event.value]
        else:
            if depth >= MAX_DEPTH:
                raise self._stop(f"the file is nested deeper than {MAX_DEPTH} levels", start, end)
            build = self._mapping if kind is _MAPPING else self._sequence
            value, end = build(event, depth + 1)
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
        # Most of a file is plain `key: value` without anchors and tags: that way is kept short.
        while (event := get()).__class__ is not _MAPPING_END:
            k0, k1 = event.start_mark.index, event.end_mark.index
            if event.__class__ is _SCALAR and event.anchor is None and event.tag is None:
                key = event.value
                is_merge = key == _MERGE and not event.style
            else:
                key, is_merge = self._odd_key(event, depth), False
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
                self._twice(node, key, (k0, k1), key in merged)
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

    def _odd_key(self, event: Any, depth: int) -> str | None:
        """The text of a key with an anchor or tag; None, and YML008, for a key that is no scalar."""
        _, start, end = self.node(event, depth)
        if event.__class__ is _SCALAR:
            return str(event.value)
        self._refuse("YML008", "a key is not text", start, end, hint="write the key out as one word or in quotes")
        return None

    def _twice(self, node: Map, key: str, place: tuple[int, int], is_merged: bool) -> None:
        """`key` is in the mapping already."""
        line, _ = self._lines.place(node.marks[key][0])
        if is_merged:
            text = f"{shown(key)} is merged in already, from line {line}: one of the two would be hidden"
            self._refuse("YML005", text, *place, hint="leave it out here, or merge a mapping that does not have it")
        else:
            text = f"{shown(key)} is here twice, the first is in line {line}"
            self._refuse("YML002", text, *place, hint="keep one of the two")

    def _merge(self, node: Map, merged: set[str], value: object) -> None:
        k0, k1, v0, v1 = node.marks[_MERGE]
        sources = value if isinstance(value, Seq) else [value]
        for source in sources:
            if not isinstance(source, Map):
                self._refuse("YML005", "a merge key takes a mapping, or a list of mappings", v0, v1)
                return
            for key, item in source.items():
                if key in node:
                    line, _ = self._lines.place(node.marks[key][0])
                    text = f"the merge key would hide {shown(key)}, or be hidden by it: it is in line {line} too"
                    self._refuse("YML005", text, k0, k1, hint="leave it out in one of the two places")
                else:
                    node[key] = item
                    node.marks[key] = source.marks[key]
                    merged.add(key)

    def _new_anchor(self, name: str, start: int) -> None:
        place = start, start + len(name) + 1
        if name in self._anchors or name in self._open:
            self._refuse("YML005", f"the anchor {shown('&' + name)} is here twice", *place, hint="rename one of them")
        self._open.add(name)

    def _alias(self, event: Any, depth: int) -> object:
        start, end, name = event.start_mark.index, event.end_mark.index, event.anchor
        hint = ""
        if name in self._open:
            text = f"the alias {shown('*' + name)} stands inside what it repeats"
        elif name not in self._anchors:
            text = f"there is no anchor {shown('&' + name)} before this alias"
            hint = "if a text is meant that begins with *, put it in quotes"
        else:
            value = self._anchors[name]
            nodes, height = self._weights.get(id(value), (1, 0)) if isinstance(value, Map | Seq) else (1, 0)
            self._repeated += nodes
            if self._repeated > MAX_REPEATED:
                raise self._stop(f"aliases repeat more than {MAX_REPEATED:,} values", start, end, code="YML005")
            if depth + height > MAX_DEPTH:
                raise self._stop(f"with this alias the file is nested deeper than {MAX_DEPTH} levels", start, end)
            return value
        self._refuse("YML005", text, start, end, hint=hint)
        self.broken = True
        return Map()

    def _weigh(self, node: Map | Seq) -> tuple[int, int]:
        """Nodes and levels of a tree as a reader sees it, who follows every alias. Each anchored one is walked once."""
        known = self._weights.get(id(node))
        if known is not None:
            return known
        nodes, height = 1, 0
        for child in node.values() if isinstance(node, Map) else node:
            more, levels = self._weigh(child) if isinstance(child, Map | Seq) else (1, 0)
            nodes += more
            height = max(height, levels)
        return nodes, height + 1

    def _refuse(self, code: str, message: str, start: int, end: int, *, hint: str = "") -> None:
        self.diagnostics.append(error(code, message, self._lines.span(start, end), hint=hint))

    def _stop(self, message: str, start: int, end: int, *, code: str = "YML004") -> StopBuilding:
        self._refuse(code, message, start, end)
        self.broken = True
        return StopBuilding()


def shown(text: str) -> str:
    """A text out of a file as it may stand in a message: quoted, controls escaped, cut to a readable length."""
    return repr(text if len(text) <= _ECHO else text[:_ECHO] + "…")
