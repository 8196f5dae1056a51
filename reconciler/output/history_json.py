"""`history` for programs."""

from collections.abc import Mapping, Sequence

from reconciler.output.documents import FORMAT_VERSION, json_text
from reconciler.output.history_view import ChangeRow, RunRow


def render_history_json(runs: Sequence[RunRow], generated: Mapping[str, object], *, changes: bool = False) -> str:
    """A document with the runs, oldest first; with each one's changes if asked."""
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
