"""A domain file is edited: what the edits do not concern keeps every byte, comments, order and quotes included.

The text is changed by places, which the loader knows, and not written anew from a tree: see
docs/decisions/0003-editing-files.md. The result is read again before anybody gets it, and has to say exactly what was
meant.
"""

from collections.abc import Iterable, Sequence

from reconciler.config.decode.domain import decode_domain
from reconciler.config.document.builder import Map
from reconciler.config.document.loader import Document, load_text
from reconciler.config.edit.blocks import lengthened, patched
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
    """The text of a domain file with the edits made; the same text where they change nothing.

    `text` has the line ends of the file (CR LF stays CR LF), `file` is its name for people.

    Raises:
        CannotEdit: the file is not valid by itself, an edit names what is not there, or a place that has to be
            changed cannot be changed safely: an alias, an anchor or a merge key, or a key written with `?`.
    """
    mark = _BOM if text.startswith(_BOM) else ""
    plain = text.removeprefix(_BOM)
    document, before = _read(plain, file)
    after = edited(before, edits)
    result = _patched(document, before, after) if after != before else plain
    result = _noted(result, [edit.text for edit in edits if isinstance(edit, EditNote)])
    if result == plain:
        return text
    try:
        found = _read(result, file)[1]
    except CannotEdit as e:
        why = f"{before.origin}: after the change the file could no longer be read ({e.message})"
        raise CannotEdit(why, span=before.origin, hint="change it by hand; nothing was written") from e
    if found != after:
        why = f"{before.origin}: after the change the file would not say what is meant"
        raise CannotEdit(why, span=before.origin, hint="change it by hand; nothing was written")
    return mark + result


def read_domain_text(text: str, *, file: str = "the file", default_server: str = "") -> DesiredDomain:
    """What a domain file says, by itself.

    Raises:
        CannotEdit: it is not valid.
    """
    return _read(text.removeprefix(_BOM), file, default_server)[1]


def _read(text: str, file: str, default_server: str = "") -> tuple[Document, DesiredDomain]:
    document, said = load_text(text.encode("utf-8", "replace"), file)
    _fail(said)
    assert document is not None
    _fail(check(document, validator("domain")))
    desired, said = decode_domain(document, default_server=default_server)
    _fail(said)
    assert desired is not None
    return document, desired


def _fail(said: Iterable[Diagnostic]) -> None:
    for one in said:
        if one.severity is Severity.ERROR:
            raise CannotEdit(f"{one.span}: {one.message}", span=one.span, hint=one.hint or "correct the file first")


def _patched(document: Document, before: DesiredDomain, after: DesiredDomain) -> str:
    """The text with what differs between the two values changed."""
    body = document.value
    assert isinstance(body, Map)
    short = short_forms(body, before, after)
    if short:
        document, before = _read(lengthened(document, short), document.file)
        body = document.value
        assert isinstance(body, Map)
    return patched(document, patch_of(body, before, after))


def _noted(text: str, notes: Sequence[str]) -> str:
    """The text with these comments at its top, below those that are there; none twice."""
    lines = text.split("\n")
    newline = "\r\n" if lines[0].endswith("\r") else "\n"
    there: set[str] = set()
    top = 0
    for number, line in enumerate(lines):
        if line.strip(" \t\r") and not line.startswith("#"):
            break
        there.add(line.rstrip("\r"))
        if line.startswith((_MODELINE, *note_lines([""]))):
            top = number + 1
    missing = [line for line in dict.fromkeys(note_lines(notes)) if line not in there]
    if not missing:
        return text
    at = sum(len(line) + 1 for line in lines[:top])
    return text[:at] + "".join(line + newline for line in missing) + text[at:]
