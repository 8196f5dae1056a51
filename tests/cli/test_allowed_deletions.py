"""`--allow-deletions N`: one rule for every command that makes or applies a plan."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.sandbox import Sandbox

Make = Callable[..., Any]
Inside = Callable[..., Any]

THREE = "mailboxes: {alice: {}, bob: {}, carol: {}}\n"
ONE = "mailboxes: {alice: {}}\nremoved: {mailboxes: [bob, carol]}\n"


@pytest.fixture
def two_deletions(sandbox: Sandbox, workspace: Make, inside: Inside) -> Any:
    """A workspace whose plan, and whose rollback of the last run, delete bob and carol; the policy allows one."""
    made = workspace(sandbox.endpoint, policy="{maxDeletions: {count: 1, percent: 100}}")
    made.domain("example.com", "mailboxes: {alice: {}}\n")
    assert inside(made, "apply", "--yes").code == 0
    made.domain("example.com", THREE)
    assert inside(made, "apply", "--yes").code == 0
    made.domain("example.com", ONE)
    return made


def planned(place: Any, inside: Inside, *number: str) -> Any:
    return inside(place, "plan", *number)


def applied(place: Any, inside: Inside, *number: str) -> Any:
    return inside(place, "apply", "--yes", *number)


def rolled_back(place: Any, inside: Inside, *number: str) -> Any:
    return inside(place, "rollback", "last", *number)


def saved_and_applied(place: Any, inside: Inside, *number: str) -> Any:
    """Applies a saved plan that records this number of allowed deletions and has correct digests."""
    from reconciler.app.saved.plan_file import _integrity, _written

    done = inside(place, "plan", "--save", "p.plan", "--allow-deletions", "2")
    assert done.code == 0, done.out + done.err
    path = place.root / "p.plan"
    data = json.loads(path.read_text("utf-8"))
    data["asked"]["allowDeletions"] = int(number[1]) if number else None
    path.write_text(_written({**data, "integrity": _integrity(data)}), "ascii")
    return inside(place, "apply", "--yes", "--plan", "p.plan")


@pytest.mark.parametrize("command", [planned, applied, rolled_back, saved_and_applied])
@pytest.mark.parametrize(
    ("number", "code", "refusal"),
    [
        ((), 4, "GRD002"),
        (("--allow-deletions", "1"), 4, "GRD004"),
        (("--allow-deletions", "2"), 0, ""),
        (("--allow-deletions", "3"), 4, "GRD004"),
    ],
)
def test_only_the_exact_number_of_deletions_is_accepted(
    two_deletions: Any, inside: Inside, command: Callable[..., Any], number: tuple[str, ...], code: int, refusal: str
) -> None:
    done = command(two_deletions, inside, *number)
    assert done.code == code, done.out + done.err
    assert {found for found in ("GRD002", "GRD004") if found in done.out} == ({refusal} if refusal else set())
