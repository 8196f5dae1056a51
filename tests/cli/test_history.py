"""`history` lists, shows and verifies the journals."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.engine.journal import writer as journal
from reconciler.sandbox import Sandbox

Make = Callable[..., Any]
Inside = Callable[..., Any]


@pytest.fixture
def two_runs(sandbox: Sandbox, workspace: Make, inside: Inside) -> tuple[Any, list[Path]]:
    """A workspace with two runs and their journals, oldest first."""
    w = workspace(sandbox.endpoint)
    folder = w.root / ".reconciler" / "journal"
    made: list[Path] = []
    for body in ("mailboxes: {bob: {quota: 1 GiB}}\n", "mailboxes: {bob: {quota: 2 GiB}, eve: {}}\n"):
        w.domain("example.com", body)
        assert inside(w, "apply", "--yes", GITHUB_ACTOR="octo\x1b[31mcat").code == 0
        made += [p for p in folder.glob("*.jsonl") if p not in made]
    return w, made


def test_runs_are_listed_newest_first_in_80_columns_with_control_characters_escaped(
    two_runs: Any, inside: Inside
) -> None:
    w, (first, second) = two_runs
    done = inside(w, "history")
    assert done.code == 0
    assert done.out.index(second.stem) < done.out.index(first.stem)
    assert "2 applied" in done.out
    assert "converged" in done.out
    assert "octo\\u{1b}[31mcat" in done.out
    assert "\x1b" not in done.out
    assert all(len(line) <= 80 for line in done.out.splitlines())


def test_one_run_is_shown_with_its_changes_and_their_results(two_runs: Any, inside: Inside) -> None:
    w, (_, second) = two_runs
    done = inside(w, "history", "last")
    assert done.out == inside(w, "history", second.stem).out
    assert "~ mailbox bob@example.com  applied" in done.out
    assert "quota: 1 GiB -> 2 GiB" in done.out
    assert "+ mailbox eve@example.com  applied" in done.out
    assert "password: set" in done.out
    assert inside(w, "history", "nope").code == 64


def test_the_json_lists_runs_oldest_first_and_changes_only_for_the_requested_run(two_runs: Any, inside: Inside) -> None:
    w, (first, second) = two_runs
    document = json.loads(inside(w, "history", "--format", "json").out)
    assert document["formatVersion"] == 1
    assert [r["run"] for r in document["runs"]] == [first.stem, second.stem]
    assert [(r["end"], r["chain"], r["counts"]) for r in document["runs"]] == [
        ("converged", "ok", {"applied": 1}),
        ("converged", "ok", {"applied": 2}),
    ]
    assert "changes" not in document["runs"][0]
    (one,) = json.loads(inside(w, "history", "last", "--format", "json").out)["runs"]
    bob = next(c for c in one["changes"] if c["address"] == "bob@example.com")
    assert bob["fields"] == {"quota": {"before": 1 << 30, "after": 2 << 30}}
    assert (bob["action"], bob["result"]) == ("update", "applied")


def test_verify_detects_edited_removed_and_reordered_lines_and_reports_file_and_line(
    two_runs: Any, inside: Inside
) -> None:
    w, (first, second) = two_runs
    sound = inside(w, "history", "--verify")
    assert sound.code == 0
    assert "2 of 2 journals are unchanged." in sound.err
    rows = second.read_bytes().splitlines(keepends=True)
    for damaged in (
        [*rows[:2], *rows[3:]],
        [rows[0], rows[2], rows[1], *rows[3:]],
        [rows[0], rows[1].replace(b"2147", b"2148"), *rows[2:]],
    ):
        second.write_bytes(b"".join(damaged))
        done = inside(w, "history", "--verify")
        assert done.code == 1
        assert f"error: {second}:" in done.err
        assert str(first) not in done.err
        assert "the journal was modified after it was written" in " ".join(done.out.split())
        assert inside(w, "history").code == 0


def test_an_interrupted_run_is_reported_as_interrupted(two_runs: Any, inside: Inside) -> None:
    w, (_, second) = two_runs
    rows = second.read_bytes().splitlines(keepends=True)
    second.write_bytes(b"".join(rows[:2]) + rows[2][:30])
    done = inside(w, "history", "last", "--verify")
    assert done.code == 0, done.err
    assert "interrupted, or still in progress" in done.out
    assert "1 interrupted" in done.out
    assert "result unknown: the run did not write it" in done.out


def test_history_works_in_a_workspace_with_invalid_files(two_runs: Any, inside: Inside) -> None:
    w, _ = two_runs
    w.domain("example.com", "mailboxes: {bob: {quotta: 1}}\n")
    assert inside(w, "history", "--verify").code == 0


def test_history_without_any_run_reports_that_no_run_is_journalled(
    sandbox: Sandbox, workspace: Make, inside: Inside
) -> None:
    w = workspace(sandbox.endpoint)
    done = inside(w, "history", "--verify")
    assert (done.code, done.out) == (0, "The journal contains no runs.\n")
    assert json.loads(inside(w, "history", "--format", "json").out)["runs"] == []


def test_runs_stay_in_order_if_the_clock_is_set_back(
    sandbox: Sandbox, workspace: Make, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a password with a raised version would count as unset, and `last` would name an earlier run."""
    made = workspace(sandbox.endpoint)
    shift = timedelta()

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + shift

    monkeypatch.setattr(journal, "datetime", Clock)
    folder, runs = made.root / ".reconciler" / "journal", []
    for version, shift in enumerate((timedelta(), timedelta(hours=-1), timedelta(hours=-2)), 1):  # noqa: B007 - the clock reads it
        made.domain("example.com", f"mailboxes: {{a: {{password: {{env: PW, version: {version}}}}}}}\n")
        done = inside(made, "apply", "--yes", PW=f"Better-{version}-Horse!")
        assert (done.code, "converged" in done.out) == (0, True), done.out + done.err
        runs += [p.stem for p in folder.glob("*.jsonl") if p.stem not in runs]
    assert runs == sorted(runs, reverse=True), "the run ids follow the clock"
    assert inside(made, "plan", "--detailed-exitcode").code == 0, "the last version counts as set"
    listed = inside(made, "history").out
    assert sorted(runs, key=listed.index) == runs[::-1], "newest first"
    assert runs[2] in inside(made, "history", "last").out
    assert inside(made, "history", "--verify").code == 0
