"""Lists and mappings in brackets: items are taken out and added, on one line or over several."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.config.edit.text import Draft


@dataclass(frozen=True, slots=True)
class FlowItem:
    """One item: its start and end, and the index of the comma behind it; None behind the last one without."""

    start: int
    end: int
    comma: int | None

    @property
    def over(self) -> int:
        """The index behind it and its comma."""
        return self.end if self.comma is None else self.comma + 1


def edit_items(
    draft: Draft, value: tuple[int, int], places: Sequence[tuple[int, int]], drop: set[int], add: Sequence[str]
) -> None:
    """Takes items out of the brackets at `value`, and adds others at the end. The rest stays as it is written."""
    opened, closed = value[0] + 1, value[1] - 1
    items = _items(draft, opened, closed, places)
    kept = [i for i in range(len(items)) if i not in drop]
    if not kept:
        draft.splice(opened, closed, ", ".join(add))
        return
    last = kept[-1]
    for i in range(last):
        if i in drop:
            _drop(draft, items[i], opened)
    loose = items[-1].comma is not None
    _drop_end(draft, items[last], items[last + 1 :], opened, keep_comma=bool(add) or loose)
    if add:
        _add(draft, items[last], add, opened, loose=loose)


def _items(draft: Draft, opened: int, closed: int, places: Sequence[tuple[int, int]]) -> list[FlowItem]:
    items: list[FlowItem] = []
    before = opened
    for start, end in places:
        if _next(draft, before, closed) != start:
            draft.refuse(start, "it is written as a key with `?`, or with an anchor or tag")
        end = draft.content_end(start, end)
        at = _next(draft, end, closed)
        comma = at if at < closed and draft.text[at] == "," else None
        if comma is None and at != closed:
            draft.refuse(start, "it is not clear where it ends")
        items.append(FlowItem(start, end, comma))
        before = items[-1].over
    return items


def _next(draft: Draft, at: int, closed: int) -> int:
    """The index of what comes next that is no white space and no comment."""
    text = draft.text
    while at < closed:
        if text[at] == "#":
            at = draft.line_end(at)
        elif text[at] in " \t\r\n":
            at += 1
        else:
            break
    return min(at, closed)


def _drop(draft: Draft, item: FlowItem, opened: int) -> None:
    """An item with others behind it."""
    if _has_lines(draft, item, opened):
        draft.splice(draft.line_start(item.start), draft.line_end(item.over), "")
        return
    end = item.over
    while draft.text[end] in " \t":
        end += 1
    draft.splice(item.start, end, "")


def _drop_end(draft: Draft, last: FlowItem, gone: Sequence[FlowItem], opened: int, *, keep_comma: bool) -> None:
    """All items behind the last that stays, and the comma that would be too much then."""
    if not gone:
        return
    assert last.comma is not None
    between = draft.text[last.end : gone[-1].over]
    if "\n" not in between and "\r" not in between and "#" not in between:
        draft.splice(last.end, gone[-1].over, "," if gone[-1].comma is not None else "")
        return
    if not keep_comma:
        draft.splice(last.comma, last.comma + 1, "")
    for item in gone:
        if _has_lines(draft, item, opened):
            draft.splice(draft.line_start(item.start), draft.line_end(item.over), "")
        else:
            draft.splice(item.start, item.over, "")


def _add(draft: Draft, last: FlowItem, add: Sequence[str], opened: int, *, loose: bool) -> None:
    own_line = draft.is_first(last.start) and draft.line_start(last.start) >= opened
    if not own_line or not draft.is_last(last.over):
        draft.splice(last.end, last.end, "".join(f", {text}" for text in add))
        return
    if last.comma is None:
        draft.splice(last.end, last.end, ",")
    lines = [f"{text}," for text in add]
    if not loose:
        lines[-1] = add[-1]
    draft.insert_lines(draft.line_end(last.over), lines, draft.column(last.start))


def _has_lines(draft: Draft, item: FlowItem, opened: int) -> bool:
    """Whether its lines hold nothing else."""
    return draft.line_start(item.start) >= opened and draft.is_first(item.start) and draft.is_last(item.over)
