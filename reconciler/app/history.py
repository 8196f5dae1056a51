"""`history`: the journals of a workspace, listed, shown and checked."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from reconciler.core.errors import ReconcilerError, UnknownRun
from reconciler.core.model import Value
from reconciler.engine.journal.reader import Run, read_run, run_files
from reconciler.engine.journal.steps import INTERRUPTED, Entry, count_steps, entries
from reconciler.output.history import ChangeRow, RunRow

LAST = "last"


def list_runs(folder: Path) -> Iterator[RunRow]:
    """All runs without their changes, oldest first, one file at a time.

    Raises:
        ReconcilerError: a journal cannot be read.
    """
    for path in run_files(folder):
        run = read_run(path)
        yield _run_row(run, run.fault, count_steps(run), ())


def find_run(folder: Path, wanted: str) -> Path:
    """The journal of a run.

    Args:
        folder: the folder with the journals.
        wanted: its id, an unambiguous beginning of it, or `last`.

    Raises:
        UnknownRun: there is no such run, or several.
    """
    files = run_files(folder)
    if not files:
        raise UnknownRun(
            f"no run has been journalled in {folder}", hint="run `reconciler apply`, which writes a journal"
        )
    # The files are sorted by time, oldest first.
    if wanted == LAST:
        return files[-1]
    # A complete id takes precedence over longer ids that begin with it.
    found = [path for path in files if path.stem == wanted] or [p for p in files if p.stem.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    hint = "list the runs with `reconciler history`"
    if not found:
        raise UnknownRun(f"there is no run {wanted!r}", hint=hint)
    raise UnknownRun(f"{len(found)} runs begin with {wanted!r}: {found[0].stem}, {found[1].stem}...", hint=hint)


def run_row(run: Run) -> RunRow:
    """A run with its changes; a run with unreadable records has none, and its `fault` says why."""
    fault = run.fault
    try:
        listed = entries(run)
    # A listing has to show broken journals too, so a fault is a value here.
    except ReconcilerError as e:
        listed, fault = (), fault or e.message
    return _run_row(run, fault, count_steps(run), tuple(_row(e) for e in listed))


def _run_row(run: Run, fault: str, counts: Mapping[str, int], changes: tuple[ChangeRow, ...]) -> RunRow:
    start = run.start
    return RunRow(
        run=run.run,
        time=_text(start, "time"),
        user=_text(start, "user"),
        commit=_text(start, "commit"),
        tool=_text(start, "tool"),
        end=run.ended or INTERRUPTED,
        chain="broken" if fault else run.chain,
        fault=fault,
        counts=counts,
        changes=changes,
    )


def _text(start: Mapping[str, object], name: str) -> str:
    return str(start.get(name, ""))


def _row(entry: Entry) -> ChangeRow:
    change = entry.change
    return ChangeRow(
        server=entry.server,
        domain=change.domain,
        action=change.action,
        kind=change.kind,
        address=change.address,
        new_address=f"{change.new_name}@{change.domain}" if change.new_name else "",
        fields={f.name: (_plain(f.before), _plain(f.after)) for f in change.fields},
        password=("set" if entry.password_set else "asked") if entry.password else "",
        result=entry.result.value if entry.result else "",
        detail=entry.detail,
    )


def _plain(value: Value | None) -> object:
    return list(value) if isinstance(value, tuple) else value
