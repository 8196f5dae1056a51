"""Finds the field at a location of a domain file, so that a diagnostic can be traced to the field that causes it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconciler.config.document.builder import Map, Seq
from reconciler.config.document.loader import load_text
from reconciler.config.document.places import Lines
from reconciler.core.kinds import KINDS
from reconciler.core.model import KindName
from reconciler.core.names import BadName, local_part
from reconciler.core.source import Span


@dataclass(frozen=True, slots=True)
class Place:
    """A field (as in `reconciler.core.kinds`) of a mailbox or alias."""

    kind: KindName
    name: str
    field: str


def places_of(text: str, spans: Iterable[Span]) -> tuple[Place | None, ...]:
    """The field that contains each location of a domain file; None for a location outside all fields.

    A location of an entire resource or section belongs to no field.
    """
    # The text may have faults; locations in its readable part are still found.
    document, _ = load_text(text.encode("utf-8", "replace"), "")
    body = document.value if document else None
    if document is None or not isinstance(body, Map):
        return tuple(None for _ in spans)
    starts = Lines("", document.text).starts
    return tuple(_at(body, starts[span.line - 1] + span.column - 1) for span in spans)


def _at(body: Map, index: int) -> Place | None:
    for kind in KINDS:
        rows = body.get(kind.section)
        if not isinstance(rows, Map):
            continue
        # The range of the value without the key: a fault at the name concerns no field.
        for key, (_, _, start, end) in rows.marks.items():
            if start <= index < end:
                return _in(kind.name, key, rows[key], [spec.name for spec in kind.fields], index)
    return None


def _in(kind: KindName, key: str, node: object, fields: Sequence[str], index: int) -> Place | None:
    try:
        name = local_part(key)
    except BadName:
        return None
    # The short form of an alias consists of its targets.
    if isinstance(node, Seq):
        return Place(kind, name, "to")
    return next((Place(kind, name, field) for field in fields if _holds(node, field.split("."), index)), None)


def _holds(node: object, path: Sequence[str], index: int) -> bool:
    """Whether the field exists and its key or value contains the index."""
    for step in path[:-1]:
        node = node.get(step) if isinstance(node, Map) else None
    if not isinstance(node, Map) or path[-1] not in node.marks:
        return False
    start, _, _, end = node.marks[path[-1]]
    return start <= index < end
