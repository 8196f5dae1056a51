"""Generates the samples of reviewing.md: the program plans a small domain and renders the plan.

`python docs/reviewing.py` writes the samples; `python docs/reviewing.py --check` fails if the page is stale.
"""

import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from reconciler.app.plan.base import Base, attributed
from reconciler.config.workspace import Configuration, load_configuration
from reconciler.core.billing import cost_of
from reconciler.core.model import Alias, CurrentDomain, Mailbox, MailboxFacts
from reconciler.core.plan import Outcome, Plan, Result
from reconciler.core.planning.planner import PlanOptions, plan_domain
from reconciler.core.planning.provenance import directed
from reconciler.core.planning.recheck import ServerHistory, precondition, recheck
from reconciler.output.plan.markdown import render_plans_markdown
from reconciler.output.plan.outcomes import render_apply_summary, render_outcomes
from reconciler.output.plan.text import render_plans

PAGE = Path(__file__).parent / "reviewing.md"
TODAY = date(2026, 11, 22)
DOMAIN = "example.com"
GIB = 1 << 30

WORKSPACE = """\
apiVersion: reconciler/v1
kind: Workspace
servers:
  mail1:
    url: https://mail1.example.net
    username: {env: SMARTERMAIL_USER}
    password: {env: SMARTERMAIL_PASSWORD}
"""
PRODUCT = """\
apiVersion: reconciler/v1
kind: Product
billing: {currency: USD, trancheGiB: 10, tranchePrice: "4.00", easPrice: "2.00"}
"""
HEAD = """\
apiVersion: reconciler/v1
kind: Domain
domain: example.com
product: business
mailboxes:
"""
BASE = """\
  alice: {quota: 5 GiB, enabled: true}
  bob: {quota: 2 GiB, eas: false}
  carol: {quota: 5 GiB}
  dave: {quota: 5 GiB}
aliases:
  info: [alice, bob]
  sales: [alice]
"""
MERGED = """\
  alice: {quota: 5 GiB, enabled: true}
  bob: {quota: 10 GiB, eas: true}
  dave: {quota: 8 GiB}
  erin: {quota: 5 GiB}
aliases:
  info: [alice]
  sales: [alice, partner@elsewhere.example]
removed:
  mailboxes: [carol]
"""


def files(body: str) -> Configuration:
    """The configuration of a workspace with one domain. `body` is the end of the domain's file."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for path, text in (
            ("reconciler.yaml", WORKSPACE),
            ("products/business.yaml", PRODUCT),
            (f"domains/{DOMAIN}.yaml", HEAD + body),
        ):
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).write_text(text, "utf-8")
        config = load_configuration(root, here=root, environ={})
    assert DOMAIN in config.domains, [str(d) for d in config.diagnostics]
    return config


def server() -> CurrentDomain:
    """The state of the server after out-of-band edits: alice disabled, dave's quota raised, info without alice."""

    def box(name: str, quota: int, used: float, seen: str, *, enabled: bool = True) -> Mailbox:
        facts = MailboxFacts(usage_bytes=int(used * GIB), last_login=f"{seen}T10:00:00Z")
        return Mailbox(name=name, quota=quota * GIB, enabled=enabled, eas=False, mapi=False, facts=facts)

    boxes = (
        box("alice", 5, 4.1, "2026-11-21", enabled=False),
        box("bob", 2, 1.9, "2026-11-22"),
        box("carol", 5, 3.2, "2026-11-20"),
        box("dave", 8, 6.5, "2026-11-22"),
    )
    aliases = (
        Alias(name="info", targets=("bob@example.com",)),
        Alias(name="sales", targets=("alice@example.com",)),
    )
    return CurrentDomain(
        domain=DOMAIN,
        mailboxes={m.name: m for m in boxes},
        aliases={a.name: a for a in aliases},
        domain_aliases={},
        usage_bytes=int(15.7 * GIB),
    )


def planned(config: Configuration) -> Plan:
    """The plan for a configuration, with the monthly bill before and after."""
    product, current = config.products["business"], server()
    options = PlanOptions(today=TODAY, internal_domains=frozenset({DOMAIN}))
    plan = plan_domain(config.domains[DOMAIN], current, config.workspace.policy, product.limits, options)
    return replace(plan, cost=cost_of(plan, current, product.billing))


def change_set() -> tuple[Plan, ...]:
    """The plans of `plan --base main` in the pull request."""
    base, merged = files(BASE), files(MERGED)
    plan = attributed(planned(merged), merged.domains[DOMAIN], Base(ref="main", config=base), planned(base))
    return (directed(plan, base.domains[DOMAIN], lambda _kind, _address: None),)


def drift() -> tuple[Plan, ...]:
    """The plans of `drift --base HEAD~1` on the branch main."""
    base = files(BASE)
    return (directed(planned(base), base.domains[DOMAIN], lambda _kind, _address: None),)


def markdown() -> str:
    """The pull request comment."""
    return render_plans_markdown(change_set(), today=TODAY)


def text() -> str:
    """The same plan on a terminal."""
    return _lines(render_plans(change_set(), color=False, width=80, today=TODAY))


def drift_text() -> str:
    """The output of `drift` on a terminal."""
    return _lines(render_plans(drift(), color=False, width=80, today=TODAY))


def applied() -> str:
    """The end of `apply --plan FILE` after somebody changed alice and bob on the server."""
    (plan,) = change_set()
    salt = b"sample"
    expected = {change.key: precondition(change, salt) for change in plan.changes}
    boxes = dict(server().mailboxes)
    boxes["alice"] = replace(boxes["alice"], enabled=True)
    boxes["bob"] = replace(boxes["bob"], quota=4 * GIB)
    skipped = recheck(plan, expected, salt, replace(server(), mailboxes=boxes), ServerHistory())
    outcomes = [skipped.get(change.key, Outcome(change=change, result=Result.APPLIED)) for change in plan.changes]
    # The plan after the apply: only the refused change is left.
    left = (Plan(domain=DOMAIN, server="mail1", changes=tuple(c for c in plan.changes if c.name == "bob")),)
    log = render_outcomes({DOMAIN: outcomes}, color=False)
    return _lines([*log, *render_apply_summary({DOMAIN: outcomes}, left, converged=False, color=False)])


def _lines(lines: object) -> str:
    return "".join(f"{line}\n" for line in lines)  # type: ignore[attr-defined]


SAMPLES: dict[str, Callable[[], str]] = {
    "markdown": markdown,
    "text": text,
    "drift": drift_text,
    "applied": applied,
}


def page(now: str) -> str:
    """The page with current samples."""
    for name, make in SAMPLES.items():
        block = re.compile(rf"(?<=<!-- sample: {name} -->\n\n)(```\w+\n)(?:.*?\n)??(?=```\n)", re.DOTALL)
        places = list(block.finditer(now))
        assert len(places) == 1, f"the page has {len(places)} places for the sample {name}"
        now = now[: places[0].start()] + places[0][1] + make() + now[places[0].end() :]
    return now


def main() -> int:
    """Writes the page, or checks it with --check."""
    now = PAGE.read_text("utf-8")
    made = page(now)
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(made, encoding="utf-8")
    elif made != now:
        print("reviewing.md is stale; run `python docs/reviewing.py`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
