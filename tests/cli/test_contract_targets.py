"""`--target` and `--set-password`: unknown names are refused, and changes outside the selection are counted."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.sandbox import Sandbox

Make = Callable[..., Any]
Run = Callable[..., Any]


@pytest.fixture
def two(sandbox: Sandbox, workspace: Make) -> Any:
    """A workspace whose plan creates two mailboxes."""
    made = workspace(sandbox.endpoint)
    made.domain("example.com", "mailboxes: {bob: {}, carl: {}}\nremoved: {mailboxes: [ghost]}\n")
    return made


@pytest.mark.parametrize(
    "target", ["mailbox:bbo@example.com", "alias:bob@example.com", "mailbox:bob@other.example", "domainAlias:x.example"]
)
def test_an_unknown_target_is_refused(two: Any, inside: Run, target: str) -> None:
    done = inside(two, "plan", "--target", target)
    assert done.code == 4
    assert f"--target {target}" in done.out
    done = inside(two, "apply", "--yes", "--target", target, "--target", "mailbox:bob@example.com")
    assert done.code == 4
    assert inside(two, "plan").out.count("+ mailbox") == 2


@pytest.mark.parametrize("target", ["mailbox:BOB@example.com", "mailbox:ghost@Example.COM"])
def test_a_declared_target_without_changes_is_accepted(two: Any, inside: Run, target: str) -> None:
    assert inside(two, "apply", "--yes").code == 0
    assert inside(two, "plan", "--target", target).code == 0


def test_the_plan_counts_the_changes_that_target_leaves_out(two: Any, inside: Run) -> None:
    done = inside(two, "plan", "--target", "mailbox:bob@example.com")
    assert "1 change left out by --target" in _flat(done.out)
    done = inside(two, "plan", "--target", "mailbox:ghost@example.com")
    assert "2 changes left out by --target" in _flat(done.out)
    assert "as declared" not in done.out
    assert (
        "2 changes left out by --target"
        in inside(two, "plan", "--format", "markdown", "--target", "mailbox:ghost@example.com").out
    )


def test_apply_with_target_reports_convergence_only_if_no_change_is_left_out(two: Any, inside: Run) -> None:
    done = inside(
        two, "apply", "--yes", "--target", "mailbox:bob@example.com", "--format", "text", "--format", "json=a.json"
    )
    assert done.code == 0, done.out
    assert "converged" not in done.out
    assert "1 change left out by --target" in done.out.splitlines()[-1]
    assert json.loads((two.root / "a.json").read_text("utf-8"))["converged"] is False
    done = inside(two, "apply", "--yes", "--target", "mailbox:carl@example.com")
    assert done.code == 0
    assert "converged" in done.out


@pytest.mark.parametrize("name", ["nobody@example.com", "bob@example.com", "ghost@example.com"])
def test_set_password_refuses_a_mailbox_without_a_password_reference(two: Any, inside: Run, name: str) -> None:
    done = inside(two, "apply", "--yes", "--set-password", name)
    assert done.code == 4
    assert f"--set-password {name}" in done.out
    assert inside(two, "plan").out.count("+ mailbox") == 2


def test_set_password_rejects_a_name_without_a_domain(two: Any, inside: Run) -> None:
    assert inside(two, "plan", "--set-password", "bob").code == 64


def _flat(text: str) -> str:
    """The text without line breaks."""
    return " ".join(text.split())
