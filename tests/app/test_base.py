"""Attribution and protections from the configuration of a base commit."""

import textwrap
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from reconciler.app.plan.base import Base
from reconciler.app.plan.planner import Planner, PlanRequest
from reconciler.config.workspace import Configuration, load_configuration
from reconciler.core.errors import Unreachable
from reconciler.core.model import CurrentDomain, Mailbox
from reconciler.core.plan import Plan
from reconciler.engine.journal.inventory import Inventory, Known

DOMAIN = "example.com"
REQUEST = PlanRequest(today=date(2026, 6, 15))
NOTHING = Inventory(resources={}, password_versions={}, protections={})
WORKSPACE = """\
    apiVersion: reconciler/v1
    kind: Workspace
    servers:
      mail1: {{url: "https://{host}.example.net", username: u, password: {{env: PW}}}}
    policy: {policy}
    """


def config(root: Path, body: str = "", *, host: str = "a", policy: str = "{}", file: str = DOMAIN) -> Configuration:
    """A workspace with one domain file."""
    texts = {
        "reconciler.yaml": textwrap.dedent(WORKSPACE).format(host=host, policy=policy),
        f"domains/{file}.yaml": f"apiVersion: reconciler/v1\nkind: Domain\ndomain: {DOMAIN}\n{body}",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return load_configuration(root, here=root, environ={})


def there(**mailboxes: int) -> CurrentDomain:
    rows = {name: Mailbox(name=name, quota=quota, enabled=True) for name, quota in mailboxes.items()}
    return CurrentDomain(domain=DOMAIN, mailboxes=rows, aliases={}, domain_aliases={})


def planned(head: Configuration, base: Configuration, seen: Any, inventory: Inventory = NOTHING) -> Plan:
    planner = Planner(head, REQUEST, inventory=inventory, base=Base(ref="main", config=base))
    (plan,) = planner.all_plans({DOMAIN: seen})
    return plan


def test_a_planner_uses_the_given_base_and_journals_and_loads_none(tmp_path: Path) -> None:
    head = config(tmp_path / "head", "mailboxes: {a: {quota: 9}}\n")
    base = config(tmp_path / "base", "mailboxes: {a: {quota: 5}}\n")
    known = Known(exists=True, fields={"quota": 5}, run="r")
    inventory = Inventory(
        resources={("mail1", "mailbox", "a@example.com"): known}, password_versions={}, protections={}
    )
    plan = planned(head, base, there(a=5), inventory)
    assert [(c.attribution, c.direction) for c in plan.changes] == [("change set", "git")]


def test_a_domain_that_moves_to_another_server_is_introduced_by_the_change_set(tmp_path: Path) -> None:
    body = "mailboxes: {a: {quota: 5, protect: true}}\n"
    head = config(tmp_path / "head", body)
    text = (tmp_path / "head/reconciler.yaml").read_text()
    (tmp_path / "head/reconciler.yaml").write_text(text.replace("mail1:", "mail2:").replace("//a.", "//b."))
    head = load_configuration(tmp_path / "head", here=tmp_path, environ={})
    plan = planned(head, config(tmp_path / "base", body), there(a=9))
    assert [c.attribution for c in plan.changes] == ["change set"]
    assert plan.hidden == ()


def test_a_protection_still_applies_after_the_domain_moves_to_another_server(tmp_path: Path) -> None:
    head = config(tmp_path / "head", "mailboxes: {}\nremoved: {mailboxes: [a, b, c]}\n", policy="{prune: {}}")
    base = config(tmp_path / "base", "mailboxes: {a: {protect: true}}\n", host="b", policy="{protect: [b]}")
    journalled = Inventory(
        resources={}, password_versions={}, protections={("mail1", DOMAIN): (frozenset({"a", "c"}), "r1")}
    )
    plan = planned(head, base, there(a=0, b=0, c=0), journalled)
    assert plan.changes == ()
    assert [d.code for d in plan.diagnostics] == ["GRD010"] * 3
    words = " ".join(d.message for d in plan.diagnostics)
    for where in ("in `main`", "by the policy's pattern b in `main`", "in the last apply, run r1"):
        assert words.count(where) == 1 + (where == "in `main`")


@pytest.mark.parametrize("file", [DOMAIN, "other.example"], ids=["the file of the domain", "a file with another name"])
def test_an_invalid_file_of_the_base_leaves_the_attribution_unknown(tmp_path: Path, file: str) -> None:
    body = "mailboxes: {a: {quota: 5}}\n" if file != DOMAIN else "mailboxes: {a: {quota: x}}\n"
    plan = planned(
        config(tmp_path / "head", "mailboxes: {a: {quota: 9}}\n"),
        config(tmp_path / "base", body, file=file),
        there(a=5),
    )
    assert [d.code for d in plan.diagnostics] == ["BAS001"]
    assert [(c.attribution, c.direction) for c in plan.changes] == [(None, None)]
    assert f"domains/{file}.yaml:" in plan.diagnostics[0].message


def test_an_unread_field_that_only_the_base_manages_leaves_the_attribution_unknown(tmp_path: Path) -> None:
    head = config(tmp_path / "head", "mailboxes: {a: {quota: 9}}\n")
    base = config(tmp_path / "base", "mailboxes: {a: {mapi: true}}\n")
    plan = planned(head, base, there(a=5))
    assert (plan.complete, [d.code for d in plan.diagnostics]) == (True, ["BAS001"])
    assert "the file manages mapi, but the server did not return it" in plan.diagnostics[0].message


def test_a_domain_that_could_not_be_read_has_only_that_diagnostic(tmp_path: Path) -> None:
    same = "mailboxes: {a: {quota: 9}}\n"
    plan = planned(config(tmp_path / "head", same), config(tmp_path / "base", same), Unreachable("no answer"))
    assert [d.code for d in plan.diagnostics] == ["SRV001"]


def test_the_policy_of_the_base_decides_which_resources_the_base_prunes(tmp_path: Path) -> None:
    empty = "mailboxes: {}\n"
    pruning, keeping = "{prune: {mailboxes: true}}", "{prune: {mailboxes: false}}"
    for n, (here, before, attributions, hidden) in enumerate(
        [(pruning, keeping, ["change set"], 0), (pruning, pruning, ["pending"], 0), (keeping, pruning, [], 1)]
    ):
        head = config(tmp_path / f"h{n}", empty, policy=here)
        plan = planned(head, config(tmp_path / f"b{n}", empty, policy=before), there(a=5))
        assert ([c.attribution for c in plan.changes], len(plan.hidden)) == (attributions, hidden)


def test_the_plan_after_an_apply_keeps_the_protections(tmp_path: Path) -> None:
    head = config(tmp_path / "head", "mailboxes: {}\nremoved: {mailboxes: [a]}\n")
    base = Base(ref="main", config=config(tmp_path / "base", "mailboxes: {a: {protect: true}}\n"))
    planner = Planner(head, REQUEST, inventory=NOTHING, base=base)
    again = planner.after(planner.plan(head.domains[DOMAIN], there(a=5)), ())
    assert again.plan(head.domains[DOMAIN], there(a=5)).changes == ()
