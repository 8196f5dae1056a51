"""`drift --adopt`: writes changes that were made on the servers into the files, for a person to review."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.app.adopt.declare import declared, shown_value, unsayable
from reconciler.app.adopt.file_changes import FileChange, diff_of, texts_of
from reconciler.app.adopt.importing import text_as_loaded
from reconciler.app.adopt.merge import kept_though_gone
from reconciler.config.edit.domain_file import AddResource, DropRemoval, DropResource, Edit, SetField, edit_domain
from reconciler.config.workspace import Configuration, load_configuration
from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.errors import CannotEdit
from reconciler.core.kinds import BY_NAME, PASSWORD
from reconciler.core.model import DesiredDomain, Unset, Value
from reconciler.core.plan import Change, Direction, FieldChange, Plan

_NOT_OURS: Mapping[Direction | None, str] = {
    "git": "it was changed in git: run `reconciler apply` to change the server",
    "both": "it was changed in git and on the server: choose one of the two values in the file",
}
_UNKNOWN_OR_NOT_OURS: Mapping[Direction | None, str] = {
    None: "it is unknown whether this was ever applied: give --base with an applied commit, or edit the file by hand",
    **_NOT_OURS,
}
"""For changes that would remove lines from the file: new lines that were never applied must not be lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAdopted:
    """A difference that is not adopted: its object and the reason, as text."""

    domain: str
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """New texts of domain files, which are not written yet.

    Attributes:
        changes: the files that change, in order of their domains.
        config: the valid configuration with these changes, with the changed domains selected; None without changes.
        adopted: by domain, a text for each adopted difference.
        skipped: the differences that are not adopted.
        diff: a patch with all changes, with paths from the top of the git repository.
    """

    changes: tuple[FileChange, ...]
    config: Configuration | None
    adopted: Mapping[str, tuple[str, ...]]
    skipped: tuple[NotAdopted, ...]
    diff: str


def adopt(config: Configuration, plans: Iterable[Plan]) -> Adoption:
    """The files with the servers' values, for differences that were made on the server.

    A value with unknown direction counts as changed on the server, because the result is a patch to review. But lines
    are removed only if they are known to be applied. Passwords, renames and changes made in git are not adopted. A
    file that would become invalid stays unchanged.
    """
    adopters = [_Adopter(config, plan) for plan in plans if plan.domain in config.domains]
    files = {a.plan.domain: change for a in adopters if (change := a.file())}
    skipped = [row for a in adopters for row in a.skipped]
    loaded: Configuration | None = None
    while files:
        # Without the change of one file, another file can become invalid, so this repeats until all are valid.
        loaded = load_configuration(config.root, instead=texts_of(files.values()))
        faults = _by_domain(loaded, files)
        if not faults:
            break
        for domain, fault in faults.items():
            del files[domain]
            skipped.append(
                NotAdopted(domain=domain, what="the complete file", why=f"the file would not be valid: {fault}")
            )
    changes = tuple(files[domain] for domain in sorted(files))
    adopted = {a.plan.domain: tuple(a.adopted) for a in adopters if a.plan.domain in files}
    return Adoption(
        changes=changes,
        config=replace(loaded, selected=tuple(sorted(files))) if loaded and files else None,
        adopted=dict(sorted(adopted.items())),
        skipped=tuple(sorted(skipped, key=lambda row: (row.domain, row.what))),
        diff=diff_of(config.root, changes),
    )


def _by_domain(loaded: Configuration, files: Mapping[str, FileChange]) -> dict[str, str]:
    """The first error for each changed file that causes one; an error in another file counts for all changed files."""
    found: dict[str, str] = {}
    names = {change.relative: domain for domain, change in files.items()}
    for one in loaded.diagnostics:
        if one.severity is not Severity.ERROR:
            continue
        domain = names.get(loaded.files.get(one.span.file, "")) if one.span else None
        # A fault outside these files has no single cause among them.
        for blamed in [domain] if domain else list(files):
            found.setdefault(blamed, _words(one))
    return found


def _words(one: Diagnostic) -> str:
    return f"{one.span}: {one.message}" if one.span else one.message


