"""Fixtures: a plan with every kind of change, a plan with a base, and strategies for any plan."""

import json
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.app.data import data_folder
from reconciler.core.diagnostics import Diagnostic, Severity, error
from reconciler.core.plan import Change, Cost, FieldChange, Outcome, Plan, Result, Unmanaged
from reconciler.core.secret import SecretRef
from reconciler.core.source import Span

FILE = "domains/example.com.yaml"
GENERATED = {"time": "2026-11-22T18:00:00Z", "tool": "reconciler", "version": "0.1.0"}


@pytest.fixture
def generated() -> dict[str, object]:
    return dict(GENERATED)


@pytest.fixture(scope="session")
def schema() -> Callable[[str], Draft202012Validator]:
    folder = data_folder("schemas")

    def load(name: str) -> Draft202012Validator:
        document = json.loads((folder / f"{name}.schema.json").read_text("utf-8"))
        Draft202012Validator.check_schema(document)
        return Draft202012Validator(document)

    return load


def change(action: Any, name: str, line: int = 1, **more: Any) -> Change:
    """A change of example.com; of a mailbox by default."""
    given = {"kind": "mailbox", "domain": "example.com", "origin": Span(FILE, line, 5, line, 10)} | more
    return Change(action=action, name=name, **given)


@pytest.fixture
def telling() -> tuple[Plan, ...]:
    """Plans with each action and risk, an IDN domain, many targets, a refusal, an unread and an unchanged domain."""
    everything = Plan(
        domain="example.com",
        server="mail1",
        changes=(
            change("rename", "robert", 30, new_name="bob", reason="renamed", risk="access"),
            change(
                "update",
                "alice",
                8,
                risk="exfiltration",
                fields=(
                    FieldChange(name="quota", before=1 << 30, after=5 << 30),
                    FieldChange(name="forwarding.to", before=("a@example.com",), after=("alice@elsewhere.example",)),
                    FieldChange(name="password", secret=SecretRef("env", "ALICE_PASSWORD", version=2)),
                ),
            ),
            change(
                "update",
                "dave",
                31,
                risk="access",
                reason="purge pending",
                purge_after="2026-12-31",
                usage_bytes=1 << 20,
                fields=(FieldChange(name="enabled", before=True, after=False),),
            ),
            change(
                "create",
                "erin",
                12,
                fields=(
                    FieldChange(name="displayName", after='Erin "E" O\\Neil'),
                    FieldChange(name="quota", after=0),
                    FieldChange(name="password", secret=SecretRef("generate")),
                ),
            ),
            change(
                "create",
                "team",
                20,
                kind="alias",
                depends_on=("mailbox:erin@example.com",),
                fields=(FieldChange(name="to", after=tuple(f"member{n}@example.com" for n in range(7))),),
            ),
            change(
                "delete",
                "carol",
                28,
                reason="removed",
                risk="mail-loss",
                usage_bytes=3435973837,
                last_login="2026-11-20T10:00:00Z",
            ),
            change("delete", "old-sales", 29, kind="alias", reason="pruned"),
        ),
        unmanaged=(
            Unmanaged("alias", "news@example.com"),
            Unmanaged("mailbox", "old@example.com"),
            Unmanaged("mailbox", "scan@example.com"),
        ),
        diagnostics=(
            error("GRD002", "example.com: 1 of 4 mailboxes would be deleted; the policy lets 0 pass", Span(FILE, 28, 5),
                  hint="if all of them are meant, give --allow-deletions with the exact number of deletions in the plan"),
            Diagnostic(Severity.INFO, "GRD009", "mailbox dave@example.com will be deleted", Span(FILE, 31, 5, 31, 10)),
        ),
    )  # fmt: skip
    idn = Plan(
        domain="xn--mnchen-3ya.example",
        server="mail1",
        changes=(change("create", "xn--bcher-kva.example", 3, kind="domainAlias", domain="xn--mnchen-3ya.example"),),
    )
    unread = Plan(
        domain="gone.example",
        server="mail2",
        complete=False,
        diagnostics=(
            error("SRV001", "gone.example: mail2.example.net does not answer", Span("reconciler.yaml", 7, 3)),
        ),
    )
    return everything, idn, unread, Plan(domain="quiet.example", server="mail1")


