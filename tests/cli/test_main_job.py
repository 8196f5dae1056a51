"""The main workflow of the installed program against the HTTP sandbox."""

import json
import re
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from reconciler.app.data import data_folder
from reconciler.sandbox import Sandbox

Make = Callable[..., Any]

EVERYTHING = """\
mailboxes:
  alice:
    displayName: Alice Martin
    quota: 5 GiB
    password: {env: ALICE_PASSWORD}
    enabled: true
    forwarding: {to: [alice@elsewhere.example], keepCopy: true}
    eas: true
    mapi: false
    protect: true
  bob: {}
aliases:
  sales:
    displayName: Sales team
    to: [alice, bob, partner@elsewhere.example]
    allowSending: false
    hideFromGal: false
    internalOnly: false
  info: [alice]
domainAliases: [example.ca]
removed:
  mailboxes: [carol]
  aliases: [old-sales]
"""
PASSWORD = "Lighthouse-42-keeper"


def schema(name: str) -> Any:
    return json.loads((data_folder("schemas") / f"{name}.schema.json").read_text("utf-8"))


@pytest.mark.parametrize("role", ["admin", "customer"])
def test_apply_creates_the_declared_resources_and_a_second_plan_is_empty(
    sandbox: Sandbox, workspace: Make, role: str
) -> None:
    sandbox.zones.set_zone("example.ca", "@ 300 IN MX 10 mail1.example.net.\n")
    w = workspace(sandbox.endpoint, role=role)
    w.domain("example.com", EVERYTHING)
    assert w.run("validate").returncode == 0
    before = w.run("plan", "--detailed-exitcode")
    assert before.returncode == 2, before.stderr
    assert "+ mailbox alice@example.com" in before.stdout
    applied = w.run("apply", "--yes", ALICE_PASSWORD=PASSWORD)
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert "converged" in applied.stdout
    after = w.run("plan", "--detailed-exitcode")
    assert after.returncode == 0, after.stdout
    assert "No changes" in after.stdout