class _Adopter:
    """Turns the changes of one plan into edits of its file."""

    def __init__(self, config: Configuration, plan: Plan) -> None:
        self.config, self.plan = config, plan
        self.desired: DesiredDomain = config.domains[plan.domain]
        self.product = config.products.get(self.desired.product or "")
        self.role = config.workspace.servers[self.desired.server].role
        self.edits: list[Edit] = []
        self.adopted: list[str] = []
        self.skipped: list[NotAdopted] = []
        for change in plan.changes:
            self._take(change)

    def file(self) -> FileChange | None:
        """The file's change, if there is one."""
        if not self.edits:
            return None
        file = self.desired.origin.file
        relative = self.config.files[file]
        try:
            before = text_as_loaded(self.config, self.plan.domain)
            after = edit_domain(before, self.edits, file=file)
        except CannotEdit as e:
            self._skip("the complete file", e.message)
            return None
        return FileChange(path=self.config.root / relative, relative=relative, before=before, after=after)

    def _take(self, change: Change) -> None:
        what = f"{BY_NAME[change.kind].title} {change.address}"
        # A pruned resource is in no file, so no line could be lost.
        reasons = _NOT_OURS if change.reason == "pruned" else _UNKNOWN_OR_NOT_OURS
        why = reasons.get(change.direction) if change.action != "update" else None
        if why:
            self._skip(what, why)
        elif change.action == "create":
            self._created(change, what)
        elif change.action == "delete":
            self._deleted(change, what)
        elif change.action == "rename":
            self._skip(what, f"a rename to {change.new_name} is pending: apply it, or remove it from `renamed`")
        elif change.reason == "purge pending":
            self._purged(change, what)
        else:
            for field in change.fields:
                self._field(change, field, what)

    def _created(self, change: Change, what: str) -> None:
        rows = self.desired.section(change.kind)
        resource = None if isinstance(rows, Unset) else rows.get(change.name)
        if resource is None:
            self._skip(what, "it is not in the file")
            return
        # Somebody else deleted the resource. The protection means that it should exist.
        why = kept_though_gone(self.desired, BY_NAME[change.kind], resource)
        if why:
            self._skip(what, f"it is not on the server any more, but {why}")
            return
        # The file asks to create a resource that the server no longer has.
        self.edits.append(DropResource(kind=change.kind, name=change.name))
        self.adopted.append(f"{what} is not on the server any more: declaration removed")

    def _deleted(self, change: Change, what: str) -> None:
        if change.reason == "removed":
            self.edits.append(DropRemoval(kind=change.kind, name=change.name))
            self.adopted.append(f"{what} is on the server: taken out of `removed`")
        elif change.current is None:
            self._skip(what, "the plan does not hold its current state")
        else:
            left_out: list[str] = []
            # The plan would delete the resource, so adopting it means to declare it.
            made = declared(change.current, self.product, self.role, left_out)
            if made is None:
                self._skip(what, "; ".join(left_out))
                return
            self.edits.append(AddResource(made))
            self.adopted.append(f"{what} is new on the server: declared")

    def _purged(self, change: Change, what: str) -> None:
        direction = next((f.direction for f in change.fields if f.direction), change.direction)
        if direction in _UNKNOWN_OR_NOT_OURS:
            self._skip(what, _UNKNOWN_OR_NOT_OURS[direction])
            return
        self.edits.append(DropRemoval(kind=change.kind, name=change.name))
        self.adopted.append(f"{what} is enabled on the server: taken out of `removed`")

    def _field(self, change: Change, field: FieldChange, what: str) -> None:
        what = f"{what}: {field.name}"
        # A change can have fields from git and from the server.
        direction = field.direction or change.direction
        if field.name == PASSWORD or field.sensitive:
            self._skip(what, "a server never returns a password")
        elif direction in _NOT_OURS:
            self._skip(what, _NOT_OURS[direction])
        elif field.before is None:
            self._skip(what, "the server did not return it")
        elif why := unsayable(field.name, field.before, self.product, self.role):
            self._skip(what, why)
        else:
            self._set(change, field.name, field.before, field.after, what)

    def _set(self, change: Change, field: str, value: Value, after: Value | None, what: str) -> None:
        rows = self.desired.section(change.kind)
        if isinstance(rows, Unset) or change.name not in rows:
            self._skip(what, "it is not in the file")
            return
        self.edits.append(SetField(kind=change.kind, name=change.name, field=field, value=value))
        domain = self.desired.domain
        before = "" if after is None else f"{shown_value(field, after, domain)} -> "
        self.adopted.append(f"{what} {before}{shown_value(field, value, domain)}")

    def _skip(self, what: str, why: str) -> None:
        self.skipped.append(NotAdopted(domain=self.plan.domain, what=what, why=why))


def left_to_do(before: Sequence[Plan], after: Sequence[Plan]) -> tuple[Plan, ...]:
    """The plans with the adopted files: the new plan of a domain replaces the old one."""
    new = {plan.domain: plan for plan in after}
    return tuple(new.get(plan.domain, plan) for plan in before)
