"""The versions of passwords that were set, according to the journals."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.core.errors import ReconcilerError
from reconciler.core.plan import Change, FieldChange, Outcome, Result
from reconciler.core.secret import SecretRef
from reconciler.engine.journal.inventory import password_versions
from reconciler.engine.journal.writer import FileJournal

NOON = datetime(2026, 6, 15, 12, 0, 0, tzinfo=UTC)
A = ("mail1", "a@example.com")


def opened(folder: Path, at: datetime = NOON) -> FileJournal:
    return FileJournal(folder, tool="reconciler 0.1.0", clock=lambda: at)


def change(action: str = "create", name: str = "a", version: int | None = 1, **more: object) -> Change:
    fields = () if version is None else (FieldChange(name="password", secret=SecretRef("env", "PW", version=version)),)
    return Change(action=action, kind="mailbox", domain="example.com", name=name, fields=fields, **more)  # type: ignore[arg-type]


def outcome(of: Change, result: Result = Result.APPLIED) -> Outcome:
    return Outcome(change=of, result=result, detail="")


def write(folder: Path, *changes: Change, server: str = "mail1", at: datetime = NOON) -> FileJournal:
    journal = opened(folder, at)
    for one in changes:
        journal.intent(server, one)
        journal.outcome(server, outcome(one))
    journal.close(converged=True)
    return journal


def test_without_journals_nothing_is_known(tmp_path: Path) -> None:
    assert password_versions(tmp_path / "none") == {}
    assert password_versions(tmp_path) == {}


def test_the_version_follows_creation_update_rename_and_deletion(tmp_path: Path) -> None:
    steps = [
        (change("create", version=2), {A: 2}),
        (change("update", version=5), {A: 5}),
        (change("update", version=None), {A: 5}),
        (change("rename", version=None, new_name="b"), {("mail1", "b@example.com"): 5}),
        (change("create", version=1), {("mail1", "b@example.com"): 5, A: 1}),
        (change("delete", name="b", version=None), {A: 1}),
        (change("delete", version=None), {}),
        (change("create", version=None), {}),
    ]
    for n, (one, known) in enumerate(steps):
        write(tmp_path, one, at=NOON + timedelta(minutes=n))
        assert password_versions(tmp_path) == known


def test_each_server_has_its_own_versions(tmp_path: Path) -> None:
    write(tmp_path, change(version=2))
    write(tmp_path, change(version=7), server="mail2", at=NOON + timedelta(minutes=1))
    assert password_versions(tmp_path) == {A: 2, ("mail2", "a@example.com"): 7}


def test_only_what_was_applied_counts(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.intent("mail1", change(version=2))
    journal.outcome("mail1", outcome(change(version=3), Result.FAILED))
    journal.outcome("mail1", outcome(change(version=4), Result.NOT_TRIED))
    assert password_versions(tmp_path) == {}


def test_an_alias_of_the_same_name_does_not_affect_the_mailbox(tmp_path: Path) -> None:
    write(tmp_path, change(version=2), Change(action="delete", kind="alias", domain="example.com", name="a"))
    assert password_versions(tmp_path) == {A: 2}


def test_runs_of_one_second_are_read_in_order(tmp_path: Path) -> None:
    for n in range(12):
        write(tmp_path, change("update", version=n + 1), at=NOON + timedelta(milliseconds=n))
    assert password_versions(tmp_path) == {A: 12}


def test_an_incomplete_last_line_is_skipped(tmp_path: Path) -> None:
    journal = write(tmp_path, change(version=2))
    with journal.path.open("a", encoding="utf-8") as file:
        file.write('{"event": "outcome", "resu')
    write(tmp_path, change("update", name="b", version=4), at=NOON + timedelta(minutes=1))
    assert password_versions(tmp_path) == {A: 2, ("mail1", "b@example.com"): 4}


@pytest.mark.parametrize(
    "line",
    [
        "{not json",
        '"a text"',
        "[]",
        '{"event": "outcome", "result": "applied", "server": "mail1", "change": {"kind": "mailbox", "action": "update", "address": "a@example.com", "fields": {"password": {"version": "many"}}}}',
        '{"event": "outcome", "result": "applied"}',
        "\x00\x00",
    ],
)
def test_a_damaged_line_is_an_error_with_file_line_and_remedy(tmp_path: Path, line: str) -> None:
    journal = write(tmp_path, change(version=2))
    lines = journal.path.read_text("utf-8").splitlines()
    journal.path.write_text("\n".join([lines[0], line, *lines[1:]]) + "\n")
    with pytest.raises(ReconcilerError, match="damaged") as caught:
        password_versions(tmp_path)
    assert f"{journal.path}:2" in caught.value.message
    assert caught.value.hint


def test_an_unreadable_journal_raises_our_exception(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").mkdir()
    with pytest.raises(ReconcilerError, match="cannot be read"):
        password_versions(tmp_path)
