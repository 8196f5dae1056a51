"""Fills in what pages quote from the program: the messages of the guards, the table of endpoints, the pre-commit hook.

`python docs/quotes.py` writes the quotes; `python docs/quotes.py --check` fails when a page is stale.
"""

import re
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from reconciler.app.onboarding.ci_files import ci_files
from reconciler.core.guards.run import allowed_deletions
from reconciler.core.model import (
    UNSET,
    Alias,
    CurrentDomain,
    DesiredDomain,
    Mailbox,
    MailboxFacts,
    Removal,
    Renaming,
    ServerLimits,
)
from reconciler.core.plan import Plan
from reconciler.core.planning.planner import PlanOptions, plan_domain
from reconciler.core.product import Limits
from reconciler.core.workspace import Policy
from reconciler.smartermail.operations import OPERATIONS

HERE = Path(__file__).parent
SOURCE = "smartermail-reconciler @ git+https://HOST/PATH@COMMIT"


def mailbox(name: str, **more: Any) -> Mailbox:
    """A mailbox of the server with default values for the fields that are not given."""
    values = {"display_name": "", "quota": 0, "enabled": True, "forward_to": (), "eas": False, "mapi": False}
    return Mailbox(name=name, **{**values, **more})


def planned(
    desired: dict[str, Any] | None = None,
    current: tuple[Mailbox, ...] = (),
    *,
    removed: tuple[str, ...] = (),
    aliases: tuple[Alias, ...] = (),
    limits: ServerLimits | None = None,
    **more: Any,
) -> Plan:
    """The plan of example.com: `desired` are the declared mailboxes and their fields, `current` the server's."""
    wanted = DesiredDomain(
        domain="example.com",
        server="mail1",
        mailboxes={name: Mailbox(name=name, **fields) for name, fields in (desired or {}).items()},
        aliases=more.pop("declared_aliases", UNSET),
        removed=tuple(Removal(kind="mailbox", name=name, purge_after=more.get("day")) for name in removed),
        renamed=tuple(Renaming(kind="mailbox", old=old, new=new) for old, new in more.pop("renamed", ())),
    )
    server = CurrentDomain(
        domain="example.com",
        mailboxes={box.name: box for box in current},
        aliases={alias.name: alias for alias in aliases},
        domain_aliases={},
        limits=limits or ServerLimits(),
    )
    options = PlanOptions(today=date(2026, 6, 15), protected_before=more.pop("protected_before", {}))
    return plan_domain(wanted, server, Policy(), more.pop("product", Limits()), options)


def many(prefix: str, count: int) -> tuple[Mailbox, ...]:
    """Several mailboxes: a0, a1, ..."""
    return tuple(mailbox(f"{prefix}{number}") for number in range(count))


CAROL = mailbox("carol")
SITUATIONS: dict[str, Callable[[], Plan]] = {
    "GRD001": lambda: planned(current=(mailbox("postmaster"),), removed=("postmaster",)),
    "GRD002": lambda: planned(current=many("m", 20), removed=("m0", "m1", "m2")),
    "GRD003": lambda: planned(current=(mailbox("boss", facts=MailboxFacts(is_admin=True)),), removed=("boss",)),
    "GRD005": lambda: planned({"bob": {}}, (mailbox("robert"), mailbox("bob")), renamed=(("robert", "bob"),)),
    "GRD006": lambda: planned({"alice": {"forward_to": ()}}, (mailbox("alice", forward_to=UNSET),)),
    "GRD007": lambda: planned(declared_aliases={"info": Alias(name="info", targets=("x@elsewhere.example",))}),
    "GRD008": lambda: planned({f"d{n}": {} for n in range(20)}, many("u", 8), product=Limits(mailboxes=25)),
    "GRD009": lambda: planned(current=(CAROL,), removed=("carol",), day=date(2026, 12, 31)),
    "GRD010": lambda: planned(current=(CAROL,), removed=("carol",), protected_before={"carol": "in `main`"}),
    "GRD011": lambda: planned({"a": {"eas": True}, "b": {"eas": True}}, limits=ServerLimits(eas_enabled=False)),
    "GRD012": lambda: planned(
        current=(CAROL,), removed=("carol",), aliases=(Alias(name="info", targets=("carol@example.com",)),)
    ),
    "GRD013": lambda: planned({"a": {"quota": 50 << 30}}, limits=ServerLimits(domain_size=10 << 30)),
}
"""Code of a guard -> a plan in which exactly one diagnostic has this code."""


def guard_messages() -> dict[str, str]:
    """Code of a guard -> its message. GRD004 judges all plans of a run together, so it has no plan in the table."""
    messages = {}
    for code, make in SITUATIONS.items():
        (messages[code],) = (found.message for found in make().diagnostics if found.code == code)
    eight = planned(current=many("m", 8), removed=tuple(f"m{number}" for number in range(8)))
    refused = allowed_deletions([eight], 7)
    assert refused is not None
    return messages | {"GRD004": refused.message}


def guards_page(text: str) -> str:
    """The page with the message of each guard as the quote below its heading."""
    for code, message in guard_messages().items():
        place = re.compile(rf'(<a id="{code.lower()}"></a>\n### [^\n]*\n\n> )[^\n]*')
        text, count = place.subn(lambda found, message=message: found[1] + message, text)
        assert count == 1, f"guards.md has {count} sections for {code}"
    return text


def server_page(text: str) -> str:
    """The page with one row for each endpoint that the client uses."""
    rows = ""
    for operation in OPERATIONS:
        spellings = ", ".join(f"`{spelling.template}`" for spelling in operation.endpoint.spellings)
        remedy = operation.remedy or "the program continues without it"
        rows += f"| {operation.action} | {operation.known} | {spellings} | {remedy} |\n"
    place = re.compile(r"(^\| Action \| Known .*\n\|[-|]+\|\n)(?:\|.*\n)*", re.MULTILINE)
    text, count = place.subn(lambda found: found[1] + rows, text)
    assert count == 1, f"server-care.md has {count} tables of endpoints"
    return text


def ci_page(text: str) -> str:
    """The page with the hook of the pre-commit template, without the arguments that `init` fills in."""
    (template,) = ci_files(HERE, ["pre-commit"], SOURCE).values()
    kept = [line for line in template.splitlines() if not line.lstrip().startswith(("#", "args:"))]
    hook = "\n".join(kept).strip() + "\n"
    text, count = re.subn(r"(?<=^```yaml\n)repos:\n.*?(?=^```)", lambda _: hook, text, flags=re.MULTILINE | re.DOTALL)
    assert count == 1, f"ci.md has {count} hooks"
    return text


PAGES: dict[str, Callable[[str], str]] = {
    "guards.md": guards_page,
    "server-care.md": server_page,
    "ci.md": ci_page,
}


def main() -> int:
    """Writes or checks the pages."""
    stale = []
    for name, fill in PAGES.items():
        now = (HERE / name).read_text("utf-8")
        if "--check" not in sys.argv[1:]:
            (HERE / name).write_text(fill(now), encoding="utf-8")
        elif fill(now) != now:
            stale.append(name)
    if stale:
        print(f"stale: {', '.join(stale)}; run `python docs/quotes.py`", file=sys.stderr)
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
