"""`rollback RUN`: the reversal of a run as a plan, saved and applied like any other, against a running server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import Sandbox

Make = Callable[..., Any]
Inside = Callable[..., Any]

BEFORE = """\
mailboxes:
  alice: {displayName: Alice, quota: 1 GiB, enabled: true, forwarding: {to: [x@second.example], keepCopy: true}}
  bob: {quota: 1 GiB, enabled: true}
  old: {displayName: Old, quota: 2 GiB, enabled: true, forwarding: {to: [bob@example.com], keepCopy: true}}
  rob: {displayName: Rob, quota: 1 GiB}
aliases:
  sales: {to: [alice@example.com, bob@example.com], allowSending: true, internalOnly: false}
  gone: {to: [alice@example.com], displayName: Gone, allowSending: true, hideFromGal: true, internalOnly: true}
domainAliases: [sister.example]
"""
AFTER = """\
mailboxes:
  alice: {displayName: Alicia, quota: 3 GiB, enabled: true, forwarding: {to: [bob@example.com], keepCopy: false}}
  bob: {quota: 1 GiB, enabled: false}
  robert: {displayName: Robert, quota: 1 GiB}
  carol: {quota: 1 GiB}
aliases:
  sales: {to: [carol@example.com], allowSending: false, internalOnly: true}
  team: {to: [carol@example.com]}
domainAliases: [brother.example]
removed:
  mailboxes: [old]
  aliases: [gone]
  domainAliases: [sister.example]
renamed:
  mailboxes: {rob: robert}
