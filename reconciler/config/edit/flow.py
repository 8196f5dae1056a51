"""Removes and adds items of lists and mappings in brackets, on one line or on several."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.config.edit.text import Draft


@dataclass(frozen=True, slots=True)
class FlowItem:
    """One item: its start and end, and the index of the comma after it; None for a last item without a comma."""

    start: int
    end: int
    comma: int | None

    @property
    def end_with_comma(self) -> int:
        """The index after the item and its comma."""
        return self.end if self.comma is None else self.comma + 1


def edit_items(
    draft: Draft, value: tuple[int, int], places: Sequence[tuple[int, int]], drop: set[int], add: Sequence[str]
) -> None:
    """Removes items from the brackets at `value`, and adds others at the end. The rest of the text stays."""
    opened, closed = value[0] + 1, value[1] - 1
    items = _items(draft, opened, closed, places)
    kept = [i for i in range(len(items)) if i not in drop]
    # Comments inside the brackets belonged to the removed items.
    if not kept:
        draft.splice(opened, closed, ", ".join(add))
        return
    last = kept[-1]
    for i in range(last):
        if i in drop:
            _drop(draft, items[i], opened)
    # A trailing comma is the style of the file, so a new last item gets one too.
    trailing = items[-1].comma is not None
    _drop_end(draft, items[last], items[last + 1 :], opened, keep_comma=bool(add) or trailing)
    if add:
        _add(draft, items[last], add, opened, trailing=trailing)


def _items(draft: Draft, opened: int, closed: int, places: Sequence[tuple[int, int]]) -> list[FlowItem]:
    items: list[FlowItem] = []
    before = opened
    for start, end in places:
        # The parser's location excludes `?`, anchors and tags, so other text is in between.
        if _next(draft, before, closed) != start:
            draft.refuse(start, "the entry has a key with `?`, or an anchor or tag")
        # An empty value ends after white space that belongs to no item.
        end = draft.content_end(start, end)
        at = _next(draft, end, closed)
        comma = at if at < closed and draft.text[at] == "," else None
        if comma is None and at != closed:
            draft.refuse(start, "the end of the entry is not clear")
        items.append(FlowItem(start, end, comma))
        before = items[-1].end_with_comma
    return items


def _next(draft: Draft, at: int, closed: int) -> int:
    """The index of the next character that is neither white space nor in a comment."""
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
    """Removes an item that others follow."""
    # An item alone on its lines takes its comment and its line end with it.
    if _has_lines(draft, item, opened):
        draft.splice(draft.line_start(item.start), draft.line_end(item.end_with_comma), "")
        return
    end = item.end_with_comma
    while draft.text[end] in " \t":
        end += 1
    draft.splice(item.start, end, "")


def _drop_end(draft: Draft, last: FlowItem, dropped: Sequence[FlowItem], opened: int, *, keep_comma: bool) -> None:
    """Removes all items after the last one that stays, and the comma that is then superfluous."""
    if not dropped:
        return
    assert last.comma is not None
    between = draft.text[last.end : dropped[-1].end_with_comma]
    if "\n" not in between and "\r" not in between and "#" not in between:
        draft.splice(last.end, dropped[-1].end_with_comma, "," if dropped[-1].comma is not None else "")
        return
    if not keep_comma:
        draft.splice(last.comma, last.comma + 1, "")
    for item in dropped:
        if _has_lines(draft, item, opened):
            draft.splice(draft.line_start(item.start), draft.line_end(item.end_with_comma), "")
        else:
            draft.splice(item.start, item.end_with_comma, "")


def _add(draft: Draft, last: FlowItem, add: Sequence[str], opened: int, *, trailing: bool) -> None:
    # A list with one item per line gets new items on new lines.
    own_line = draft.is_first(last.start) and draft.line_start(last.start) >= opened
    if not own_line or not draft.is_last(last.end_with_comma):
        draft.splice(last.end, last.end, "".join(f", {text}" for text in add))
        return
    if last.comma is None:
        draft.splice(last.end, last.end, ",")
    lines = [f"{text}," for text in add]
    if not trailing:
        lines[-1] = add[-1]
    draft.insert_lines(draft.line_end(last.end_with_comma), lines, draft.column(last.start))


def _has_lines(draft: Draft, item: FlowItem, opened: int) -> bool:
    """Whether the item is alone on its lines."""
    return draft.line_start(item.start) >= opened and draft.is_first(item.start) and draft.is_last(item.end_with_comma)
