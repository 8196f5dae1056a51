"""The contract of the command line: options in the environment, output files, hints, saved plans."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import reconciler
from reconciler.cli.main import COMMANDS
from reconciler.sandbox import Sandbox

Make = Callable[..., Any]
Run = Callable[..., Any]


@pytest.fixture
def two(sandbox: Sandbox, workspace: Make) -> Any:
    """A workspace whose plan creates two mailboxes."""
    made = workspace(sandbox.endpoint)
    made.domain("example.com", "mailboxes: {bob: {}, carl: {}}\n")
    return made


def test_repeatable_options_can_be_set_in_the_environment(two: Any, inside: Run) -> None:
    done = inside(two, "plan", RECONCILER_PLAN_FORMAT="json")
    assert json.loads(done.out)["summary"]["create"] == 2
    done = inside(two, "plan", RECONCILER_PLAN_TARGET="mailbox:bob@example.com")
    assert "bob@example.com" in done.out
    assert "carl@example.com" not in done.out
    done = inside(two, "plan", RECONCILER_PLAN_FORMAT="json=p.json text")
    assert "+ mailbox bob@example.com" in done.out
    assert json.loads((two.root / "p.json").read_text("utf-8"))["summary"]["create"] == 2


def test_an_environment_variable_sets_the_saved_plan(two: Any, inside: Run) -> None:
    assert inside(two, "plan", "--save", "p.plan").code == 0
    two.domain("example.com", "mailboxes: {bob: {}}\n")
    done = inside(two, "apply", "--yes", RECONCILER_APPLY_PLAN="p.plan")
    assert done.code == 4
    assert "other files" in done.err


@pytest.mark.parametrize("words", [("plan", "--format", "json=no/p.json"), ("plan", "--save", "no/p.plan")])
def test_an_unwritable_output_file_is_reported_before_any_request(
    two: Any, inside: Run, words: tuple[str, ...]
) -> None:
    done = inside(two, *words, SMARTERMAIL_PASSWORD="wrong")
    assert done.code == 64
    assert "no/p." in done.err
    assert done.out == ""


def test_a_full_disk_gives_an_error_without_a_traceback(two: Any, inside: Run) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this platform has no /dev/full")
    done = inside(two, "plan", "--format", "json=/dev/full")
    assert done.code == 1
    assert "/dev/full cannot be written" in done.err


def test_hints_name_only_existing_commands() -> None:
    named: dict[str, str] = {}
    for file in Path(reconciler.__file__).parent.rglob("*.py"):
        for word in re.findall(r"`reconciler ([a-z]+)", file.read_text("utf-8")):
            named.setdefault(word, file.name)
    assert named.keys() >= {"plan", "init"}
    assert {word: file for word, file in named.items() if word not in COMMANDS} == {}


@pytest.mark.parametrize(
    "words", [("--prune",), ("--allow-deletions", "0"), ("--target", "mailbox:bob@example.com"), ("example.com",)]
)
def test_apply_rejects_options_that_would_change_a_saved_plan(two: Any, inside: Run, words: tuple[str, ...]) -> None:
    assert inside(two, "plan", "--save", "p.plan").code == 0
    done = inside(two, "apply", "--yes", "--plan", "p.plan", *words)
    assert done.code == 64, done.err
    assert "saved plan" in done.err
    assert inside(two, "plan", "--detailed-exitcode").code == 2


@pytest.mark.parametrize(
    "change",
    [
        {"domains": []},
        {"asked": []},
        {"workspace": None},
        {"salt": "00" * 16},
        {"formatVersion": 1},
        {"formatVersion": 3},
        {"kind": "Plan"},
    ],
    ids=str,
)
def test_a_damaged_saved_plan_is_refused(two: Any, inside: Run, change: dict[str, object]) -> None:
    assert inside(two, "plan", "--save", "p.plan").code == 0
    file = two.root / "p.plan"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **change}), "utf-8")
    done = inside(two, "apply", "--yes", "--plan", "p.plan")
    assert done.code == 4, done.out
    assert "p.plan" in done.err
    assert "converged" not in done.out
    assert inside(two, "plan", "--detailed-exitcode").code == 2


def test_an_incomplete_plan_is_not_saved_and_keeps_its_exit_code(two: Any, inside: Run, sandbox: Sandbox) -> None:
    done = inside(two, "plan", "--save", "p.plan", "--allow-deletions", "7")
    assert done.code == 4
    assert "was not saved" in done.err
    done = inside(two, "plan", "--save", "p.plan", SMARTERMAIL_PASSWORD="wrong-password")
    assert done.code == 6
    assert "was not saved" in done.err
    assert not (two.root / "p.plan").exists()


def test_file_patterns_are_relative_to_the_working_directory(two: Any, inside: Run) -> None:
    above = two.root.parent
    for word, cwd in ((f"{two.root.name}/domains/*.yaml", above), ("*.com.yaml", two.root / "domains")):
        done = inside(two, "-w", str(two.root), "validate", word, cwd=cwd)
        assert (done.code, done.out) == (0, "1 domain file is valid.\n"), done.err
