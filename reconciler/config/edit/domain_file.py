"""Edits a domain file. Text that the edits do not concern keeps every byte: comments, order and quotes.

The loader's locations show which characters to replace; the file is not rewritten from a tree (see
docs/decisions/0003-editing-files.md). The result is read again before it is returned, and must have exactly the
intended value.
"""

from collections.abc import Iterable, Sequence

from reconciler.config.decode.domain import decode_domain
from reconciler.config.document.builder import Map
from reconciler.config.document.loader import Document, load_text
from reconciler.config.edit.blocks import expanded, patched
from reconciler.config.edit.patch import patch_of, short_forms
from reconciler.config.edit.value import (
    AddResource,
    AddSection,
    DropField,
    DropRemoval,
    DropResource,
    Edit,
    EditNote,
    SetField,
    edited,
)
from reconciler.config.emit import note_lines
from reconciler.config.schema.compiled import validator
from reconciler.config.schema.validator import check
from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.errors import CannotEdit
from reconciler.core.model import DesiredDomain

__all__ = [
    "AddResource",
    "AddSection",
    "DropField",
    "DropRemoval",
    "DropResource",
    "Edit",
    "EditNote",
    "SetField",
    "edit_domain",
    "read_domain_text",
]

_BOM = "\ufeff"
_MODELINE = "# yaml-language-server:"


def edit_domain(text: str, edits: Sequence[Edit], *, file: str = "the file") -> str:
    """The text of a domain file after the edits; the same text if they change nothing.

    `text` has the line ends of the file (CR LF stays CR LF), `file` is its name for people.

    Raises:
        CannotEdit: the file alone is invalid, an edit names a missing resource, or a part of the text cannot be changed
            safely: an alias, an anchor or a merge key, or a key written with `?`.
    """
    # The loader ignores a byte order mark, and its locations do not count it.
    mark = _BOM if text.startswith(_BOM) else ""
    plain = text.removeprefix(_BOM)
    document, before = _read(plain, file)
    after = edited(before, edits)
    result = _patched(document, before, after) if after != before else plain
    result = _noted(result, [edit.text for edit in edits if isinstance(edit, EditNote)])
    # No difference, for example if a note is already there.
    if result == plain:
        return text
    # The next `apply` would carry out a wrong edit on the server, so the result is verified.
    try:
        found = _read(result, file)[1]
    except CannotEdit as e:
        why = f"{before.origin}: the changed file would be unreadable ({e.message})"
        raise CannotEdit(why, span=before.origin, hint="edit the file by hand; nothing was written") from e
    if found != after:
        why = f"{before.origin}: the changed file would not have the intended value"
        raise CannotEdit(why, span=before.origin, hint="edit the file by hand; nothing was written")
    return mark + result


def read_domain_text(text: str, *, file: str = "the file", default_server: str = "") -> DesiredDomain:
    """The value of a domain file, without the checks against other files.

    Raises:
        CannotEdit: the file is invalid.
    """
    return _read(text.removeprefix(_BOM), file, default_server)[1]


def _read(text: str, file: str, default_server: str = "") -> tuple[Document, DesiredDomain]:
    document, diagnostics = load_text(text.encode("utf-8", "replace"), file)
    _fail(diagnostics)
    assert document is not None
    _fail(check(document, validator("domain")))
    # An error here could make the edit delete a declaration that was not decoded.
    desired, diagnostics = decode_domain(document, default_server=default_server)
    _fail(diagnostics)
    assert desired is not None
    return document, desired


def _fail(diagnostics: Iterable[Diagnostic]) -> None:
    for one in diagnostics:
        if one.severity is Severity.ERROR:
            raise CannotEdit(f"{one.span}: {one.message}", span=one.span, hint=one.hint or "fix the file first")


def _patched(document: Document, before: DesiredDomain, after: DesiredDomain) -> str:
    """The text with every difference between the two values applied."""
    body = document.value
    assert isinstance(body, Map)
    short = short_forms(body, before, after)
    if short:
        # An alias in short form (`info: [alice]`) has no place for another field.
        document, before = _read(expanded(document, short), document.file)
        body = document.value
        assert isinstance(body, Map)
    return patched(document, patch_of(body, before, after))


def _noted(text: str, notes: Sequence[str]) -> str:
    """The text with these comments at its top, below earlier ones; an existing comment is not repeated."""
    lines = text.split("\n")
    newline = "\r\n" if lines[0].endswith("\r") else "\n"
    existing: set[str] = set()
    top = 0
    for number, line in enumerate(lines):
        if line.strip(" \t\r") and not line.startswith("#"):
            break
        existing.add(line.rstrip("\r"))
        if line.startswith((_MODELINE, *note_lines([""]))):
            top = number + 1
    missing = [line for line in dict.fromkeys(note_lines(notes)) if line not in existing]
    if not missing:
        return text
    at = sum(len(line) + 1 for line in lines[:top])
    return text[:at] + "".join(line + newline for line in missing) + text[at:]