def test_apply_sets_the_referenced_password_and_never_prints_it(sandbox: Sandbox, workspace: Make) -> None:
    import urllib.request

    w = workspace(sandbox.endpoint)
    w.domain("example.com", EVERYTHING)
    done = w.run("-v", "-v", "apply", "--yes", ALICE_PASSWORD=PASSWORD)
    assert done.returncode == 0
    assert PASSWORD not in done.stdout + done.stderr
    for file in (w.root / ".reconciler").rglob("*"):
        if file.is_file():
            assert PASSWORD not in file.read_text("utf-8"), file
    request = urllib.request.Request(
        f"{sandbox.endpoint.url}/api/v1/auth/authenticate-user",
        data=json.dumps({"username": "alice@example.com", "password": PASSWORD}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["success"]


def test_a_generated_password_is_delivered_once_in_a_file_that_only_the_owner_can_read(
    sandbox: Sandbox, workspace: Make
) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {bob: {}}\n")
    done = w.run("apply", "--yes")
    assert done.returncode == 0, done.stderr
    (file,) = (w.root / ".reconciler" / "passwords").glob("*.jsonl")
    assert file.stat().st_mode & 0o777 == 0o600
    assert str(file) in done.stderr
    delivered = json.loads(file.read_text("utf-8"))
    assert delivered["address"] == "bob@example.com"
    assert delivered["password"] not in done.stdout + done.stderr


def test_apply_without_a_terminal_and_without_yes_changes_nothing(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {bob: {}}\n")
    done = w.run("apply")
    assert done.returncode == 4
    assert "--yes" in done.stderr
    assert w.run("plan", "--detailed-exitcode").returncode == 2


def test_invalid_files_give_exit_code_3_before_any_request(workspace: Make, sandbox: Sandbox) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes:\n  alice: {quotta: 1 GiB}\n")
    for command in ("validate", "plan", "apply", "drift"):
        done = w.run(command)
        assert done.returncode == 3, command
        assert re.search(
            r"domains/example\.com\.yaml:7:11: error: .*quotta[^\n]*\n.*quota", done.stdout + done.stderr
        ), done
    assert sandbox.endpoint.url  # The sandbox still runs.


def test_an_unreachable_server_gives_exit_code_6(workspace: Make, sandbox: Sandbox) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {bob: {}}\n")
    sandbox.stop()
    done = w.run("plan")
    assert done.returncode == 6
    assert "example.com" in done.stdout


def test_a_wrong_password_gives_exit_code_6(workspace: Make, sandbox: Sandbox) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {bob: {}}\n")
    w.domain("second.example", "mailboxes: {bob: {}}\n")
    done = w.run("plan", SMARTERMAIL_PASSWORD="wrong-password")
    assert done.returncode == 6
    assert "wrong-password" not in done.stdout + done.stderr


def test_drift_is_detected_and_apply_fixes_it(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {bob: {quota: 1 GiB}}\n")
    assert w.run("apply", "--yes").returncode == 0
    assert w.run("drift").returncode == 0
    w.domain("example.com", "mailboxes: {bob: {quota: 2 GiB}}\n")
    found = w.run("drift")
    assert found.returncode == 2
    assert "quota: 1 GiB -> 2 GiB" in found.stdout
    assert w.run("apply", "--yes").returncode == 0
    assert w.run("drift").returncode == 0


def test_undeclared_resources_are_kept_and_only_removed_deletes_them(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {bob: {}, carol: {}}\naliases: {both: [bob, carol]}\n")
    assert w.run("apply", "--yes").returncode == 0
    w.domain("example.com", "mailboxes: {bob: {}}\naliases: {both: [bob]}\n")
    left = w.run("apply", "--yes")
    assert left.returncode == 0
    assert "1 unmanaged" in w.run("plan").stdout
    w.domain("example.com", "mailboxes: {bob: {}}\naliases: {both: [bob]}\nremoved: {mailboxes: [carol]}\n")
    plan = w.run("plan", "--detailed-exitcode")
    assert "- mailbox carol@example.com" in plan.stdout
    assert w.run("apply", "--yes").returncode == 0
    assert "unmanaged" not in w.run("plan").stdout.replace("0 unmanaged", "")


def test_deleting_a_protected_mailbox_gives_exit_code_4_and_changes_nothing(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint, policy="{protect: ['*-archive']}")
    w.domain("example.com", "mailboxes: {bob: {}, 2025-archive: {}}\n")
    assert w.run("apply", "--yes").returncode == 0
    w.domain("example.com", "mailboxes: {dora: {}}\nremoved: {mailboxes: [2025-archive]}\n")
    done = w.run("apply", "--yes")
    assert done.returncode == 4
    assert "GRD001" in done.stdout + done.stderr
    assert "dora" not in w.run("plan", "--format", "json").stdout.split('"unmanaged"')[0].split('"changes"')[0]
    assert w.run("plan").returncode == 4


def test_the_json_plan_matches_its_schema_and_is_reproducible(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", EVERYTHING)
    first = w.run("plan", "--format", "json", SOURCE_DATE_EPOCH="1767225600")
    second = w.run("plan", "--format", "json", SOURCE_DATE_EPOCH="1767225600")
    assert first.stdout == second.stdout
    document = json.loads(first.stdout)
    jsonschema.validate(document, schema("plan"))
    assert document["summary"]["create"] == 5
    alice = next(c for c in document["domains"][0]["changes"] if c["address"] == "alice@example.com")
    assert alice["fields"]["quota"] == {"after": 5 << 30}
    assert alice["fields"]["password"] == {"sensitive": True}
    assert alice["source"]["file"] == "domains/example.com.yaml"


def test_a_saved_plan_is_applied_once_and_refused_after_the_files_change(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {bob: {quota: 1 GiB}}\n")
    assert w.run("plan", "--save", "approved.plan").returncode == 0
    assert w.run("apply", "--plan", "approved.plan", "--yes").returncode == 0
    again = w.run("apply", "--plan", "approved.plan", "--yes")
    assert again.returncode == 0
    assert "already" in again.stdout
    w.domain("example.com", "mailboxes: {bob: {quota: 2 GiB}}\n")
    edited = w.run("apply", "--plan", "approved.plan", "--yes")
    assert edited.returncode == 4
    assert "other files" in edited.stderr


def test_the_json_of_apply_has_the_result_of_each_change(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {bob: {}}\n")
    document = json.loads(w.run("apply", "--yes", "--format", "json").stdout)
    assert document["converged"] is True
    (outcome,) = document["outcomes"][0]["changes"]
    assert (outcome["address"], outcome["result"]) == ("bob@example.com", "applied")


def test_a_rename_keeps_the_mailbox(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {robert: {displayName: Robert}}\n")
    assert w.run("apply", "--yes").returncode == 0
    w.domain("example.com", "mailboxes: {bob: {displayName: Bob}}\nrenamed: {mailboxes: {robert: bob}}\n")
    plan = w.run("plan")
    assert "> mailbox robert@example.com" in plan.stdout
    done = w.run("apply", "--yes")
    assert done.returncode == 0, done.stdout
    again = w.run("plan", "--detailed-exitcode")
    assert again.returncode == 0, again.stdout
    assert "unmanaged" not in again.stdout.replace("0 unmanaged", "")


def test_raising_the_version_of_a_password_sets_it_again(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {bob: {password: {env: BOB}}}\n")
    assert w.run("apply", "--yes", BOB="First-Secret-11!").returncode == 0
    w.domain("example.com", "mailboxes: {bob: {password: {env: BOB, version: 2}}}\n")
    plan = w.run("plan", "--detailed-exitcode")
    assert plan.returncode == 2
    assert "password" in plan.stdout
    assert w.run("apply", "--yes", BOB="Second-Secret-22!").returncode == 0
    assert w.run("plan", "--detailed-exitcode").returncode == 0


def test_a_missing_password_fails_only_its_mailbox_and_the_dependent_changes(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint)
    w.domain(
        "example.com", "mailboxes: {alice: {password: {env: NOT_SET}}, bob: {}}\naliases: {a: [alice], b: [bob]}\n"
    )
    done = w.run("apply", "--yes")
    assert done.returncode == 5, done.stderr
    assert "NOT_SET" in done.stdout
    left = w.run("plan", "--format", "json")
    addresses = {c["address"] for c in json.loads(left.stdout)["domains"][0]["changes"]}
    assert addresses == {"alice@example.com", "a@example.com"}


def test_double_verbose_logs_each_request_without_its_body(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {bob: {}}\n")
    log = w.run("plan", "-vv").stderr
    assert "settings/domain/list-users" in log
    assert sandbox.endpoint.password not in log
    assert "list-users" not in w.run("plan", "-v").stderr
