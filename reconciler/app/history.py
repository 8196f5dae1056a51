"""`history`: the journals of a workspace, listed, shown and checked."""

import getpass
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from reconciler.core.errors import ReconcilerError
from reconciler.core.model import Value
from reconciler.engine.journal_read import Run, read_run, run_files
from reconciler.engine.journal_steps import Entry, entries
from reconciler.output.history_view import ChangeRow, RunRow

LAST = "last"


def read_runs(folder: Path) -> tuple[Run, ...]:
    """All runs, oldest first, with what is wrong with them.

    Raises:
        ReconcilerError: a journal cannot be read.
    """
    return tuple(read_run(path) for path in run_files(folder))


def find_run(folder: Path, wanted: str) -> Path:
    """The journal of a run.

    Args:
        folder: where the journals are.
        wanted: its id, an unambiguous beginning of it, or `last`.

    Raises:
        ReconcilerError: there is no such run, or several.
    """
    files = run_files(folder)
    if not files:
        raise ReconcilerError(f"no run has been journalled in {folder}", hint="the first apply writes a journal")
    if wanted == LAST:
        return files[-1]
    found = [path for path in files if path.stem == wanted] or [p for p in files if p.stem.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    hint = "`reconciler history` lists them"
    if not found:
        raise ReconcilerError(f"there is no run {wanted!r}", hint=hint)
    raise ReconcilerError(f"{len(found)} runs begin with {wanted!r}: {found[0].stem}, {found[1].stem}...", hint=hint)


def run_row(run: Run) -> RunRow:
    """A run as it is shown; one whose records are none of ours has no changes, and says so."""
    fault = run.fault
    try:
        listed = entries(run)
    except ReconcilerError as e:
        listed, fault = (), fault or e.message
    counts = Counter(_word(e) for e in listed)
    start = run.start
    return RunRow(
        run=run.run,
        time=_text(start, "time"),
        user=_text(start, "user"),
        commit=_text(start, "commit"),
        tool=_text(start, "tool"),
        end=run.ended or "interrupted",
        chain="broken" if fault else run.chain,
        fault=fault,
        counts=dict(sorted(counts.items())),
        changes=tuple(_row(e) for e in listed),
    )


def current_user(environ: Mapping[str, str] | None = None) -> str | None:
    """Who runs this: in CI the one who started the job, else the user of the system; None where nobody knows."""
    environ = os.environ if environ is None else environ
    named = environ.get("GITHUB_ACTOR") or environ.get("GITLAB_USER_LOGIN")
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None


def _word(entry: Entry) -> str:
    return entry.result.value if entry.result else "interrupted"


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