_NASTY = "\n\r\t\x1b\x07\x9b\u202e\u2066\u200b\u200d\ufeff\u2028\u3164\ufe0f<>`|@#!*_[]()&%:,\\\"'~$/-+ aé漢"
HOSTILE = st.text(st.sampled_from(_NASTY), max_size=12) | st.text(max_size=8) | st.sampled_from(
    ["::error::x", "##[error]x", "##vso[task]", "<script>", "@torvalds", "GH-1", "o/r#1", "http://a.example/", "www.a.example",
     "[x](http://a)", "![](http://a/b)", "\x1b[2J", "`", "``a`", "</details>", "\ud800", "__x__@a.example", "<!--", "/close",
     "&lt;b&gt;", "a@b.example", "&#64;user"]
)  # fmt: skip
ADDRESSES = st.lists(HOSTILE, max_size=5, unique=True).map(lambda rows: tuple(sorted(rows)))
SPANS = st.none() | st.builds(Span, HOSTILE, st.integers(1, 99), st.integers(1, 99))
DIAGNOSTICS = st.builds(
    Diagnostic, st.sampled_from(Severity), st.sampled_from(["GRD002", "GRD009", "SEC001"]), HOSTILE, SPANS, HOSTILE
)
SHARES = st.sampled_from([None, "change set", "pending", "both"])
DIRECTIONS = st.sampled_from([None, "server", "git", "both"])
AMOUNTS = st.none() | st.decimals(0, 10_000, places=2)
COSTS = st.none() | st.builds(Cost, currency=st.sampled_from(["USD", "CAD", "EUR"]), before=AMOUNTS, after=AMOUNTS)
VALUES = HOSTILE | st.integers(0, 1 << 50) | st.booleans() | ADDRESSES


@st.composite
def fields(draw: st.DrawFn, created: bool) -> FieldChange:
    name = draw(st.sampled_from(["displayName", "quota", "to", "enabled"]))
    if draw(st.integers(0, 5)) == 0:
        kind = draw(st.sampled_from(["env", "file", "command", "sops", "vault", "keyring", "generate"]))
        return FieldChange(name="password", secret=SecretRef(kind, draw(HOSTILE)), **marks(draw))
    after = draw(VALUES)
    if created or not isinstance(after, str | tuple):
        return FieldChange(name=name, after=after, **marks(draw))
    others: Any = HOSTILE if isinstance(after, str) else ADDRESSES
    before = draw(others.filter(lambda before: before != after))
    return FieldChange(name=name, before=before, after=after, **marks(draw))


def marks(draw: st.DrawFn) -> dict[str, Any]:
    return {"attribution": draw(SHARES), "direction": draw(DIRECTIONS)}


@st.composite
def changes(draw: st.DrawFn) -> Change:
    action = draw(st.sampled_from(["create", "update", "delete", "rename"]))
    kind = draw(st.sampled_from(["mailbox", "alias"] if action == "rename" else ["mailbox", "alias", "domainAlias"]))
    rows = [] if action in ("delete", "rename") else draw(st.lists(fields(action == "create"), max_size=4))
    pending = action == "update" and draw(st.booleans())
    return Change(
        action=action,
        kind=kind,
        domain=draw(HOSTILE),
        name=draw(HOSTILE),
        new_name=draw(HOSTILE) if action == "rename" else None,
        reason="purge pending" if pending else draw(st.sampled_from(["declared", "removed", "pruned", "rolled back"])),
        risk=draw(st.sampled_from(["none", "mail-loss", "access", "exfiltration"])),
        fields=tuple({f.name: f for f in rows}.values()),
        purge_after="2026-12-31" if pending else None,
        depends_on=tuple(draw(st.lists(HOSTILE, max_size=2))),
        usage_bytes=draw(st.none() | st.integers(0, 1 << 50)),
        last_login=draw(st.none() | HOSTILE),
        origin=draw(SPANS),
        **marks(draw),
    )


