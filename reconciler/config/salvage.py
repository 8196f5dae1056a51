"""A document without the parts that do not fit its schema, so that the rest can still be judged in the same run.

Only parts are left out that nothing else leans on: a field of a mailbox, an unknown key, an item of a list. Where a
name or a whole section would be missing, what is said about the rest could be false, so nothing is salvaged.
"""

from dataclasses import replace

from reconciler.config.builder import Map, Seq
from reconciler.config.loader import Document
from reconciler.config.schema import Validator

_KEEP = frozenset({"apiVersion", "kind", "domain", "server", "product", "mailboxes", "aliases"})
"""Keys that others lean on: without them nothing is salvaged."""
_NAMED = frozenset({"mailboxes", "aliases"})

Path = tuple[str | int, ...]


def salvage(document: Document, against: Validator) -> Document | None:
    """The document without what does not fit; None where the rest could not be judged fairly."""
    doomed: set[Path] = set()
    for fault in against.decides.iter_errors(document.value):
        path = tuple(fault.instance_path)
        unexpected = getattr(fault.kind, "unexpected", None)
        if type(fault.kind).__name__ in ("Required", "PropertyNames"):
            return None
        doomed |= {(*path, key) for key in unexpected} if unexpected else {path}
    if any(len(path) == 0 or (len(path) == 1 and path[0] in _KEEP) for path in doomed):
        return None
    rest = _without(document.value, (), doomed)
    return replace(document, value=rest) if against.decides.is_valid(rest) else None


def _without(node: object, at: Path, doomed: set[Path]) -> object:
    """A copy, places included, without the doomed paths; a doomed mailbox or alias is emptied, not dropped."""
    if isinstance(node, Map):
        mapping = Map()
        for key, value in node.items():
            path = (*at, key)
            if path in doomed and not (len(path) == 2 and path[0] in _NAMED):
                continue
            mapping[key] = Map() if path in doomed else _without(value, path, doomed)
            mapping.marks[key] = node.marks[key]
        return mapping
    if isinstance(node, Seq):
        items = Seq()
        for number, value in enumerate(node):
            if (*at, number) not in doomed:
                items.append(_without(value, (*at, number), doomed))
                items.marks.append(node.marks[number])
        return items
    return node
