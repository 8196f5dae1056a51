import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from domain_builders import alias, box, current, desired, gone, plan, read_alias, read_box, rename
from fake_run import FakePasswords, run
from fake_server import FakeServer

from reconciler.app.data import data_folder
from reconciler.core.errors import JournalUnusable, ReconcilerError
from reconciler.core.plan import Change, FieldChange, Outcome, Result
from reconciler.core.secret import SecretRef
from reconciler.engine.apply import apply_plan
from reconciler.engine.journal import writer as journal_room
from reconciler.engine.journal import writer as module
from reconciler.engine.journal.inventory import password_versions
from reconciler.engine.journal.writer import FileJournal, check_room, room_needed

NOON = datetime(2026, 6, 15, 12, 0, 0, tzinfo=UTC)


def opened(folder: Path) -> FileJournal:
    return FileJournal(folder, tool="reconciler 0.1.0", clock=lambda: NOON)


def records(journal: FileJournal) -> list[dict]:
    return [json.loads(line) for line in journal.path.read_text("utf-8").splitlines()]


def change() -> Change:
    password = FieldChange(name="password", secret=SecretRef("env", "PW"))
    return Change(action="create", kind="mailbox", domain="example.com", name="a", fields=(password,))


def outcome(of: Change, result: Result = Result.APPLIED) -> Outcome:
    return Outcome(change=of, result=result, detail="")


ALL = (
    desired(
        [box("new", quota=5, password=SecretRef("env", "NEW_PASSWORD", version=3)), box("bob", eas=True)],
        [alias("s", "new")],
        ["new.example"],
        removed=[gone("old"), gone("u", "alias")],
        renamed=[rename("rob", "bob")],
    ),
    current([read_box("rob"), read_box("old")], [read_alias("u", "old")]),
)


def test_the_intent_is_on_disk_before_the_write_and_the_outcome_after(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    seen: list[tuple[str, list[str]]] = []

    class Watching(FakeServer):
        def _write(self, method: str, domain: str, name: str):
            seen.append(
                (
                    f"{name}@{domain}" if "domain_alias" not in method else name,
                    journal.path.read_text("utf-8").splitlines(),
                )
            )
            return super()._write(method, domain, name)

    server = Watching()
    server.load(ALL[1])
    made = plan(*ALL)
    run(apply_plan(made, server, FakePasswords(), journal, lambda _: None))
    writes = [(address, lines) for address, lines in seen if not address.startswith("eas ")]
    assert len(writes) == len(made.changes) - 1  # The activation of bob is set in bulk.
    for address, lines in writes:
        last = json.loads(lines[-1])
        assert (last["event"], last["change"]["address"]) == ("intent", address)
        done = [json.loads(line)["change"]["address"] for line in lines if '"outcome"' in line]
        assert address not in done
    assert [r["event"] for r in records(journal)].count("outcome") == len(made.changes)


def test_every_line_is_forced_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(module.os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size))
    journal = opened(tmp_path)
    journal.intent("mail1", change())
    assert synced[-1] == journal.path.stat().st_size
    journal.outcome("mail1", outcome(change(), Result.NOT_TRIED))
    journal.outcome("mail1", outcome(change(), Result.NOT_TRIED))
    assert len(synced) == 3, "the first line, the folder with the file's name, the intent; not what was not tried"


def test_a_record_has_user_time_change_and_result(tmp_path: Path) -> None:
    journal = opened(tmp_path / "made" / "on" / "the" / "way")
    update = Change(
        action="update",
        kind="mailbox",
        domain="example.com",
        name="a",
        fields=(
            FieldChange(name="quota", before=1, after=2),
            FieldChange(name="forwarding.to", before=("x@y.example",), after=()),
        ),
    )
    journal.intent("mail1", update)
    journal.outcome("mail1", Outcome(change=update, result=Result.FAILED, detail="no"))
    journal.outcome(
        "mail1", outcome(Change(action="rename", kind="alias", domain="example.com", name="r", new_name="s"))
    )
    journal.close(converged=False)
    start, intent, failed, renamed, end = records(journal)
    for record in (start, intent, failed, renamed, end):
        assert (record["formatVersion"], record["run"], record["time"]) == (1, journal.run, "2026-06-15T12:00:00.000Z")
    assert (start["event"], start["tool"]) == ("start", "reconciler 0.1.0")
    assert (intent["event"], intent["server"], intent["domain"]) == ("intent", "mail1", "example.com")
    assert (
        intent["change"]
        == failed["change"]
        == {
            "action": "update",
            "kind": "mailbox",
            "address": "a@example.com",
            "fields": {"quota": {"before": 1, "after": 2}, "forwarding.to": {"before": ["x@y.example"], "after": []}},
        }
    )
    assert (failed["event"], failed["result"], failed["detail"]) == ("outcome", "failed", "no")
    assert (renamed["change"]["address"], renamed["change"]["newAddress"]) == ("r@example.com", "s@example.com")
    assert (end["event"], end["detail"]) == ("end", "not converged")


