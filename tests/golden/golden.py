"""Golden cases: a folder each, with files, the state of a server, and the plan that was reviewed by a person.

A case's folder holds

    case.yaml       says: what the case shows, in one sentence
                    today: the day of the plan (2026-11-22 where absent)
                    options: prune, allowDeletions, targets, setPasswords
                    files: where the files are (`files`, or `workspace` for the shared one with this domain only)
                    base: true where `base/` holds the files of the base commit
                    exit: the exit code of `plan`
    files/          the workspace; what it lacks is taken from `_shared`
    server.yaml     domain -> its state; or a text: why it could not be read
    journal.yaml    what the journals of earlier runs know, where the case needs that: passwords, protected, known
    expected.{txt,md,json}
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from reconciler.app.exits import of_plans
from reconciler.app.plan.base import Base
from reconciler.app.plan.planner import Planner, PlanRequest
from reconciler.config.workspace import Configuration, load_configuration
from reconciler.core.errors import IncompleteRead
from reconciler.core.model import (
    UNSET,
    Alias,
    CurrentDomain,
    DomainAlias,
    Mailbox,
    MailboxFacts,
    ServerLimits,
)
from reconciler.core.names import address
from reconciler.core.plan import Plan
from reconciler.core.quantities import parse_size
from reconciler.engine.journal.inventory import Inventory, Known
from reconciler.engine.observe import Observation
from reconciler.output.plan.json import render_plans_json
from reconciler.output.plan.markdown import render_plans_markdown
from reconciler.output.plan.text import render_plans

CASES = Path(__file__).parent / "cases"
SHARED = CASES / "_shared"
TODAY = date(2026, 11, 22)
SERVER, RUN = "mail1", "20261120T080000Z-5f038a"
HEADER = {"time": "2026-11-22T12:00:00Z", "tool": "reconciler", "version": "0"}

_MAILBOX: dict[str, str] = {
    "displayName": "display_name",
    "enabled": "enabled",
    "eas": "eas",
    "mapi": "mapi",
    "keepCopy": "forward_keep_copy",
}
_ALIAS = {
    "displayName": "display_name",
    "allowSending": "allow_sending",
    "hideFromGal": "hide_from_gal",
    "internalOnly": "internal_only",
}


@dataclass(frozen=True)
class Case:
    """One folder."""

    path: Path
    about: Mapping[str, Any]

    @property
    def today(self) -> date:
        """The day of the plan."""
        return self.about.get("today", TODAY)

    @property
    def request(self) -> PlanRequest:
        """What the command line would ask."""
        options = self.about.get("options", {})
        return PlanRequest(
            today=self.today,
            prune=options.get("prune", False),
            allow_deletions=options.get("allowDeletions"),
            targets=frozenset(options.get("targets", ())),
            set_passwords=frozenset(options.get("setPasswords", ())),
        )


def all_cases() -> list[Case]:
    """Every case, by name."""
    folders = sorted(p for p in CASES.iterdir() if p.is_dir() and p != SHARED)
    return [Case(p, yaml.safe_load((p / "case.yaml").read_text("utf-8"))) for p in folders]


def workspace(source: Path, target: Path) -> Configuration:
    """The files of a case, completed by the shared ones, as a configuration that must be valid."""
    shutil.copytree(SHARED, target)
    shutil.copytree(source, target, dirs_exist_ok=True)
    config = load_configuration(target, here=target, environ={})
    wrong = [str(d) for d in config.diagnostics if d.severity == "error"]
    assert not wrong, f"the case's own files are invalid: {wrong}"
    return config


def observations(case: Case, config: Configuration) -> dict[str, Observation]:
    """What the server says of each domain of the workspace."""
    told = yaml.safe_load((case.path / "server.yaml").read_text("utf-8"))
    return {name: _observation(name, told.get(name, {})) for name in config.domains}


def _observation(domain: str, told: Mapping[str, Any] | str) -> Observation:
    if isinstance(told, str):
        return IncompleteRead(told)
    return CurrentDomain(
        domain=domain,
        mailboxes={n: _mailbox(n, domain, row or {}) for n, row in told.get("mailboxes", {}).items()},
        aliases={n: _alias(n, domain, row) for n, row in told.get("aliases", {}).items()},
        domain_aliases={n: DomainAlias(name=n) for n in told.get("domainAliases", ())},
        limits=ServerLimits(**told.get("limits", {})),
        usage_bytes=_size(told["usage"]) if "usage" in told else None,
    )


def _mailbox(name: str, domain: str, row: Mapping[str, Any]) -> Mailbox:
    unread = row.get("unread", ())
    values: dict[str, Any] = {"display_name": "", "enabled": True, "eas": False, "mapi": False}
    values |= {"forward_keep_copy": True, "quota": _size(row.get("quota", 0))}
    values["forward_to"] = _targets(row.get("forwardTo", ()), domain)
    values |= {attribute: row[key] for key, attribute in _MAILBOX.items() if key in row}
    facts = MailboxFacts(
        usage_bytes=_size(row["usage"]) if "usage" in row else None,
        last_login=row.get("lastLogin"),
        is_admin=row.get("admin", False) or row.get("primaryAdmin", False),
        is_primary_admin=row.get("primaryAdmin", False),
    )
    return Mailbox(name=name, facts=facts, **{k: UNSET if k in unread else v for k, v in values.items()})


def _alias(name: str, domain: str, row: Mapping[str, Any] | list[str]) -> Alias:
    row = {"to": row} if isinstance(row, list) else row
    values: dict[str, Any] = {
        "display_name": "",
        "allow_sending": False,
        "hide_from_gal": False,
        "internal_only": False,
    }
    values |= {attribute: row[key] for key, attribute in _ALIAS.items() if key in row}
    return Alias(name=name, targets=_targets(row["to"], domain), **values)


def _targets(names: list[str] | tuple[str, ...], domain: str) -> tuple[str, ...]:
    return tuple(sorted(address(n, domain) for n in names))


def _size(text: str | int) -> int:
    if isinstance(text, int):
        return text
    return parse_size(text)


def plans_of(case: Case, folder: Path) -> tuple[Configuration, tuple[Plan, ...]]:
    """Loads, reads and plans as `plan` does, without a network."""
    config = workspace(case.path / "files", folder / "head")
    base = None
    if case.about.get("base"):
        base = Base(ref="main", config=workspace(case.path / "base", folder / "base"))
    planner = Planner(config, case.request, inventory=inventory(case), base=base)
    return config, planner.all_plans(observations(case, config))


def inventory(case: Case) -> Inventory:
    """What the journals of earlier runs know."""
    path = case.path / "journal.yaml"
    told = yaml.safe_load(path.read_text("utf-8")) if path.exists() else {}
    boxes = {f"{name}@example.com": fields for name, fields in told.get("known", {}).items()}
    return Inventory(
        resources={(SERVER, "mailbox", a): Known(exists=True, fields=f, run=RUN) for a, f in boxes.items()},
        password_versions={(SERVER, a): version for a, version in told.get("passwords", {}).items()},
        protections={(SERVER, d): (frozenset(names), RUN) for d, names in told.get("protected", {}).items()},
    )


def rendered(case: Case, folder: Path) -> tuple[int, dict[str, str]]:
    """The exit code, and each expected file's text."""
    config, plans = plans_of(case, folder)
    texts = {
        "expected.txt": "\n".join(render_plans(plans, color=False, width=80, today=case.today)) + "\n",
        "expected.md": render_plans_markdown(plans, today=case.today),
        "expected.json": render_plans_json(plans, HEADER, config.files),
    }
    return int(of_plans(plans, detailed=True)), texts
