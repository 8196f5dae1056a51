"""The pages on guards and deletion: every guard has its place, every file is valid, every quoted word is said."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.workspace import load_configuration
from reconciler.core.codes import CODES
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

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("guards.md", "deletion.md")
SERVERS = "servers: {mail1: {url: https://mail1.example.net, username: admin, password: {env: PW}}}\n"


def blocks() -> list[Any]:
    found = []
    for page in PAGES:
        for n, text in enumerate(
            re.findall(r"^```yaml\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
        ):
            found.append(pytest.param(text, id=f"{page}-{n}"))
    return found


@pytest.mark.parametrize("text", blocks())
def test_every_file_on_the_pages_is_valid(text: str, tmp_path: Path) -> None:
    policy = text if text.startswith("policy:") else ""
    domain = "" if policy else text
    head = "apiVersion: reconciler/v1\nkind: "
    (tmp_path / "domains").mkdir()
    (tmp_path / "reconciler.yaml").write_text(head + "Workspace\n" + SERVERS + policy, "utf-8")
    body = head + "Domain\ndomain: example.com\n" + domain
    (tmp_path / "domains" / "example.com.yaml").write_text(body, "utf-8")
    assert load_configuration(tmp_path, here=tmp_path, environ={}).diagnostics == ()


def test_every_guard_has_a_row_and_an_anchor() -> None:
    page = (DOCS / "guards.md").read_text("utf-8")
    guards = sorted(code for code in CODES if code.startswith("GRD"))
    assert re.findall(r"^\| \[(GRD\d+)\]\(#grd\d+\)", page, re.MULTILINE) == guards
    assert sorted(re.findall(r'^<a id="(grd\d+)"></a>$', page, re.MULTILINE)) == [g.lower() for g in guards]


def test_every_anchor_that_the_pages_point_at_is_there() -> None:
    def anchors(text: str) -> set[str]:
        titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        return {re.sub(r"[^\w -]", "", t).lower().replace(" ", "-") for t in titles} | set(
            re.findall(r'<a id="([^"]+)"', text)
        )

    texts = {page: (DOCS / page).read_text("utf-8") for page in PAGES}
    for page, text in texts.items():
        for target, anchor in re.findall(r"\]\(([\w.]*)#([\w-]+)\)", text):
            assert anchor in anchors(texts[target or page]), (page, target, anchor)


def mailbox(name: str, **more: Any) -> Mailbox:
    values = {"display_name": "", "quota": 0, "enabled": True, "forward_to": (), "eas": False, "mapi": False}
    return Mailbox(name=name, **{**values, **more})


def planned(
    wanted: dict[str, Any] | None = None,
    there: tuple[Mailbox, ...] = (),
    *,
    removed: tuple[str, ...] = (),
    aliases: tuple[Alias, ...] = (),
    limits: ServerLimits | None = None,
    **more: Any,
) -> Plan:
    """A plan: mailboxes wanted with their fields, mailboxes and aliases there."""
    desired = DesiredDomain(
        domain="example.com",
        server="mail1",
        mailboxes={n: Mailbox(name=n, **fields) for n, fields in (wanted or {}).items()},
        aliases=more.pop("wanted_aliases", UNSET),
        removed=tuple(Removal(kind="mailbox", name=n, purge_after=more.get("day")) for n in removed),
        renamed=tuple(Renaming(kind="mailbox", old=old, new=new) for old, new in more.pop("renamed", ())),
    )
    current = CurrentDomain(
        domain="example.com",
        mailboxes={m.name: m for m in there},
        aliases={a.name: a for a in aliases},
        domain_aliases={},
        limits=limits or ServerLimits(),
    )
    options = PlanOptions(today=date(2026, 6, 15), protected_before=more.pop("before", {}))
    return plan_domain(desired, current, Policy(), more.pop("sold", Limits()), options)


def many(prefix: str, count: int) -> tuple[Mailbox, ...]:
    return tuple(mailbox(f"{prefix}{n}") for n in range(count))


CAROL = mailbox("carol")
SITUATIONS: dict[str, Any] = {
    "GRD001": lambda: planned(there=(mailbox("postmaster"),), removed=("postmaster",)),
    "GRD002": lambda: planned(there=many("m", 20), removed=("m0", "m1", "m2")),
    "GRD003": lambda: planned(there=(mailbox("boss", facts=MailboxFacts(is_admin=True)),), removed=("boss",)),
    "GRD005": lambda: planned({"bob": {}}, (mailbox("robert"), mailbox("bob")), renamed=(("robert", "bob"),)),
    "GRD006": lambda: planned({"alice": {"forward_to": ()}}, (mailbox("alice", forward_to=UNSET),)),
    "GRD007": lambda: planned(wanted_aliases={"info": Alias(name="info", targets=("x@elsewhere.example",))}),
    "GRD008": lambda: planned({f"d{n}": {} for n in range(20)}, many("u", 8), sold=Limits(mailboxes=25)),
    "GRD009": lambda: planned(there=(CAROL,), removed=("carol",), day=date(2026, 12, 31)),
    "GRD010": lambda: planned(there=(CAROL,), removed=("carol",), before={"carol": "in `main`"}),
    "GRD011": lambda: planned({"a": {"eas": True}, "b": {"eas": True}}, limits=ServerLimits(eas_enabled=False)),
    "GRD012": lambda: planned(
        there=(CAROL,), removed=("carol",), aliases=(Alias(name="info", targets=("carol@example.com",)),)
    ),
    "GRD013": lambda: planned({"a": {"quota": 50 << 30}}, limits=ServerLimits(domain_size=10 << 30)),
}


def quoted() -> dict[str, str]:
    """Code -> the message that the page quotes in its section."""
    page = (DOCS / "guards.md").read_text("utf-8")
    return {code.upper(): text for code, text in re.findall(r'<a id="(grd\d+)"></a>\n### [^\n]*\n\n> ([^\n]*)\n', page)}


@pytest.mark.parametrize("code", SITUATIONS)
def test_the_message_on_the_page_is_the_one_that_is_said(code: str) -> None:
    said = [d.message for d in SITUATIONS[code]().diagnostics if d.code == code]
    assert said == [quoted()[code]]


def test_the_message_on_the_exact_number_of_deletions_is_the_one_that_is_said() -> None:
    plan = planned(there=many("m", 8), removed=tuple(f"m{n}" for n in range(8)))
    objection = allowed_deletions([plan], 7)
    assert objection is not None
    assert objection.message == quoted()["GRD004"]
    assert quoted().keys() == SITUATIONS.keys() | {"GRD004"}