def test_the_journal_has_the_version_of_a_secret_but_not_its_value(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    server = FakeServer()
    server.load(ALL[1])
    run(apply_plan(plan(*ALL), server, FakePasswords(), journal, lambda _: None))
    text = journal.path.read_text("utf-8")
    assert server.domains["example.com"].passwords["new"] not in text
    assert '"password": {"sensitive": true, "version": 3}' in text
    assert "NEW_PASSWORD" not in text


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        journal = opened(tmp_path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def test_lines_that_another_process_appends_stay(tmp_path: Path) -> None:
    """An append goes to the current end of the file, not to a remembered position."""
    journal = opened(tmp_path)
    with journal.path.open("a", encoding="utf-8") as other:
        other.write('{"note": "by another hand"}\n')
    journal.intent("mail1", change())
    assert [r.get("event", r.get("note")) for r in records(journal)] == ["start", "by another hand", "intent"]


def test_a_folder_that_cannot_be_written_is_refused_before_anything_happens(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ReconcilerError, match="cannot be written") as caught:
        opened(tmp_path / "file" / "journal")
    assert "nothing was changed" in caught.value.hint


def test_a_full_disk_raises_our_exception_and_no_line_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = opened(tmp_path)
    real, calls = os.write, []

    def short(fd: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) == 1:
            return real(fd, data[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "write", short)
    with pytest.raises(ReconcilerError, match="No space left on device") as caught:
        journal.intent("mail1", change())
    assert caught.value.hint
    monkeypatch.setattr(module.os, "write", real)
    with pytest.raises(ReconcilerError):
        journal.outcome("mail1", outcome(change()))
    assert password_versions(tmp_path) == {}


def test_a_line_that_is_written_in_two_parts_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = opened(tmp_path)
    real = os.write
    monkeypatch.setattr(module.os, "write", lambda fd, data: real(fd, data[:10]))
    journal.intent("mail1", change())
    assert [r["event"] for r in records(journal)] == ["start", "intent"]


SCHEMA = data_folder("schemas") / "journal.schema.json"


def test_every_record_is_valid_by_the_schema(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    server = FakeServer()
    server.load(ALL[1])
    server.faults = {2: "refuse"}
    run(apply_plan(plan(*ALL), server, FakePasswords(), journal, lambda _: None))
    journal.close(converged=False)
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    rows = records(journal)
    assert {r.get("result") for r in rows} >= {"applied", "failed"}
    for record in rows:
        validator.validate(record)


def test_the_end_makes_lines_of_untried_changes_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = opened(tmp_path)
    journal.outcome("mail1", outcome(change(), Result.NOT_TRIED))
    synced: list[int] = []
    monkeypatch.setattr(module.os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size))
    journal.close(converged=False)
    assert synced == [journal.path.stat().st_size]


def test_the_required_disk_space_exceeds_that_of_a_real_run(tmp_path: Path) -> None:
    made = plan(*ALL)
    journal = opened(tmp_path)
    server = FakeServer()
    server.load(ALL[1])
    run(apply_plan(made, server, FakePasswords(), journal, lambda _: None))
    journal.close(converged=True)
    counted = room_needed([made]) - room_needed([])
    assert journal.path.stat().st_size < counted < 5 * journal.path.stat().st_size


@pytest.mark.parametrize(("blocks", "free", "refused"), [(100, 16, True), (100, 17, False), (0, 0, False)])
def test_a_disk_without_space_is_refused_and_one_of_unknown_size_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: int, free: int, refused: bool
) -> None:
    class Disk:
        f_frsize, f_blocks, f_bavail = 4096, blocks, free

    asked: list[Path] = []
    monkeypatch.setattr(journal_room.os, "statvfs", lambda path: asked.append(path) or Disk)
    tiny = [replace(plan(*ALL), changes=plan(*ALL).changes[:1])]
    monkeypatch.setattr(journal_room, "MARGIN", 16 * 4096)
    if refused:
        with pytest.raises(JournalUnusable, match="too little disk space") as caught:
            check_room(tmp_path / "not" / "there", tiny)
        assert "nothing was changed" in caught.value.hint
    else:
        check_room(tmp_path / "not" / "there", tiny)
    assert asked == [tmp_path], "the disk of the nearest folder that is there"
