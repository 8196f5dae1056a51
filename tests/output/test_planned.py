"""Rendered plans of the planner with its diagnostics, reasons and risks."""

import json
from collections.abc import Callable
from datetime import date

from jsonschema import Draft202012Validator

from reconciler.core.model import Alias, CurrentDomain, DesiredDomain, Mailbox, MailboxFacts, Removal, Renaming
from reconciler.core.plan import Plan
from reconciler.core.planning.planner import PlanOptions, plan_domain
from reconciler.core.product import Limits
from reconciler.core.source import Span
from reconciler.core.workspace import Policy
from reconciler.output.plan.json import render_plans_json
from reconciler.output.plan.text import render_plans


def planned(day: date) -> Plan:
    place = Span("domains/example.com.yaml", 9, 3, 9, 8)
    desired = DesiredDomain(
        domain="example.com",
        server="mail1",
        mailboxes={"alice": Mailbox(name="alice", quota=2 << 30, origin=place), "bob": Mailbox(name="bob")},
        aliases={"info": Alias(name="info", targets=("alice@example.com", "x@elsewhere.example"), origin=place)},
        removed=(Removal(kind="mailbox", name="carol", purge_after=date(2026, 12, 31), origin=place),),
        renamed=(Renaming(kind="mailbox", old="robert", new="bob"),),
    )
    facts = MailboxFacts(usage_bytes=3435973837, last_login="2026-11-20T10:00:00Z")
    boxes = [
        Mailbox(name="alice", quota=1 << 30, enabled=True, facts=facts),
        Mailbox(name="carol", quota=1 << 30, enabled=True, facts=facts),
        Mailbox(name="robert", enabled=True),
        Mailbox(name="dora", enabled=True),
    ]
    current = CurrentDomain(
        domain="example.com", mailboxes={m.name: m for m in boxes}, aliases={}, domain_aliases={}
    )  # fmt: skip
    options = PlanOptions(today=day, internal_domains=frozenset({"example.com"}))
    return plan_domain(desired, current, Policy(), Limits(), options)


def test_a_removal_is_first_a_date_on_a_disabled_mailbox_and_then_a_prominent_deletion() -> None:
    before = list(render_plans((planned(date(2026, 11, 22)),), color=False, width=100))
    assert (
        "  ~ mailbox carol@example.com  [access]  purge pending: deleted from 2026-12-31 on; 3.2 GiB, last"
    ) in before
    assert not any("GRD009" in line for line in before), "the note is not shown a second time"
    after = list(render_plans((planned(date(2026, 12, 31)),), color=False, width=100))
    assert after[-2] == "! deletes 1 mailbox (3.2 GiB, last login 2026-11-20)"
    assert "  - mailbox carol@example.com  [deletes mail]  removed; 3.2 GiB, last login 2026-11-20" in after


def test_the_screen_of_a_planned_domain() -> None:
    assert (
        "".join(line + "\n" for line in render_plans((planned(date(2026, 12, 31)),), color=False, width=80))
        == """\
example.com  on mail1
  warning: alias info@example.com would send mail to external addresses:
      x@elsewhere.example [GRD007]
    at domains/example.com.yaml:9:3
    hint: remove the target, or add its domain to
      policy.externalForwardingDomains in reconciler.yaml;
      policy.externalForwarding decides about all other domains
  > mailbox robert@example.com -> bob@example.com  [access]
  ~ mailbox alice@example.com
      quota: 1 GiB -> 2 GiB
  + alias info@example.com  [external forwarding]
      to: alice@example.com, x@elsewhere.example
  - mailbox carol@example.com  [deletes mail]  removed; 3.2 GiB, last login
      2026-11-20
  1 unmanaged: 1 mailbox

Plan: 1 to create, 1 to update, 1 to delete, 1 to rename in 1 of 1 domain; 1
    unmanaged.
! deletes 1 mailbox (3.2 GiB, last login 2026-11-20)
! external forwarding: 1 change
"""
    )


def test_a_planned_domain_gives_a_valid_document(
    generated: dict[str, object], schema: Callable[[str], Draft202012Validator]
) -> None:
    for day in (date(2026, 11, 22), date(2026, 12, 31)):
        schema("plan").validate(json.loads(render_plans_json((planned(day),), generated)))
