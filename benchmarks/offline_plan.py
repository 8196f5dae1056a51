"""Plan without network: load the files, compare them with a current state of equal size, render the plan.

Runs as a separate process.
"""

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

from reconciler.config.workspace import load_configuration
from reconciler.core.model import CurrentDomain, DesiredDomain, Unset
from reconciler.core.planning.planner import PlanOptions, plan_domain
from reconciler.core.product import Limits
from reconciler.output.plan.text import render_plans


def current(desired: DesiredDomain) -> CurrentDomain:
    """Return a current state in which one mailbox in a hundred differs from the files."""
    mailboxes = {} if isinstance(desired.mailboxes, Unset) else desired.mailboxes
    aliases = {} if isinstance(desired.aliases, Unset) else desired.aliases
    there = {
        name: replace(m, quota=1) if n % 100 == 0 else replace(m, enabled=True)
        for n, (name, m) in enumerate(mailboxes.items())
    }
    return CurrentDomain(domain=desired.domain, mailboxes=there, aliases=dict(aliases), domain_aliases={})


def main() -> None:
    """Plan every domain of the workspace that the command line names."""
    config = load_configuration(Path(sys.argv[1]))
    options = PlanOptions(today=date(2026, 1, 1))
    plans = [plan_domain(d, current(d), config.workspace.policy, Limits(), options) for d in config.domains.values()]
    lines = sum(1 for _ in render_plans(plans, color=False, width=80))
    print(sum(len(p.changes) for p in plans), "changes,", lines, "lines")


if __name__ == "__main__":
    main()
