"""`import` writes a file from the state of the server, and the next plan is empty."""

from collections.abc import Callable
from typing import Any

from reconciler.sandbox import Sandbox

Make = Callable[..., Any]

STATE = """\
mailboxes:
  alice: {displayName: "Alice: a \\"name\\"", quota: 5 GiB, eas: true, forwarding: {to: [x@elsewhere.example], keepCopy: false}}
  bob: {enabled: false}
  007: {mapi: true}
aliases:
  sales: {displayName: Sales, to: [alice, bob, partner@elsewhere.example], internalOnly: true}
  info: [alice]
domainAliases: [example.ca]
"""


def fill(w: Any, state: str = STATE) -> None:
    w.domain("example.com", state)
    done = w.run("apply", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    (w.root / "domains" / "example.com.yaml").unlink()


def test_a_plan_right_after_an_import_is_empty(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint)
    fill(w)
    done = w.run("import", "Example.com")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "domains/example.com.yaml\n"
    plan = w.run("plan", "--detailed-exitcode")
    assert plan.returncode == 0, plan.stdout + plan.stderr
    assert "unmanaged" not in plan.stdout
    text = (w.root / "domains" / "example.com.yaml").read_text("utf-8")
    assert text.startswith("# yaml-language-server: $schema=")
    assert "boss" not in text
    assert "password" not in text
    assert "info: [alice]" in text


def test_an_import_as_a_customer_leaves_out_the_primary_administrator(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint, role="customer")
    fill(w, "mailboxes: {shop: {}}\n")
    assert w.run("import", "example.com").returncode == 0
    assert "boss" not in (w.root / "domains" / "example.com.yaml").read_text("utf-8")
    assert w.run("plan", "--detailed-exitcode").returncode == 0


def test_import_never_overwrites_a_path_that_is_not_a_domain_file(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint)
    (w.root / "domains" / "example.com.yaml").mkdir(parents=True)
    done = w.run("import", "example.com", "second.example")
    assert done.returncode == 4
    assert "nothing was written" in done.stderr
    assert not (w.root / "domains" / "second.example.yaml").exists()


def test_import_reports_a_missing_domain_and_writes_nothing(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint)
    done = w.run("import", "second.example", "nowhere.example")
    assert done.returncode not in (0, 64)
    assert "nowhere.example" in done.stderr
    assert not (w.root / "domains").exists()


def test_import_requires_a_product_option_if_there_are_several_products(sandbox: Sandbox, workspace: Make) -> None:
    w = workspace(sandbox.endpoint)
    w.write("products/other.yaml", "apiVersion: reconciler/v1\nkind: Product\n")
    assert w.run("import", "example.com").returncode == 64
    assert w.run("import", "example.com", "--product", "nope").returncode == 64
    done = w.run("import", "example.com", "--product", "other")
    assert done.returncode == 0, done.stderr
    assert "product: other" in (w.root / "domains" / "example.com.yaml").read_text("utf-8")
