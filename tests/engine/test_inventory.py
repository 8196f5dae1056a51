"""The state of each resource according to all journals together."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from domain_builders import read_box
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.errors import ReconcilerError
from reconciler.core.plan import Change, FieldChange, Outcome, Result
from reconciler.core.secret import SecretRef
from reconciler.engine.journal.inventory import read_inventory
from reconciler.engine.journal.reader import read_run
from reconciler.engine.journal.steps import count_steps
from reconciler.engine.journal.writer import FileJournal

NOON = datetime(2026, 6, 15, 12, 0, 0, tzinfo=UTC)
A = "a@example.com"


def change(action: str, name: str = "a", **more: Any) -> Change:
    fields = tuple(FieldChange(name=n, before=b, after=a) for n, (b, a) in more.pop("fields", {}).items())
    return Change(
        action=action, kind=more.pop("kind", "mailbox"), domain="example.com", name=name, fields=fields, **more
    )  # type: ignore[arg-type]


def write(folder: Path, *rows: tuple[Change, Result | None], minutes: int = 0, server: str = "mail1") -> str:
    journal = FileJournal(folder, tool="t", clock=lambda: NOON + timedelta(minutes=minutes))
    for one, result in rows:
        journal.intent(server, one)
        if result is not None:
            journal.outcome(server, Outcome(change=one, result=result))
    return journal.run


def test_without_journals_nothing_is_known(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        found = read_inventory(folder)
        assert (found.resources, found.password_versions, found.protections) == ({}, {}, {})
        assert found.resource("mail1", "mailbox", A) is None
        assert found.protected("mail1", "example.com") is None


def test_after_an_update_the_earlier_state_and_the_new_fields_are_known(tmp_path: Path) -> None:
    there = read_box("a", quota=1, display_name="Ann")
    run = write(tmp_path, (change("update", fields={"quota": (1, 2)}, current=there), Result.APPLIED))
    known = read_inventory(tmp_path).resource("mail1", "mailbox", A)
    assert known is not None
    assert (known.exists, known.run) == (True, run)
    assert (known.fields["quota"], known.fields["displayName"], known.fields["forwarding.to"]) == (2, "Ann", ())
    assert read_inventory(tmp_path).resource("mail2", "mailbox", A) is None
    assert read_inventory(tmp_path).resource("mail1", "alias", A) is None


@pytest.mark.parametrize(
    ("results", "is_begun"),
    [
        ([None], True),
        ([Result.FAILED], True),
        ([Result.APPLIED], False),
        ([None, Result.APPLIED], False),
        ([None, Result.SKIPPED], False),
        ([Result.APPLIED, None], True),
    ],
    ids=str,
)
def test_a_creation_is_begun_until_a_line_records_its_success(
    tmp_path: Path, results: list[Result | None], is_begun: bool
) -> None:
    for minutes, result in enumerate(results):
        write(tmp_path, (change("create"), result), minutes=minutes)
    assert (("mail1", "mailbox", A) in read_inventory(tmp_path).begun) is is_begun


def test_the_known_state_follows_renames_deletions_and_new_creations(tmp_path: Path) -> None:
    steps = [
        (change("create", fields={"quota": (None, 5), "eas": (None, True)}), A, (True, {"quota": 5, "eas": True})),
        (change("update", fields={"quota": (5, 6)}), A, (True, {"quota": 6, "eas": True})),
        (change("rename", new_name="b"), A, (False, {})),
        (change("delete", "b"), "b@example.com", (False, {})),
        (change("create", "b"), "b@example.com", (True, {})),
    ]
    for n, (one, address, expected) in enumerate(steps):
        write(tmp_path, (one, Result.APPLIED), minutes=n)
        known = read_inventory(tmp_path).resource("mail1", "mailbox", address)
        assert known is not None
        assert (known.exists, dict(known.fields)) == expected
        if one.action == "rename":
            moved = read_inventory(tmp_path).resource("mail1", "mailbox", "b@example.com")
            assert moved is not None
            assert dict(moved.fields) == {"quota": 6, "eas": True}


@pytest.mark.parametrize("result", [Result.FAILED, Result.NOT_TRIED, Result.REFUSED, None])
def test_a_change_without_success_proves_nothing(tmp_path: Path, result: Result | None) -> None:
    write(tmp_path, (change("update", fields={"quota": (1, 2)}), Result.APPLIED))
    write(tmp_path, (change("update", fields={"quota": (2, 9)}, current=read_box("a", quota=2)), result), minutes=1)
    write(tmp_path, (change("delete"), result), minutes=2)
    known = read_inventory(tmp_path).resource("mail1", "mailbox", A)
    assert known is not None
    assert (known.exists, dict(known.fields)) == (True, {"quota": 2})


def test_a_success_that_the_final_read_reversed_is_not_known(tmp_path: Path) -> None:
    write(tmp_path, (change("update", fields={"quota": (1, 2)}), Result.APPLIED))
    journal = FileJournal(tmp_path, tool="t", clock=lambda: NOON + timedelta(minutes=1))
    made = change("update", fields={"quota": (2, 9)}, current=read_box("a", quota=2))
    gone = change("delete", name="b")
    for one in (made, gone):
        journal.intent("mail1", one)
        for result in (Result.APPLIED, Result.FAILED):
            journal.outcome(
                "mail1", Outcome(change=one, result=result, detail="" if result is Result.APPLIED else "no")
            )
    journal.close(converged=False)
    found = read_inventory(tmp_path)
    known = found.resource("mail1", "mailbox", A)
    assert known is not None
    assert (known.exists, dict(known.fields)) == (True, {"quota": 2})
    assert found.resource("mail1", "mailbox", "b@example.com") is None
    assert count_steps(read_run(journal.path)) == {"failed": 2}


def test_a_change_already_in_place_is_known_but_sets_no_password(tmp_path: Path) -> None:
    password = FieldChange(name="password", secret=SecretRef("env", "PW", version=4))
    one = Change(action="create", kind="mailbox", domain="example.com", name="a", fields=(password,))
    write(tmp_path, (one, Result.SKIPPED))
    found = read_inventory(tmp_path)
    known = found.resource("mail1", "mailbox", A)
    assert known is not None
    assert known.exists
    assert found.password_versions == {}


def test_the_last_record_of_protection_counts_even_if_it_is_empty(tmp_path: Path) -> None:
    for minutes, names in enumerate((["boss", "archive"], ["boss"], [])):
        journal = FileJournal(tmp_path, tool="t", clock=lambda m=minutes: NOON + timedelta(minutes=m))
        journal.protected("mail1", "example.com", names)
        found = read_inventory(tmp_path)
        assert found.protected("mail1", "example.com") == (frozenset(names), journal.run)
        assert found.protected("mail1", "other.example") is None


def test_a_new_server_name_lifts_no_protection_until_a_run_on_it_records_one(tmp_path: Path) -> None:
    def told(server: str, milliseconds: int, names: list[str]) -> tuple[frozenset[str], str]:
        moment = NOON + timedelta(milliseconds=milliseconds)  # within a second the names of the runs tell no order
        journal = FileJournal(tmp_path, tool="t", clock=lambda: moment)
        journal.protected(server, "example.com", names)
        return frozenset(names), journal.run

    told("mail2", 0, ["boss"])
    told("mail1", 1, ["boss"])
    last = told("mail2", 2, ["carol"])
    assert read_inventory(tmp_path).protected("mail3", "example.com") == last
    assert read_inventory(tmp_path).protected("mail3", "other.example") is None
    own = told("mail3", 3, [])
    assert read_inventory(tmp_path).protected("mail3", "example.com") == own


def test_the_state_of_an_interrupted_run_is_not_used_for_the_next(tmp_path: Path) -> None:
    write(tmp_path, (change("update", fields={"quota": (1, 2)}, current=read_box("a", mapi=True)), None))
    write(tmp_path, (change("update", fields={"quota": (1, 2)}), Result.APPLIED), minutes=1)
    known = read_inventory(tmp_path).resource("mail1", "mailbox", A)
    assert known is not None
    assert dict(known.fields) == {"quota": 2}


@settings(max_examples=150, deadline=None)
@given(
    record=st.dictionaries(
        st.sampled_from(["event", "server", "domain", "change", "result", "state", "names", "passwordSet"]),
        st.one_of(
            st.sampled_from(["intent", "outcome", "protected", "start", "applied", "mailbox"]),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text(max_size=3),
                lambda s: (
                    st.lists(s, max_size=2)
                    | st.dictionaries(st.sampled_from(["kind", "address", "fields", "action", "after"]), s, max_size=3)
                ),
                max_leaves=5,
            ),
        ),
    )
)
def test_any_line_is_accepted_or_reported_as_damaged(record: dict[str, Any], tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("j")
    (folder / "x.jsonl").write_text(json.dumps(record) + "\n{}\n")
    try:
        read_inventory(folder)
    except ReconcilerError as e:
        assert "x.jsonl:1: the journal is damaged" in e.message
