"""The order of runs, independent of clocks: a clock may be set back, or be ahead for a while."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.app.data import data_folder
from reconciler.core.plan import Change, FieldChange, Outcome, Result
from reconciler.core.secret import SecretRef
from reconciler.engine.journal.inventory import read_inventory
from reconciler.engine.journal.reader import last_turn, read_run, run_files
from reconciler.engine.journal.steps import steps_of
from reconciler.engine.journal.writer import FileJournal

NOON = datetime(2026, 6, 15, 12, 0, 0, tzinfo=UTC)


def ran(folder: Path, at: datetime, version: int, *, name: str = "a") -> str:
    """A run that set a password and protected mailboxes; returns its id."""
    journal = FileJournal(folder, tool="t", after=last_turn(folder), clock=lambda: at)
    journal.protected("mail1", "example.com", [f"p{version}"])
    password = FieldChange(name="password", secret=SecretRef("env", "PW", version=version))
    change = Change(action="update", kind="mailbox", domain="example.com", name=name, fields=(password,))
    journal.intent("mail1", change)
    journal.outcome("mail1", Outcome(change=change, result=Result.APPLIED, password_set=True))
    journal.close(converged=True)
    return journal.run


@settings(max_examples=25)
@given(st.lists(st.integers(-7200, 7200), min_size=1, max_size=6))
def test_the_order_is_that_of_the_runs_even_if_the_clock_jumps(jumps: list[int]) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as place:
        folder, at, runs = Path(place), NOON, []
        for version, seconds in enumerate(jumps, 1):
            at += timedelta(seconds=seconds)
            runs.append(ran(folder, at, version))
        assert [p.stem for p in run_files(folder)] == runs
        known = read_inventory(folder)
        assert known.password_versions == {("mail1", "a@example.com"): len(jumps)}
        assert known.protected("mail1", "example.com") == ({f"p{len(jumps)}"}, runs[-1])


def test_runs_of_the_same_second_and_of_an_earlier_hour_come_after_the_first(tmp_path: Path) -> None:
    runs = [ran(tmp_path, at, n) for n, at in enumerate((NOON, NOON, NOON - timedelta(hours=1), NOON), 1)]
    assert [p.stem for p in run_files(tmp_path)] == runs


def test_a_journal_from_another_machine_is_sorted_by_its_time(tmp_path: Path) -> None:
    """A CI runner that cannot fetch the journals starts without them; its file is added to the others later."""
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    runs = [ran(here, NOON, 1), ran(elsewhere, NOON + timedelta(minutes=5), 2), ran(here, NOON + timedelta(hours=1), 3)]
    for path in run_files(elsewhere):
        path.rename(here / path.name)
    assert [p.stem for p in run_files(here)] == runs


def test_a_rollback_reports_the_last_run_and_not_the_one_with_the_latest_clock(tmp_path: Path) -> None:
    for number, at in enumerate((NOON, NOON + timedelta(hours=2), NOON + timedelta(hours=1)), 1):
        ran(tmp_path, at, number)
    first, second, third = (read_run(p) for p in run_files(tmp_path))
    ((step,),) = steps_of(first, (second, third)).values()
    assert step.touched_by == third.run
    assert third.run < second.run


def test_a_clock_that_jumps_in_the_middle_of_a_run_breaks_no_chain(tmp_path: Path) -> None:
    times = iter([NOON, NOON, NOON, NOON - timedelta(hours=1), NOON + timedelta(hours=1), NOON - timedelta(days=1)])
    journal = FileJournal(tmp_path, tool="t", clock=lambda: next(times))
    journal.protected("mail1", "example.com", [])
    journal.protected("mail1", "second.example", [])
    journal.close(converged=False)
    run = read_run(journal.path)
    assert (run.chain, run.ended) == ("ok", "not converged")


@pytest.mark.parametrize("time", ["", "yesterday", "2026-06-15T12:00:00", "9999-12-31T23:59:59.999Z"])
def test_an_invalid_or_last_possible_time_stops_no_run(tmp_path: Path, time: str) -> None:
    (tmp_path / "odd.jsonl").write_text(f'{{"event": "start", "time": "{time}"}}\n', "utf-8")
    assert last_turn(tmp_path) is None
    ran(tmp_path, NOON, 1)
    assert last_turn(tmp_path) == NOON


def test_a_first_line_with_a_turn_is_valid_by_the_schema(tmp_path: Path) -> None:
    import json

    ran(tmp_path, NOON, 1)
    ran(tmp_path, NOON - timedelta(hours=1), 2)
    schema = json.loads((data_folder("schemas") / "journal.schema.json").read_text("utf-8"))
    first = json.loads(run_files(tmp_path)[1].read_text("utf-8").splitlines()[0])
    assert (first["time"], first["turn"]) == ("2026-06-15T11:00:00.000Z", "2026-06-15T12:00:00.001Z")
    jsonschema.Draft202012Validator(schema).validate(first)
