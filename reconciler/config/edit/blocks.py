"""Converts a patch to replacements of text, in block style and in flow style (brackets)."""

from reconciler.config.document.builder import Map, Seq
from reconciler.config.document.loader import Document
from reconciler.config.edit.flow import edit_items
from reconciler.config.edit.patch import ListPatch, MapPatch
from reconciler.config.edit.text import Draft, Mark
from reconciler.config.emit import Tree, block, flow_text


def patched(document: Document, patch: MapPatch) -> str:
    """The document's text with the patch applied.

    Raises:
        CannotEdit: a part that the patch concerns cannot be changed safely.
    """
    draft = Draft(document)
    start, end = document.root
    _mapping(draft, (start, start, start, end), document.value, patch, in_brackets=False)
    return draft.result()


def _change(draft: Draft, mark: Mark, node: object, change: str | MapPatch | ListPatch, *, in_brackets: bool) -> None:
    if isinstance(change, str):
        _replace(draft, mark, change)
    elif isinstance(change, MapPatch):
        _mapping(draft, mark, node, change, in_brackets=in_brackets)
    else:
        _sequence(draft, mark, node, change, in_brackets=in_brackets)


def _mapping(draft: Draft, mark: Mark, node: object, patch: MapPatch, *, in_brackets: bool) -> None:
    if not isinstance(node, Map) or not node:
        if patch:
            _fill(draft, mark, patch.add, in_brackets=in_brackets)
        return
    inside = mark[2], mark[3]
    # Text with an anchor may be used in other places; the edit must fail instead of changing those too.
    for key in (*patch.values, *patch.drop):
        draft.check(node.marks[key], inside)
    # The style of the file stays: a flow mapping is edited in its brackets.
    is_flow = draft.text[mark[2]] == "{"
    for key, change in patch.values.items():
        _change(draft, node.marks[key], node[key], change, in_brackets=is_flow)
    if not is_flow:
        _block_mapping(draft, mark, node, patch)
    elif patch.drop or patch.add:
        drop = {i for i, key in enumerate(node.marks) if key in patch.drop}
        places = [(m[0], m[3]) for m in node.marks.values()]
        edit_items(draft, inside, places, drop, [f"{key}: {flow_text(tree)}" for key, tree in patch.add.items()])


def _block_mapping(draft: Draft, mark: Mark, node: Map, patch: MapPatch) -> None:
    # Keys from a merge have their marks elsewhere in the file.
    marks = {key: m for key, m in node.marks.items() if mark[2] <= m[0] < mark[3]}
    kept = [key for key in marks if key not in patch.drop]
    for key in patch.drop:
        start = marks[key][0]
        if not draft.is_first(start):
            draft.refuse(start, "the entry is not the first one on its line")
        # Complete lines, with the comments that belong to the entry.
        draft.splice(draft.line_start(start), draft.region_end(start, marks[key][3]), "")
    if not patch.add:
        if not kept:
            # `mailboxes:` without entries would be null; an empty section stays managed.
            draft.splice(draft.colon(mark), draft.colon(mark), " {}")
        return
    first = next(iter(marks.values()))[0]
    if not draft.is_first(first):
        draft.refuse(first, "the entry is not the first one on its line")
    gap = [""] if patch.order and _is_spaced(draft, marks) else []
    for key, tree in patch.add.items():
        before = _before(key, list(marks), patch)
        start, _, _, end = marks[before]
        # A dropped entry is replaced in its place, so that the others do not move.
        at = draft.line_start(start) if before in patch.drop else draft.region_end(start, end)
        draft.insert_lines(at, [*gap, *block(key, tree, draft.step)], draft.column(first))


def _before(key: str, existing: list[str], patch: MapPatch) -> str:
    """The existing key after which a new key is inserted, or which it replaces."""
    if key not in patch.order:
        return existing[-1]
    earlier = [k for k in existing if k in patch.order and patch.order.index(k) < patch.order.index(key)]
    return max(earlier, key=patch.order.index, default=existing[-1])


def _is_spaced(draft: Draft, marks: dict[str, Mark]) -> bool:
    """Whether the file has an empty line before one of its sections."""
    starts = [draft.line_start(mark[0]) for mark in marks.values()]
    return any(start > 0 and not draft.text[draft.line_start(start - 1) : start].strip() for start in starts[1:])


