"""Keeps written domain files valid: leaves out fields that a rule of the workspace forbids, and reports them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.app.adopt.declare import shown_value
from reconciler.app.adopt.file_changes import FileChange, texts_of
from reconciler.config.edit.domain_file import DropField, Edit, EditNote, edit_domain, read_domain_text
from reconciler.config.edit.places import Place, places_of
from reconciler.config.workspace import Configuration, load_configuration
from reconciler.core.codes import CODES
from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.kinds import BY_NAME
from reconciler.core.model import DesiredDomain, Unset

_ROUNDS = 25
"""One fault may hide another, and a rule that counts (EAS accounts) names one resource per round."""


def make_valid(
    config: Configuration, changes: Sequence[FileChange]
) -> tuple[tuple[FileChange, ...], Mapping[str, tuple[str, ...]]]:
    """The same files without the fields that would be errors in the workspace, and a text for each such field.

    A server can have values that are invalid in a file: a target that does not exist, a cycle of aliases, a target
    that the policy denies, a quota above the product's. Each such field becomes unmanaged, and a comment says so. An
    error of a complete section stays, because only a person can decide it.

    Returns:
        The files, in the order given, and by file (its path in the workspace) the fields that were left out.
    """
    left_out: dict[str, list[str]] = defaultdict(list)
    files = {change.relative: change for change in changes}
    # Without any change the files are as valid as before.
    for _ in range(_ROUNDS if any(c.before != c.after for c in changes) else 0):
        faults = _faults(config, files)
        if not faults:
            break
        for relative, rows in faults.items():
            edits, notes = _without(files[relative], rows)
            after = edit_domain(files[relative].after, edits, file=relative)
            files[relative] = replace(files[relative], after=after)
            left_out[relative] += notes
    return tuple(files.values()), {relative: tuple(notes) for relative, notes in left_out.items()}


def _faults(config: Configuration, files: Mapping[str, FileChange]) -> dict[str, dict[Place, str]]:
    """By file, the fields with an error, each with its code."""
    loaded = load_configuration(config.root, instead=texts_of(files.values()))
    by_file: dict[str, list[Diagnostic]] = defaultdict(list)
    for one in loaded.diagnostics:
        relative = loaded.files.get(one.span.file, "") if one.span else ""
        if one.severity is Severity.ERROR and relative in files:
            by_file[relative].append(one)
    found: dict[str, dict[Place, str]] = {}
    for relative, rows in sorted(by_file.items()):
        # Locations do not count the byte order mark.
        places = places_of(files[relative].after.removeprefix("\ufeff"), [d.span for d in rows if d.span])
        fields = {place: one.code for place, one in zip(places, rows, strict=True) if place}
        if fields:
            found[relative] = fields
    return found


def _without(change: FileChange, fields: Mapping[Place, str]) -> tuple[list[Edit], list[str]]:
    desired = read_domain_text(change.after, file=change.relative)
    edits: list[Edit] = []
    notes: list[str] = []
    for place, code in fields.items():
        text = f"{BY_NAME[place.kind].title} {place.name}: {place.field} {_value(desired, place)}: {CODES[code]}"
        notes.append(text)
        edits += [DropField(kind=place.kind, name=place.name, field=place.field), EditNote(text)]
    return edits, notes


def _value(desired: DesiredDomain, place: Place) -> str:
    rows = desired.section(place.kind)
    assert not isinstance(rows, Unset)
    value = getattr(rows[place.name], BY_NAME[place.kind].field(place.field).attribute)
    return shown_value(place.field, value, desired.domain)