PLANS = st.lists(
    st.builds(
        Plan,
        domain=HOSTILE,
        server=HOSTILE,
        changes=st.lists(changes(), max_size=4).map(tuple),
        unmanaged=st.lists(
            st.builds(Unmanaged, st.sampled_from(["mailbox", "alias", "domainAlias"]), HOSTILE), max_size=3
        ).map(tuple),
        diagnostics=st.lists(DIAGNOSTICS, max_size=3).map(tuple),
        complete=st.booleans(),
        hidden=st.lists(changes(), max_size=2).map(tuple),
        cost=COSTS,
    ),
    max_size=3,
)
OUTCOMES = st.builds(Outcome, change=changes(), result=st.sampled_from(Result), detail=HOSTILE, hint=HOSTILE)


@pytest.fixture
def based() -> tuple[Plan, ...]:
    """Plans with a base: introduced, partly introduced, pending and hidden changes, and the bill."""
    own = FieldChange(name="quota", before=1 << 30, after=5 << 30, attribution="change set", direction="git")
    there = FieldChange(name="enabled", before=False, after=True, attribution="pending", direction="server")
    plan = Plan(
        domain="example.com",
        server="mail1",
        changes=(
            change(
                "delete", "carol", 28, reason="removed", risk="mail-loss", attribution="change set",
                usage_bytes=3435973837, last_login="2026-11-20T10:00:00Z",
            ),
            change("update", "alice", 8, risk="access", attribution="both", direction="both", fields=(own, there)),
            change("create", "erin", 12, attribution="change set", direction="git",
                   fields=(FieldChange(name="quota", after=1 << 30, attribution="change set", direction="git"),)),
            change("update", "bob", 16, risk="access", attribution="pending", direction="server", fields=(there,)),
            change("delete", "old", 29, kind="alias", reason="removed", attribution="pending"),
        ),
        hidden=(
            change("update", "info", 21, kind="alias",
                   fields=(FieldChange(name="to", before=("x@example.com",), after=("alice@example.com",)),)),
        ),
        cost=Cost(currency="USD", before=Decimal("14.5"), after=Decimal(19)),
    )  # fmt: skip
    other = Plan(
        domain="second.example", server="mail1", cost=Cost(currency="USD", before=Decimal(3), after=Decimal(3))
    )
    return plan, other


@pytest.fixture(scope="session")
def any_plans() -> st.SearchStrategy[list[Plan]]:
    """Lists of plans with untrusted text in every text field."""
    return PLANS


@pytest.fixture(scope="session")
def any_outcome() -> st.SearchStrategy[Outcome]:
    """Outcomes of changes with untrusted text."""
    return OUTCOMES


@pytest.fixture(scope="session")
def any_diagnostics() -> st.SearchStrategy[list[Diagnostic]]:
    """Lists of diagnostics with untrusted text."""
    return st.lists(DIAGNOSTICS, max_size=4)


@pytest.fixture(scope="session")
def any_text() -> st.SearchStrategy[str]:
    """Untrusted text."""
    return HOSTILE


@pytest.fixture(scope="session")
def any_addresses() -> st.SearchStrategy[tuple[str, ...]]:
    """Sorted lists of untrusted texts."""
    return ADDRESSES


@pytest.fixture(scope="session")
def make() -> Callable[..., Change]:
    """Makes a change of example.com."""
    return change


@pytest.fixture(scope="session")
def is_quiet() -> Callable[[str], bool]:
    """Whether a line contains no control character and no invisible character."""
    return lambda line: not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in line)
