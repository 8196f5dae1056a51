"""`import` over existing files, with `--all`, and of state that a valid file cannot express."""

from collections.abc import Callable
from typing import Any

import httpx

from reconciler.sandbox import Sandbox

Make = Callable[..., Any]
Inside = Callable[..., Any]

SERVER = """\
mailboxes:
  alice: {displayName: "Alice B.", quota: 5 GiB, forwarding: {to: [bob, x@elsewhere.example], keepCopy: true}}
  bob: {enabled: false}
  dave: {quota: 2 GiB, eas: true}
  erin: {}
aliases:
  info: [bob]
  new: {to: [alice], hideFromGal: true}
domainAliases: [example.ca]
"""

EXISTING = """\
# our customer since 2011

mailboxes:
    # the boss
    alice: {displayName: "Alice", protect: true}   # do not touch
    carol: {quota: 1 GiB}
    bob:
        password: {env: BOB_PASSWORD}
        enabled: true
        forwarding:
            to: []
aliases:
    info:   # front desk
    - alice   # mornings
    - bob   # afternoons
removed:
    mailboxes: [erin]
    aliases: [long-gone]
dns: {spf: {primary: "include:other.example"}}
"""


def filled(w: Any, inside: Inside, state: str = SERVER) -> None:
    w.domain("example.com", state)
    done = inside(w, "apply", "--yes")
    assert done.code == 0, done.out + done.err


def test_import_over_an_existing_file_keeps_comments_and_order_and_edits_only_differences(
    sandbox: Sandbox, workspace: Make, inside: Inside
) -> None:
    w = workspace(sandbox.endpoint)
    filled(w, inside)
    w.domain("example.com", EXISTING)
    path = w.root / "domains" / "example.com.yaml"
    head = path.read_text("utf-8").removesuffix(EXISTING)
    done = inside(w, "import", "example.com", BOB_PASSWORD="S3cret-of-his")
    assert done.code == 0, done.err
    assert done.out == "domains/example.com.yaml\n"
    assert path.read_text("utf-8") == head + (
        EXISTING.replace('"Alice"', "Alice B.")
        .replace("    carol: {quota: 1 GiB}\n", "")
        .replace("enabled: true", "enabled: false")
        .replace("to: []\n", "to: []\n    dave:\n        quota: 2 GiB\n        eas: true\n")
        .replace("    - alice   # mornings\n", "")
        .replace("afternoons\n", "afternoons\n    new:\n        to: [alice]\n        hideFromGal: true\n")
    )
    for message in (
        "mailbox alice: displayName Alice -> Alice B.",
        "mailbox carol is not on the server: declaration removed",
        "mailbox dave is new on the server: declared",
        "mailbox erin is still on the server, so it stays under `removed`",
        "domainAliases: not in the file, so not managed; the server has 1",
        "-    carol: {quota: 1 GiB}",
        "+    dave:",
    ):
        assert message in done.err, message
    plan = inside(w, "plan", "--detailed-exitcode", "--allow-deletions", "1", BOB_PASSWORD="S3cret-of-his")
    assert plan.code == 2
    assert [line.split()[:3] for line in plan.out.splitlines() if line.startswith("  - ")] == [
        ["-", "mailbox", "erin@example.com"]
    ]
    before = path.read_bytes()
    again = inside(w, "import", "example.com", BOB_PASSWORD="S3cret-of-his")
    assert (again.code, again.out, path.read_bytes()) == (0, "", before)
    assert "domains/example.com.yaml already matches the server" in again.err


def test_import_keeps_a_pending_rename_and_reads_the_fields_of_the_old_name(
    sandbox: Sandbox, workspace: Make, inside: Inside
) -> None:
    w = workspace(sandbox.endpoint)
    filled(w, inside, "mailboxes: {robert: {quota: 2 GiB}}\n")
    w.domain("example.com", "mailboxes: {bob: {quota: 1 GiB}}\nrenamed: {mailboxes: {robert: bob}}\n")
    assert inside(w, "import", "example.com").code == 0
    text = (w.root / "domains" / "example.com.yaml").read_text("utf-8")
    assert text.endswith("mailboxes: {bob: {quota: 2 GiB}}\nrenamed: {mailboxes: {robert: bob}}\n")


def test_all_imports_every_domain_of_the_server(sandbox: Sandbox, workspace: Make, inside: Inside) -> None:
    w = workspace(sandbox.endpoint)
    filled(w, inside)
    (w.root / "domains" / "example.com.yaml").unlink()
    done = inside(w, "import", "--all")
    assert (done.code, done.out) == (0, "domains/example.com.yaml\ndomains/second.example.yaml\n")
    plan = inside(w, "plan", "--detailed-exitcode")
    assert plan.code == 0, plan.out
    assert "unmanaged" not in plan.out
    again = inside(w, "import", "--all")
    assert (again.code, again.out) == (0, "")


