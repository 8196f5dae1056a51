"""A journal is a chain: edited, removed, inserted and reordered lines are detected, with file and line."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from domain_builders import read_alias, read_box
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.errors import ReconcilerError
from reconciler.core.plan import Change, FieldChange, Outcome, Result
from reconciler.core.secret import SecretRef
from reconciler.engine.journal.inventory import read_inventory
from reconciler.engine.journal.reader import read_run
from reconciler.engine.journal.writer import FileJournal

NOON = datetime(2026, 6, 15, 12, 0, 0, tzinfo=UTC)


def update(name: str, quota: int) -> Change:
    fields = (FieldChange(name="quota", before=0, after=quota),)
    return Change(action="update", kind="mailbox", domain="example.com", name=name, fields=fields)


def written(folder: Path, *, end: bool = True) -> FileJournal:
    journal = FileJournal(
        folder, tool="reconciler 0.1.0", commit="c0ffee", user="ann", configuration="sha256:1", clock=lambda: NOON
    )
    journal.protected("mail1", "example.com", ["boss", "archive"])
    for n, name in enumerate(("a", "b", "c"), 1):
        journal.intent("mail1", update(name, n))
        journal.outcome("mail1", Outcome(change=update(name, n), result=Result.APPLIED))
    if end:
        journal.close(converged=True)
    return journal


def lines(journal: FileJournal) -> list[bytes]:
    return journal.path.read_bytes().splitlines()


def rewrite(journal: FileJournal, rows: list[bytes]) -> None:
    journal.path.write_bytes(b"".join(row + b"\n" for row in rows))


def test_the_first_line_has_user_tool_commit_and_configuration(tmp_path: Path) -> None:
    start = read_run(written(tmp_path).path).start
    assert {k: start[k] for k in ("tool", "commit", "user", "configuration")} == {
        "tool": "reconciler 0.1.0", "commit": "c0ffee", "user": "ann", "configuration": "sha256:1",
    }  # fmt: skip
    bare = FileJournal(tmp_path, tool="t", clock=lambda: NOON)
    assert not {"commit", "user", "configuration"} & read_run(bare.path).start.keys()


def test_an_unchanged_journal_is_ok(tmp_path: Path) -> None:
    run = read_run(written(tmp_path).path)
    assert (run.chain, run.fault, run.torn, run.ended) == ("ok", "", False, "converged")


def edited(rows: list[bytes], n: int) -> list[bytes]:
    return [row.replace(b"mail1", b"mail2") if i == n else row for i, row in enumerate(rows)]


def taken_out(rows: list[bytes], n: int) -> list[bytes]:
    return rows[:n] + rows[n + 1 :]


def swapped(rows: list[bytes], n: int) -> list[bytes]:
    return [*rows[:n], rows[n + 1], rows[n], *rows[n + 2 :]]


def doubled(rows: list[bytes], n: int) -> list[bytes]:
    return [*rows[: n + 1], *rows[n:]]


@pytest.mark.parametrize("how", [edited, taken_out, swapped, doubled])
@pytest.mark.parametrize("n", [1, 3, 5])
def test_a_changed_line_in_the_middle_is_detected(
    how: Callable[[list[bytes], int], list[bytes]], n: int, tmp_path: Path
) -> None:
    journal = written(tmp_path)
    rewrite(journal, how(lines(journal), n))
    run = read_run(journal.path)
    assert run.chain == "broken"
    assert run.fault.startswith(f"{journal.path}:{n + (2 if how in (edited, doubled) else 1)}: ")


def test_a_missing_first_line_and_a_line_after_the_end_are_detected(tmp_path: Path) -> None:
    journal = written(tmp_path)
    rows = lines(journal)
    rewrite(journal, rows[1:])
    assert f"{journal.path}:1: not the original first line" in read_run(journal.path).fault
    rewrite(journal, [*rows, rows[1]])
    assert "after the run's end" in read_run(journal.path).fault


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_changed_byte_before_the_last_line_is_detected(data: st.DataObject, tmp_path_factory: object) -> None:
    journal = written(tmp_path_factory.mktemp("j"))  # type: ignore[attr-defined]
    raw = bytearray(journal.path.read_bytes())
    last = bytes(raw).rstrip(b"\n").rindex(b"\n")
    at = data.draw(st.integers(0, last))
    raw[at] ^= data.draw(st.integers(1, 255))
    journal.path.write_bytes(bytes(raw))
    assert read_run(journal.path).chain == "broken"


def test_a_line_torn_by_a_crash_breaks_nothing(tmp_path: Path) -> None:
    journal = written(tmp_path, end=False)
    whole = journal.path.read_bytes()
    for cut in (1, 20, 100):
        journal.path.write_bytes(whole[:-cut])
        run = read_run(journal.path)
        assert run.chain == "ok", cut
        assert run.torn is (cut > 1)
        assert run.ended == ""
        read_inventory(tmp_path)


def test_a_complete_last_line_without_a_record_is_not_torn(tmp_path: Path) -> None:
    journal = written(tmp_path)
    rewrite(journal, [*lines(journal)[:-1], b'{"event": "en'])
    assert read_run(journal.path).chain == "broken"


def test_a_truncated_journal_is_not_detected_but_has_no_end(tmp_path: Path) -> None:
    journal = written(tmp_path)
    rewrite(journal, lines(journal)[:-3])
    run = read_run(journal.path)
    assert (run.chain, run.ended) == ("ok", "")


def test_a_journal_that_was_stripped_of_its_chain_or_emptied_is_broken(tmp_path: Path) -> None:
    journal = written(tmp_path)
    bare = [json.loads(row) for row in lines(journal)]
    for record in bare:
        del record["previous"]
    rewrite(journal, [json.dumps(record).encode() for record in bare])
    assert read_run(journal.path).chain == "broken"
    journal.path.write_bytes(b"")
    assert read_run(journal.path).fault == f"{journal.path}:1: the file is empty"


def test_a_chain_with_a_line_that_has_no_link_is_broken(tmp_path: Path) -> None:
    journal = written(tmp_path)
    rows = lines(journal)
    record = json.loads(rows[0])
    del record["previous"]
    rewrite(journal, [json.dumps(record).encode(), *rows[1:]])
    assert read_run(journal.path).fault.startswith(f"{journal.path}:1: ")


def test_a_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    journal = written(tmp_path)
    rewrite(journal, [row.replace(b'"formatVersion": 1', b'"formatVersion": 2') for row in lines(journal)])
    with pytest.raises(ReconcilerError, match="newer version"):
        read_inventory(tmp_path)


def test_the_intent_contains_the_live_object_and_never_a_password(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path, tool="t", clock=lambda: NOON)
    there = read_box("a", quota=7, forward_to=("x@y.example",), usage_bytes=99, last_login="2026-01-01T00:00:00Z")
    password = FieldChange(name="password", secret=SecretRef("env", "PW", version=2))
    journal.intent(
        "mail1",
        Change(action="update", kind="mailbox", domain="example.com", name="a", fields=(password,), current=there),
    )
    journal.intent(
        "mail1", Change(action="delete", kind="alias", domain="example.com", name="s", current=read_alias("s", "a"))
    )
    journal.intent("mail1", Change(action="create", kind="alias", domain="example.com", name="t"))
    _, mailbox, alias, created = (json.loads(row) for row in lines(journal))
    assert mailbox["state"] == {
        "fields": {
            "displayName": "", "quota": 7, "enabled": True, "forwarding.to": ["x@y.example"],
            "forwarding.keepCopy": True, "eas": False, "mapi": False,
        },
        "usageBytes": 99,
        "lastLogin": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    assert alias["state"]["fields"]["to"] == ["a@example.com"]
    assert "state" not in created
