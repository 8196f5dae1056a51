"""Password versions from a base commit, and the commands and addresses that a pull request's plan may use."""

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from reconciler.app.plan.base import Base
from reconciler.app.plan.planner import Planner, PlanRequest
from reconciler.app.plan.reading import make_plans
from reconciler.config.workspace import Configuration, load_configuration
from reconciler.core.model import CurrentDomain, Mailbox
from reconciler.core.plan import Outcome, Plan, Result
from reconciler.engine.journal.inventory import Inventory

TODAY = date(2026, 6, 15)
A = ("mail1", "a@example.com")
BOX = Mailbox(name="a", quota=5, enabled=True)
SEEN = CurrentDomain(domain="example.com", mailboxes={"a": BOX}, aliases={}, domain_aliases={})
WORKSPACE = """\
apiVersion: reconciler/v1
kind: Workspace
servers: {{mail1: {{url: "{url}", username: u, password: {password}}}}}
secrets: {{commands: {allowed}}}
"""
DOMAIN = """\
apiVersion: reconciler/v1
kind: Domain
domain: example.com
mailboxes: {{a: {box}}}
"""


def files(
    root: Path, *, box: str = "{}", password: str = "{env: PW}", allowed: str = "true", url: str = "https://127.0.0.1:1"
) -> None:
    texts = {
        "reconciler.yaml": WORKSPACE.format(url=url, password=password, allowed=allowed),
        "domains/example.com.yaml": DOMAIN.format(box=box),
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def config(root: Path, **more: str) -> Configuration:
    files(root, **more)
    return load_configuration(root, here=root, environ={})


def password(version: int) -> str:
    return f"{{password: {{env: PW, version: {version}}}}}"


def planner(
    tmp_path: Path, head: str, base: str, *, applied: bool, known: dict[tuple[str, str], int] | None = None
) -> Planner:
    inventory = Inventory(resources={}, password_versions=known or {}, protections={})
    there = Base(ref="main", config=config(tmp_path / "base", box=base))
    request = PlanRequest(today=TODAY, base="main", base_applied=applied)
    return Planner(config(tmp_path / "head", box=head), request, inventory=inventory, base=there)


def summary_of(plan: Plan) -> tuple[list[str], list[str]]:
    return [f"{c.action} {c.address} {c.password}" for c in plan.changes], [d.code for d in plan.diagnostics]


@pytest.mark.parametrize(
    ("base", "head", "applied", "known", "is_set", "codes"),
    [
        (password(1), password(2), False, None, True, []),
        (password(1), password(2), True, None, True, []),
        (password(2), password(2), False, None, False, ["SEC005"]),
        (password(2), password(2), True, None, False, []),
        (password(3), password(2), True, None, False, []),
        (password(2), password(2), True, 1, True, []),
        (password(1), password(2), False, 2, False, []),
        ("{}", password(2), True, None, False, ["SEC005"]),
    ],
)
def test_without_a_journal_the_base_commit_tells_whether_a_version_was_raised(
    tmp_path: Path, base: str, head: str, applied: bool, known: int | None, is_set: bool, codes: list[str]
) -> None:
    made = planner(tmp_path, head, base, applied=applied, known=known and {A: known})  # type: ignore[arg-type]
    (plan,) = made.all_plans({"example.com": SEEN})
    assert summary_of(plan) == (["update a@example.com env:PW"] if is_set else [], codes)
    if "SEC005" in codes:
        (found,) = plan.diagnostics
        assert "neither a journal nor a base commit shows" in found.message
        assert found.hint == "pass --set-password a@example.com to set it now"


def test_the_plan_after_an_apply_does_not_set_the_password_again(tmp_path: Path) -> None:
    made = planner(tmp_path, password(2), password(1), applied=False)
    (plan,) = made.all_plans({"example.com": SEEN})
    outcomes = [Outcome(change=c, result=Result.APPLIED, detail="", password_set=True) for c in plan.changes]
    again = made.after(plan, outcomes)
    assert summary_of(again.plan(again.selected()[0], SEEN)) == ([], [])


class Quiet:
    def begin(self, title: str, total: int) -> None: ...
    def step(self, text: str) -> None: ...
    def end(self) -> None: ...


def marks(name: str) -> str:
    """A command that creates a file when it runs."""
    return f'{{command: [sh, -c, "touch {name}; echo {name}"]}}'


@pytest.fixture
def plan(repository: Callable[..., Any]) -> Callable[..., tuple[Plan, set[str]]]:
    """Plans a branch compared with `main`; returns the plan and the commands that ran."""

    def made(base: dict[str, str], head: dict[str, str], *, applied: bool = False) -> tuple[Plan, set[str]]:
        repo = repository()
        files(repo.top, **base)
        repo.commit()
        files(repo.top, **head)
        config = load_configuration(repo.top, here=repo.top, environ={})
        assert config.diagnostics == ()
        request = PlanRequest(today=TODAY, base="main", base_applied=applied)
        (plan,) = asyncio.run(make_plans(config, request, Quiet()))
        return plan, {f.name for f in repo.top.iterdir() if f.name.startswith("ran")}

    return made


@pytest.mark.parametrize(
    ("base", "head"),
    [
        ({"allowed": "false"}, {"password": marks("ran")}),
        ({"password": "{env: PW}"}, {"password": marks("ran")}),
        ({"password": marks("ran-before")}, {"password": marks("ran")}),
        ({"password": marks("ran"), "allowed": "false"}, {"password": marks("ran")}),
    ],
    ids=["enabled by the head", "added by the head", "changed by the head", "not allowed in the base"],
)
def test_a_pull_requests_plan_runs_no_command_that_its_base_does_not_run(
    plan: Callable[..., tuple[Plan, set[str]]], base: dict[str, str], head: dict[str, str]
) -> None:
    made, ran = plan(base, head)
    assert ran == set()
    assert not made.complete
    (found,) = [d for d in made.diagnostics if d.code == "SEC007"]
    assert "its credentials is not in `main`" in found.message or "the address" in found.message
    assert str(found.span).endswith("reconciler.yaml:3:11")
    assert "review and merge" in found.hint


@pytest.mark.parametrize("password", ["{env: PW}", marks("ran")], ids=["env", "command"])
@pytest.mark.parametrize("url", ["https://127.0.0.1:2", "no address"], ids=["another address", "base is broken"])
def test_a_pull_requests_plan_sends_credentials_to_no_address_that_its_base_does_not_know(
    plan: Callable[..., tuple[Plan, set[str]]], monkeypatch: pytest.MonkeyPatch, password: str, url: str
) -> None:
    monkeypatch.setenv("PW", "a secret")
    made, ran = plan({"password": password, "url": url}, {"password": password})
    assert ran == set()
    assert not made.complete
    (found,) = [d for d in made.diagnostics if d.severity == "error"]
    assert found.code == "SEC007", "the server is refused before any request"
    assert "the address https://127.0.0.1:1 is not in `main`" in found.message
    assert str(found.span).endswith("reconciler.yaml:3:11")
    assert "review and merge" in found.hint


def test_a_pull_requests_plan_connects_to_an_address_of_its_base(
    plan: Callable[..., tuple[Plan, set[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "a secret")
    made, _ = plan({}, {"box": "{quota: 1 GiB}"})
    assert [d.code for d in made.diagnostics] == ["SRV001"]  # nothing listens there


def test_a_pull_requests_plan_runs_a_command_of_its_base(plan: Callable[..., tuple[Plan, set[str]]]) -> None:
    made, ran = plan({"password": marks("ran")}, {"password": marks("ran"), "box": password(1)})
    assert ran == {"ran"}
    assert [d.code for d in made.diagnostics] == ["SRV001"]  # nothing listens there


def test_with_an_applied_base_a_new_command_runs_because_the_files_are_merged(
    plan: Callable[..., tuple[Plan, set[str]]],
) -> None:
    """`drift --base` runs on merged files, so there is no pull request to distrust."""
    assert plan({}, {"password": marks("ran")}, applied=True)[1] == {"ran"}