"""


@pytest.fixture
def applied(sandbox: Sandbox, workspace: Make, inside: Inside) -> Any:
    """A workspace to which two versions of its files were applied."""
    w = workspace(sandbox.endpoint, policy="{maxDeletions: {count: 9, percent: 100}, externalForwarding: allow}")
    for body in (BEFORE, AFTER):
        w.domain("example.com", body)
        done = inside(w, "apply", "--yes")
        assert done.code == 0, done.out + done.err
    return w


def runs(w: Any) -> list[Path]:
    """The journals of the workspace, oldest first."""
    return sorted(
        (w.root / ".reconciler" / "journal").glob("*.jsonl"), key=lambda p: p.read_text("utf-8").split('"time": ')[1]
    )


def test_a_saved_and_applied_rollback_restores_the_state_before_the_run(applied: Any, inside: Inside) -> None:
    w = applied
    back = inside(w, "rollback", "last", "--save", "back.plan", "--detailed-exitcode", "--format", "json")
    assert back.code == 2, back.out + back.err
    (domain,) = json.loads(back.out)["domains"]
    assert {c["reason"] for c in domain["changes"]} == {"rolled back"}
    assert sorted((c["action"], c["address"]) for c in domain["changes"] if c["action"] != "update") == [
        ("create", "gone@example.com"),
        ("create", "old@example.com"),
        ("create", "sister.example"),
        ("delete", "brother.example"),
        ("delete", "carol@example.com"),
        ("delete", "team@example.com"),
        ("rename", "robert@example.com"),
    ]
    messages = [d["message"] for d in domain["diagnostics"] if d["code"] == "RBK001"]
    assert any("mailbox old@example.com was deleted: its mail" in text for text in messages)
    assert "git revert" in back.err
    assert "RBK" not in (w.root / "back.plan").read_text("utf-8")
    done = inside(w, "apply", "--plan", "back.plan", "--yes")
    assert done.code == 0, done.out + done.err
    w.domain("example.com", BEFORE)
    plan = inside(w, "plan", "--detailed-exitcode")
    assert plan.code == 0, plan.out
    again = inside(w, "rollback", runs(w)[1].stem, "--detailed-exitcode")
    assert again.code == 0, again.out


def test_a_rollback_can_be_rolled_back(applied: Any, inside: Inside) -> None:
    w = applied
    assert inside(w, "rollback", "last", "--save", "a.plan").code == 0
    assert inside(w, "apply", "--plan", "a.plan", "--yes").code == 0
    assert inside(w, "rollback", "last", "--save", "b.plan").code == 0
    done = inside(w, "apply", "--plan", "b.plan", "--yes")
    assert done.code == 0, done.out + done.err
    plan = inside(w, "plan", "--detailed-exitcode")
    assert plan.code == 0, plan.out


def test_a_rollback_skips_and_names_objects_that_changed_since_the_run(applied: Any, inside: Inside) -> None:
    w = applied
    w.domain(
        "example.com",
        AFTER.replace("quota: 3 GiB", "quota: 4 GiB").replace("carol: {quota: 1 GiB}", "carol: {quota: 2 GiB}"),
    )
    assert inside(w, "apply", "--yes").code == 0
    back = inside(w, "rollback", runs(w)[1].stem)
    assert "mailbox alice@example.com stays unchanged: changed since the run: quota" in " ".join(back.out.split())
    assert "mailbox carol@example.com stays unchanged: run" in " ".join(back.out.split())
    assert "delete mailbox carol" not in back.out
    assert "rename" in back.out


def test_the_guards_apply_to_a_rollback(applied: Any, inside: Inside) -> None:
    w = applied
    w.domain("example.com", AFTER.replace("carol: {quota: 1 GiB}", "carol: {quota: 1 GiB, protect: true}"))
    back = inside(w, "rollback", "last", "--save", "no.plan")
    assert back.code == 4, back.out
    assert "GRD010" in back.out
    assert "in the files" in " ".join(back.out.split())
    assert "was not saved" in back.err
    assert not (w.root / "no.plan").exists()
    counted = inside(w, "rollback", "last", "--allow-deletions", "1")
    assert counted.code == 4
    assert "GRD004" in counted.out


def test_a_rollback_skips_and_names_a_domain_that_is_no_longer_in_the_workspace(applied: Any, inside: Inside) -> None:
    w = applied
    (w.root / "domains" / "example.com.yaml").unlink()
    w.domain("second.example", "mailboxes: {}\n")
    back = inside(w, "rollback", "last", "--save", "no.plan", "--detailed-exitcode")
    assert back.code == 0
    assert "RBK004" in back.err
    assert "is no longer in the workspace" in back.err
    assert not (w.root / "no.plan").exists()


def test_rollback_accepts_a_run_id_a_unique_prefix_or_last(applied: Any, inside: Inside) -> None:
    w = applied
    first, second = (p.stem for p in runs(w))
    assert (
        inside(w, "rollback", second).out == inside(w, "rollback", "last").out == inside(w, "rollback", second[:-1]).out
    )
    both = inside(w, "rollback", first[:8])
    assert both.code == 64
    assert "2 runs begin with" in both.err
    none = inside(w, "rollback", "1999")
    assert none.code == 64
    assert "there is no run '1999'" in none.err
    assert inside(w, "rollback").code == 64


def test_an_edited_journal_is_an_error(applied: Any, inside: Inside) -> None:
    w = applied
    path = runs(w)[1]
    path.write_text(path.read_text("utf-8").replace("Alicia", "Alicja"), "utf-8")
    back = inside(w, "rollback", "last")
    assert back.code == 1
    assert "the journal was changed after its run" in back.err
    assert "history --verify" in back.err


def test_a_rollback_without_any_journal_is_a_usage_error(sandbox: Sandbox, workspace: Make, inside: Inside) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {}\n")
    back = inside(w, "rollback", "last")
    assert back.code == 64
    assert "no run has been journalled" in back.err


def test_an_unreachable_server_gives_exit_code_6_and_nothing_is_saved(applied: Any, inside: Inside) -> None:
    w = applied
    path = w.root / "reconciler.yaml"
    text = path.read_text("utf-8")
    url = text.split("url: ")[1].split("\n")[0]
    path.write_text(text.replace(url, "http://127.0.0.1:9"), "utf-8")
    back = inside(w, "rollback", "last", "--save", "no.plan")
    assert back.code == 6, back.out + back.err
    assert not (w.root / "no.plan").exists()


def test_a_rollback_that_leaves_a_forward_without_a_target_is_refused(
    sandbox: Sandbox, workspace: Make, inside: Inside
) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {carol: {}}\n")
    assert inside(w, "apply", "--yes").code == 0
    run = runs(w)[0].stem
    w.domain("example.com", "mailboxes: {frank: {forwarding: {to: [carol], keepCopy: false}}}\n")
    assert inside(w, "apply", "--yes").code == 0
    back = inside(w, "rollback", run, "--save", "no.plan")
    assert back.code == 4, back.out + back.err
    assert "GRD012" in back.out
    assert "the forward of mailbox frank@example.com would have no target left" in " ".join(back.out.split())
    assert not (w.root / "no.plan").exists()
