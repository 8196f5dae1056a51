"""The changes of one run from its journal, as the input of a rollback."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.core.kinds import BY_NAME, PASSWORD
from reconciler.core.model import Alias, DomainAlias, KindName, Mailbox, MailboxFacts, Resource
from reconciler.core.plan import Change, FieldChange, Result
from reconciler.core.planning.rollback import AppliedStep
from reconciler.engine.journal.inventory import state_fields, value
from reconciler.engine.journal.reader import Record, Run, damaged

Place = tuple[str, str]
"""(server, domain)"""

_Turn = tuple[int, str]
"""(position among the later runs, run id)"""

INTERRUPTED = "interrupted"
"""The result of a change whose outcome was never written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change of a run with its result.

    Attributes:
        change: without the password; `current` is the object before the change, as far as it was journalled.
        result: None if the run was interrupted before it could write the outcome.
        tried: a write began, or may have begun.
        password: the change sets a password.
        password_set: the server accepted it.
    """

    server: str
    change: Change
    result: Result | None
    detail: str = ""
    tried: bool = True
    password: bool = False
    password_set: bool = False

    @property
    def made(self) -> bool:
        """Whether the run itself certainly made the change, or at least created its object."""
        # The password of a new mailbox is set when the mailbox is created, even if a later step of the change failed.
        is_created = self.password_set and self.change.action == "create"
        return self.result is Result.APPLIED or is_created

    @property
    def ambiguous(self) -> bool:
        """Whether the run may have made the change, or a part of it."""
        return self.tried and self.result in (None, Result.FAILED)


def entries(run: Run) -> tuple[Entry, ...]:
    """All changes of a run in the order in which they began, then those that were not tried.

    Raises:
        ReconcilerError: a record was not written by this program.
    """
    found: dict[tuple[str, str, str, str], Entry] = {}
    for number, record in run.records:
        try:
            if record.get("event") == "intent":
                entry = Entry(server=str(record["server"]), change=_change(record), result=None, password=_sets(record))
                found[_key(entry)] = entry
            elif record.get("event") == "outcome":
                entry = Entry(
                    server=str(record["server"]),
                    change=_change(record),
                    result=Result(record["result"]),
                    detail=str(record["detail"]),
                    tried=False,
                    password=_sets(record),
                    password_set=record.get("passwordSet") is True,
                )
                # Only the intent has the object before the change, and its existence shows that a write was tried.
                begun = found.get(_key(entry))
                found[_key(entry)] = replace(entry, change=begun.change, tried=True) if begun else entry
        except (KeyError, TypeError, ValueError, AttributeError) as e:
            raise damaged(f"{run.path}:{number}") from e
    return tuple(found.values())


def count_steps(run: Run) -> dict[str, int]:
    """The number of changes of a run with each result; `interrupted` = without one. Tolerates foreign records."""
    results: dict[tuple[str, ...], str] = {}
    for _, record in run.records:
        event, change = record.get("event"), record.get("change")
        if event not in ("intent", "outcome") or not isinstance(change, dict):
            continue
        named = (record.get("server"), *(change.get(n) for n in ("kind", "address", "newAddress")))
        key = tuple(str(part) for part in named)
        # The last record of a change counts: the read at the end may show that the change has no effect after all.
        results[key] = INTERRUPTED if event == "intent" else str(record.get("result"))
    counts = Counter(results.values())
    return {name: counts[name] for name in sorted(counts, key=lambda name: (name == INTERRUPTED, name))}


def steps_of(run: Run, later: Iterable[Run]) -> dict[Place, tuple[AppliedStep, ...]]:
    """The changes that a run made, or may have made, by server and domain.

    Args:
        run: the run.
        later: the runs after it, oldest first. A rollback must not undo their changes.
    """
    touched: dict[tuple[str, KindName, str], _Turn] = {}
    remade: dict[tuple[str, str], _Turn] = {}
    for turn, other in enumerate(later):
        for entry in entries(other):
            if not (entry.made or entry.ambiguous):
                continue
            # The other kind may use the name now, so creations and deletions count for the address alone.
            for address in _addresses(entry.change):
                touched[entry.server, entry.change.kind, address] = (turn, other.run)
                if entry.change.action != "update":
                    remade[entry.server, address] = (turn, other.run)
    steps: dict[Place, tuple[AppliedStep, ...]] = {}
    for entry in entries(run):
        if not (entry.made or entry.ambiguous):
            continue
        change, server = entry.change, entry.server
        addresses = _addresses(change)
        step = AppliedStep(
            change=change,
            certain=entry.made,
            password=entry.password and change.action == "update",
            touched_by=_last(touched.get((server, change.kind, a)) for a in addresses),
            remade_by=_last(remade.get((server, a)) for a in addresses),
        )
        steps[server, change.domain] = (*steps.get((server, change.domain), ()), step)
    return steps


def _last(turns: Iterable[_Turn | None]) -> str:
    """The last run by position. Run ids contain clock times, which may go backwards."""
    return max((t for t in turns if t), default=(0, ""))[1]


def _addresses(change: Change) -> Sequence[str]:
    new = replace(change, name=change.new_name).address if change.new_name else None
    return (change.address, new) if new else (change.address,)


def _key(entry: Entry) -> tuple[str, str, str, str]:
    # A rename and an update of one mailbox in the same run are two entries.
    change = entry.change
    return entry.server, change.domain, change.key, "rename" if change.action == "rename" else ""


def _sets(record: Record) -> bool:
    return PASSWORD in record["change"]["fields"]


_CLASSES: Mapping[KindName, type[Mailbox] | type[Alias] | type[DomainAlias]] = {
    "mailbox": Mailbox,
    "alias": Alias,
    "domainAlias": DomainAlias,
}


def _change(record: Record) -> Change:
    """The change of an intent or outcome. Foreign records raise KeyError, TypeError, ValueError or AttributeError."""
    data, domain = record["change"], str(record["domain"])
    kind, action = BY_NAME[data["kind"]].name, data["action"]
    if action not in ("create", "update", "delete", "rename"):
        raise ValueError(action)
    name = _name(kind, data["address"], domain)
    fields = (_field(kind, n, f) for n, f in data["fields"].items() if n != PASSWORD)
    state = record.get("state")
    return Change(
        action=action,
        kind=kind,
        domain=domain,
        name=name,
        new_name=_name(kind, data["newAddress"], domain) if action == "rename" else None,
        fields=tuple(fields),
        usage_bytes=state.get("usageBytes") if state else None,
        last_login=state.get("lastLogin") if state else None,
        current=_resource(kind, name, state) if state else None,
    )


def _name(kind: KindName, address: str, domain: str) -> str:
    if kind == "domainAlias":
        return address
    name, _, at = address.rpartition("@")
    if not name or at != domain:
        raise ValueError(address)
    return name


def _field(kind: KindName, name: str, data: Mapping[str, Any]) -> FieldChange:
    BY_NAME[kind].field(name)
    before = value(data["before"]) if "before" in data else None
    return FieldChange(name=name, before=before, after=value(data["after"]))


def _resource(kind: KindName, name: str, state: Mapping[str, Any]) -> Resource:
    values: dict[str, Any] = {BY_NAME[kind].field(n).attribute: v for n, v in state_fields(state).items()}
    if kind == "mailbox":
        values["facts"] = MailboxFacts(usage_bytes=state.get("usageBytes"), last_login=state.get("lastLogin"))
    return _CLASSES[kind](name=name, **values)