def test_all_as_a_customer_imports_the_domain_of_the_account(sandbox: Sandbox, workspace: Make, inside: Inside) -> None:
    w = workspace(sandbox.endpoint, role="customer")
    done = inside(w, "import", "--all")
    assert (done.code, done.out) == (0, "domains/example.com.yaml\n")


def test_all_skips_and_reports_a_domain_whose_file_cannot_be_written(
    sandbox: Sandbox, workspace: Make, inside: Inside
) -> None:
    w = workspace(sandbox.endpoint)
    (w.root / "domains" / "second.example.yaml").mkdir(parents=True)
    done = inside(w, "import", "--all")
    assert (done.code, done.out) == (5, "domains/example.com.yaml\n")
    assert "second.example was skipped:" in done.err


def test_an_unreadable_domain_is_skipped_by_all_and_is_an_error_if_named(
    sandbox: Sandbox, workspace: Make, inside: Inside
) -> None:
    w = workspace(sandbox.endpoint)
    filled(w, inside)
    (w.root / "domains" / "example.com.yaml").unlink()
    fault = {"name": "html", "path": "settings/domain/alias/info", "times": -1}
    url = f"{sandbox.endpoint.url}/sandbox/faults"
    httpx.post(url, json=fault, headers={"X-Sandbox": "1"}, trust_env=False, verify=False).raise_for_status()
    named = inside(w, "import", "example.com", "second.example")
    assert named.code == 1, named.err
    assert not list((w.root / "domains").iterdir())
    done = inside(w, "import", "--all")
    assert (done.code, done.out) == (5, "domains/second.example.yaml\n")
    assert "example.com was skipped:" in done.err


def test_import_needs_either_all_or_domain_names(sandbox: Sandbox, workspace: Make, inside: Inside) -> None:
    w = workspace(sandbox.endpoint)
    assert inside(w, "import").code == 64
    assert inside(w, "import", "--all", "example.com").code == 64


def test_import_leaves_out_invalid_state_and_adds_a_comment(sandbox: Sandbox, workspace: Make, inside: Inside) -> None:
    w = workspace(sandbox.endpoint)
    w.domain(
        "example.com",
        "mailboxes: {big: {quota: 60 GiB}, ring: {forwarding: {to: [loop]}}}\naliases: {loop: [big]}\n",
        product=None,
    )
    assert inside(w, "apply", "--yes").code == 0
    w.domain("example.com", "aliases: {loop: [ring, big], sales: [big, boss]}\n", product=None)
    assert inside(w, "apply", "--yes").code == 0
    path = w.root / "domains" / "example.com.yaml"
    path.unlink()
    done = inside(w, "import", "example.com")
    assert done.code == 0, done.err
    lines = path.read_text("utf-8").splitlines()
    missing = "a target in this workspace does not exist"
    assert [line for line in lines if line.startswith("# Left out by import:")] == [
        "# Left out by import: mailbox big: quota 60 GiB: a quota is higher than the product allows",
        "# Left out by import: alias loop: to [big, ring]: aliases or forwards form a mail loop",
        f"# Left out by import: alias sales: to [big, boss]: {missing}",
    ]
    assert "left out of example.com: mailbox big: quota 60 GiB" in done.err
    plan = inside(w, "plan", "--detailed-exitcode")
    assert (plan.code, "unmanaged" in plan.out) == (0, False), plan.out + plan.err
    before = path.read_bytes()
    assert inside(w, "import", "example.com").code == 0
    assert path.read_bytes() == before


def test_import_does_not_change_a_file_with_errors(sandbox: Sandbox, workspace: Make, inside: Inside) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {a: {quota: 1 GB}}\n")
    before = (w.root / "domains" / "example.com.yaml").read_bytes()
    assert inside(w, "import", "example.com").code == 3
    assert (w.root / "domains" / "example.com.yaml").read_bytes() == before


def test_import_reports_a_location_that_it_cannot_edit_and_writes_no_file(
    sandbox: Sandbox, workspace: Make, inside: Inside
) -> None:
    w = workspace(sandbox.endpoint)
    filled(w, inside, "mailboxes: {x: {quota: 3 GiB}, y: {quota: 1 GiB}}\n")
    w.domain("example.com", "mailboxes:\n  x: &small {quota: 1 GiB}\n  y: *small\n")
    before = (w.root / "domains" / "example.com.yaml").read_bytes()
    done = inside(w, "import", "example.com", "second.example")
    assert done.code == 4
    assert "domains/example.com.yaml:7:6:" in done.err
    assert (w.root / "domains" / "example.com.yaml").read_bytes() == before
    assert not (w.root / "domains" / "second.example.yaml").exists()
    assert not list((w.root / "domains").glob(".*"))
