"""Checks documents against a schema: jsonschema-rs decides, and `explain` describes what it rejected."""

from dataclasses import replace

from reconciler.config.document.builder import Map, NodePath, Seq
from reconciler.config.document.loader import Document
from reconciler.config.schema.compiled import Validator
from reconciler.core.diagnostics import Diagnostic, error, sort_diagnostics

_RELIED_ON = frozenset({"apiVersion", "kind", "domain", "server", "product", "mailboxes", "aliases"})
"""Top-level keys that other checks rely on. If one of them is invalid, `valid_part` gives up."""
_NAMED = frozenset({"mailboxes", "aliases"})
"""Sections whose names are targets of others, so an invalid entry is emptied and its name stays."""


def check(document: Document, against: Validator) -> tuple[Diagnostic, ...]:
    """The faults of a document, in the order of the file; empty if it fits the schema."""
    if against.decides.is_valid(document.value):
        return ()
    # Importing jsonschema takes longer than loading a file, and most files are valid.
    from reconciler.config.schema.explain import explain

    return explain(document, against) or _unexplained(document, against)


def _unexplained(document: Document, against: Validator) -> tuple[Diagnostic, ...]:
    """The messages of jsonschema-rs, for a fault that jsonschema does not see: the document stays rejected."""
    found = []
    for fault in against.decides.iter_errors(document.value):
        text = f"this does not fit the schema: {fault.message}"
        found.append(error("SCH001", text, document.span(fault.instance_path)))
    return sort_diagnostics(found)


def valid_part(document: Document, against: Validator) -> Document | None:
    """The document without its invalid parts, so that one run can also check the rest of the file.

    Only a part that nothing else relies on is left out: a field of a mailbox, an unknown key, an item of a list. None
    if a name or a complete section would be missing: other checks would then report faults that are not there.
    """
    invalid: set[NodePath] = set()
    for fault in against.decides.iter_errors(document.value):
        path = tuple(fault.instance_path)
        unexpected = getattr(fault.kind, "unexpected", None)
        # Their faults have no part that could be left out: something is missing, or a name is invalid.
        if type(fault.kind).__name__ in ("Required", "PropertyNames"):
            return None
        invalid |= {(*path, key) for key in unexpected} if unexpected else {path}
    if any(len(path) == 0 or (len(path) == 1 and path[0] in _RELIED_ON) for path in invalid):
        return None
    rest = _without(document.value, (), invalid)
    # Leaving a part out can break another rule, such as a minimum number of items.
    return replace(document, value=rest) if against.decides.is_valid(rest) else None


def _without(node: object, at: NodePath, invalid: set[NodePath]) -> object:
    """A copy, locations included, without the invalid paths; an invalid mailbox or alias becomes empty."""
    if isinstance(node, Map):
        mapping = Map()
        for key, value in node.items():
            path = (*at, key)
            if path in invalid and not (len(path) == 2 and path[0] in _NAMED):
                continue
            mapping[key] = Map() if path in invalid else _without(value, path, invalid)
            mapping.marks[key] = node.marks[key]
        return mapping
    if isinstance(node, Seq):
        items = Seq()
        for number, value in enumerate(node):
            if (*at, number) not in invalid:
                items.append(_without(value, (*at, number), invalid))
                items.marks.append(node.marks[number])
        return items
    return node