def _sequence(draft: Draft, mark: Mark, node: object, patch: ListPatch, *, in_brackets: bool) -> None:
    if not isinstance(node, Seq) or not node:
        if patch.add:
            _fill(draft, mark, patch.add, in_brackets=in_brackets)
        return
    if draft.text[mark[2]] == "[":
        edit_items(draft, (mark[2], mark[3]), node.marks, patch.drop, patch.add)
        return
    kept = [i for i in range(len(node)) if i not in patch.drop]
    for i in sorted(patch.drop):
        dash = _dash(draft, node.marks[i][0])
        draft.splice(draft.line_start(dash), draft.region_end(dash, node.marks[i][1]), "")
    if not patch.add:
        if not kept:
            draft.splice(draft.colon(mark), draft.colon(mark), " []")
        return
    last = len(node) - 1
    dash = _dash(draft, node.marks[last][0])
    at = draft.line_start(dash) if last in patch.drop else draft.region_end(dash, node.marks[last][1])
    draft.insert_lines(at, [f"- {text}" for text in patch.add], draft.column(dash))


def _dash(draft: Draft, start: int) -> int:
    """The index of an item's `-`, which must be alone before it on the line."""
    before = draft.text[draft.line_start(start) : start]
    if before.strip(" \t") != "-":
        draft.refuse(start, "the item does not follow its dash on a line of its own")
    return draft.line_start(start) + before.index("-")


def _fill(draft: Draft, mark: Mark, tree: Tree, *, in_brackets: bool) -> None:
    """Sets a value that is empty so far: `{}`, `[]`, `null` or no text at all."""
    colon = draft.colon(mark)
    # Block lines are not valid inside brackets, nor after a value on another line.
    if in_brackets or "\n" in draft.text[colon : mark[2]] or "\r" in draft.text[colon : mark[2]]:
        _replace(draft, mark, flow_text(tree))
        return
    key = draft.text[mark[0] : mark[1]]
    head, *lines = block(key, tree, draft.step)
    draft.splice(colon, mark[3], head.removeprefix(f"{key}:"))
    if lines:
        draft.insert_lines(draft.line_end(mark[3]), lines, draft.column(mark[0]))


def _replace(draft: Draft, mark: Mark, text: str) -> None:
    """Replaces a value on its line. An empty value has no reliable location, so the colon is used."""
    colon = draft.colon(mark)
    if mark[2] == mark[3]:
        draft.splice(colon, colon, f" {text}")
    else:
        draft.splice(mark[2], draft.content_end(mark[2], mark[3]), text)


def expanded(document: Document, keys: frozenset[str]) -> str:
    """The text with these aliases in long form: `info: [alice]` becomes `info:` with `to: [alice]` below it."""
    draft = Draft(document)
    root = document.value
    assert isinstance(root, Map)
    section, mark = root["aliases"], root.marks["aliases"]
    assert isinstance(section, Map)
    draft.check(mark, document.root)
    for key in sorted(keys):
        one = section.marks[key]
        draft.check(one, (mark[2], mark[3]))
        _expand(draft, one, section[key], in_brackets=draft.text[mark[2]] == "{")
    return draft.result()


def _expand(draft: Draft, mark: Mark, node: object, *, in_brackets: bool) -> None:
    start, end = mark[2], mark[3]
    written = draft.text[start:end]
    colon = draft.colon(mark)
    if written.startswith("["):
        if in_brackets or any(c in draft.text[colon:end] for c in "\r\n"):
            draft.splice(start, start, "{to: ")
            draft.splice(end, end, "}")
            return
        draft.splice(colon, end, "")
        draft.insert_lines(draft.line_end(end), [f"to: {written}"], draft.column(mark[0]) + draft.step)
        return
    assert isinstance(node, Seq)
    column, key_column = draft.column(_dash(draft, node.marks[0][0])), draft.column(mark[0])
    below = draft.line_end(colon)
    if column > key_column:
        # The items already have room for a key above them.
        draft.insert_lines(below, ["to:"], column)
        return
    draft.insert_lines(below, ["to:"], key_column + draft.step)
    # Every line of the list needs the additional indentation; empty lines stay empty.
    last = draft.content_end(start, end)
    while below < last:
        if draft.text[below : draft.line_end(below)].strip():
            draft.splice(below, below, " " * draft.step)
        below = draft.line_end(below)
