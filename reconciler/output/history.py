"""The output of `history`. It has its own values, so that the journal format can change without the output."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from reconciler.core.kinds import BY_NAME
from reconciler.core.quantities import format_size
from reconciler.output.documents import FORMAT_VERSION, json_text
from reconciler.output.terminal import Piece, Style, flow, safe, words


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """One change of a run.

    Attributes:
        fields: name -> (before, after) as JSON values; None = this side does not exist. Passwords are not included.
        password: `set` if the server accepted the new password, `asked` if not; empty without a new password.
        result: as in the journal; empty if the run was interrupted before it wrote the result.
    """

    server: str
    domain: str
    action: str
    kind: str
    address: str
    new_address: str = ""
    fields: Mapping[str, tuple[object, object]] = field(default_factory=dict)
    password: Literal["", "set", "asked"] = ""
    result: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run.

    Attributes:
        time: the start, ISO 8601 in UTC; empty if the journal does not contain it.
        end: `converged`, `not converged` or `interrupted`. A run that is still in progress is `interrupted` too.
        chain: `ok` or `broken`.
        fault: `file:line: reason` for the first wrong line.
        counts: result -> number of changes; `interrupted` counts the changes without a result.
    """

    run: str
    time: str
    user: str
    commit: str
    tool: str
    end: str
    chain: str
    fault: str
    counts: Mapping[str, int]
    changes: tuple[ChangeRow, ...]


# `history` as JSON.


def render_history_json(runs: Sequence[RunRow], generated: Mapping[str, object], *, changes: bool = False) -> str:
    """A document with the runs, oldest first. With `changes` it contains the changes of each run."""
    listed = [_run(r, changes=changes) for r in runs]
    return json_text({"formatVersion": FORMAT_VERSION, "generated": dict(generated), "runs": listed})


def _run(row: RunRow, *, changes: bool) -> dict[str, object]:
    facts = {"time": row.time, "user": row.user, "commit": row.commit, "tool": row.tool, "fault": row.fault}
    return {
        "run": row.run,
        "end": row.end,
        "chain": row.chain,
        "counts": dict(row.counts),
        **{k: v for k, v in facts.items() if v},
        **({"changes": [_change(c) for c in row.changes]} if changes else {}),
    }


def _change(row: ChangeRow) -> dict[str, object]:
    data: dict[str, object] = {
        "server": row.server,
        "domain": row.domain,
        "action": row.action,
        "kind": row.kind,
        "address": row.address,
        "fields": {name: _sides(*sides) for name, sides in row.fields.items()},
    }
    facts = {"newAddress": row.new_address, "password": row.password, "result": row.result, "detail": row.detail}
    return data | {k: v for k, v in facts.items() if v}


def _sides(before: object, after: object) -> dict[str, object]:
    return {k: v for k, v in (("before", before), ("after", after)) if v is not None}


# `history` for people: a list of runs, or one run with its changes.


_SIGNS = {"create": "+", "update": "~", "delete": "-", "rename": ">"}
_ENDS = {"converged": "green", "not converged": "yellow", "interrupted": "yellow"}
_RESULTS = {"applied": "green", "already as wanted": "dim", "refused": "yellow", "failed": "red"}


def render_history(runs: Sequence[RunRow], *, color: bool, width: int) -> Iterator[str]:
    """All runs, newest first, two lines each: run and end, then time, user, commit and counts."""
    style = Style(color)
    if not runs:
        yield "The journal contains no runs."
    # The newest run is the one that a reader looks for.
    for row in reversed(runs):
        yield from _head(row, style, width)


def render_run(row: RunRow, *, color: bool, width: int) -> Iterator[str]:
    """One run and its changes, in the order in which they began."""
    style = Style(color)
    yield from _head(row, style, width)
    for change in row.changes:
        yield from _change_lines(change, style, width)


def _head(row: RunRow, style: Style, width: int) -> Iterator[str]:
    pieces = [Piece(safe(row.run), ("bold",), solid=True), *_end(row)]
    if row.chain != "ok":
        pieces += words("the journal was modified after it was written", "red", gap=2)
    yield from flow(pieces, indent=0, hang=4, width=width, style=style)
    if row.fault:
        yield from flow(words(safe(row.fault), "red"), indent=4, hang=4, width=width, style=style)
    by, at = row.user and f"by {safe(row.user)}", row.commit and f"at {safe(row.commit[:12])}"
    # The results come from a journal, which is a file that may have been changed, so they are untrusted too.
    counts = ", ".join(f"{n} {safe(result)}" for result, n in row.counts.items() if n) or "no changes"
    line = [piece for part in (safe(row.time), by, at, counts) if part for piece in words(part, gap=2)]
    yield from flow(line, indent=4, hang=4, width=width, style=style)


def _end(row: RunRow) -> list[Piece]:
    word = row.end if row.end != "interrupted" else "interrupted, or still in progress"
    return words(safe(word), _ENDS.get(row.end, "dim"), gap=2)


def _change_lines(change: ChangeRow, style: Style, width: int) -> Iterator[str]:
    # An older journal may contain a kind that this version does not know.
    kind = next((k.title for k in BY_NAME.values() if k.name == change.kind), change.kind)
    new = [*words("->"), Piece(safe(change.new_address), solid=True)] if change.new_address else []
    # Without a result the change may have been made or not. The text must not suggest either.
    result = change.result or "result unknown: the run did not write it"
    pieces = [
        Piece(_SIGNS.get(change.action, "?"), ("bold",)),
        *words(safe(kind)),
        Piece(safe(change.address), ("bold",), solid=True),
        *new,
        *words(safe(result), _RESULTS.get(change.result, "yellow"), gap=2),
    ]
    yield from flow(pieces, indent=2, hang=6, width=width, style=style)
    for name, (before, after) in change.fields.items():
        sides = _value(name, after) if before is None else f"{_value(name, before)} -> {_value(name, after)}"
        # Journals contain names and texts from the server, so each value is made safe.
        yield from flow(words(safe(f"{name}: {sides}")), indent=6, hang=8, width=width, style=style)
    if change.password:
        text = "password: set" if change.password == "set" else "password: not set"  # noqa: S105 - not a secret
        yield from flow(words(text), indent=6, hang=8, width=width, style=style)
    if change.detail:
        yield from flow(words(safe(change.detail), "dim"), indent=6, hang=8, width=width, style=style)


def _value(name: str, value: object) -> str:
    if name == "quota" and isinstance(value, int):
        return format_size(value)
    return json.dumps(value, ensure_ascii=False)
