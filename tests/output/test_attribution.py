"""Attribution, direction, hidden changes and the bill in every format of a plan."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.cli.console import LEAST_MARKDOWN, MARKDOWN_LIMIT
from reconciler.core.plan import Change, Cost, FieldChange, Outcome, Plan, Result
from reconciler.output.plan.apply_json import render_apply_json
from reconciler.output.plan.costs import bill_words
from reconciler.output.plan.json import render_plans_json
from reconciler.output.plan.markdown import GITHUB_LIMIT, MIN_LIMIT, render_plans_markdown
from reconciler.output.plan.text import render_plans
from reconciler.output.plan.words import ago

TODAY = date(2026, 11, 22)
Schema = Callable[[str], Draft202012Validator]
Generated = dict[str, object]


def drifted(plans: tuple[Plan, ...]) -> tuple[Plan, ...]:
    """The same plans as the result of `drift`: with directions and without attribution."""

    def bare(change: Change) -> Change:
        return replace(change, attribution=None, fields=tuple(replace(f, attribution=None) for f in change.fields))

    return tuple(replace(p, hidden=(), cost=None, changes=tuple(map(bare, p.changes))) for p in plans)


def test_the_document_has_attribution_hidden_changes_and_cost(
    based: tuple[Plan, ...], generated: Generated, schema: Schema
) -> None:
    document = json.loads(render_plans_json(based, generated))
    schema("plan").validate(document)
    domain, other = document["domains"]
    alice = domain["changes"][1]
    assert (alice["share"], alice["direction"]) == ("both", "both")
    assert alice["fields"]["quota"] == {
        "before": 1 << 30, "after": 5 << 30, "share": "change-set", "direction": "git",
    }  # fmt: skip
    assert domain["changes"][0]["share"] == "change-set"
    assert "direction" not in domain["changes"][0]
    assert [(c["action"], c["address"]) for c in domain["masked"]] == [("update", "info@example.com")]
    assert domain["cost"] == {"currency": "USD", "monthlyBefore": "14.50", "monthlyAfter": "19.00"}
    assert "masked" not in other


def test_an_unknown_side_of_the_bill_is_omitted(generated: Generated, schema: Schema) -> None:
    plan = Plan(domain="a.example", server="m", cost=Cost(currency="USD", before=None, after=Decimal(2)))
    document = json.loads(render_plans_json((plan,), generated))
    schema("plan").validate(document)
    assert document["domains"][0]["cost"] == {"currency": "USD", "monthlyAfter": "2.00"}


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_order_of_the_plans_does_not_change_the_document(data: st.DataObject, any_plans: Any) -> None:
    header = {"time": "2026-11-22T18:00:00Z", "tool": "reconciler", "version": "0.1.0"}
    plans = list({(p.domain, p.server): p for p in data.draw(any_plans)}.values())
    plans = [replace(p, hidden=tuple({(c.kind, c.name, c.action): c for c in p.hidden}.values())) for p in plans]

    def shuffled(rows: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(data.draw(st.permutations(rows)))

    def mixed(change: Change) -> Change:
        return replace(change, fields=shuffled(change.fields), depends_on=shuffled(change.depends_on))

    others = [
        replace(
            p,
            changes=tuple(map(mixed, p.changes)),
            unmanaged=shuffled(p.unmanaged),
            diagnostics=shuffled(p.diagnostics),
            hidden=shuffled(p.hidden),
        )
        for p in data.draw(st.permutations(plans))
    ]
    first = json.loads(render_plans_json(plans, header))
    second = json.loads(render_plans_json(others, header))
    for document in (first, second):
        for domain in document["domains"]:
            domain.pop("digest")  # The planner sorts fields. The digest covers the original order.
    assert json.dumps(first) == json.dumps(second)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_apply_document_is_valid(data: st.DataObject, any_plans: Any, any_outcome: Any, schema: Schema) -> None:
    header = {"time": "2026-11-22T18:00:00Z", "tool": "reconciler", "version": "0.1.0"}
    outcomes = {f"{n}.example": rows for n, rows in enumerate(data.draw(st.lists(st.lists(any_outcome, max_size=3))))}
    text = render_apply_json(
        data.draw(any_plans), outcomes, header, agreed=data.draw(st.booleans()), converged=data.draw(st.booleans())
    )
    schema("apply").validate(json.loads(text))


def test_an_apply_counts_each_result(generated: Generated, make: Callable[..., Change]) -> None:
    rows = [Outcome(change=make("update", f"a{n}"), result=r) for n, r in enumerate((*Result, Result.REFUSED))]
    text = render_apply_json((), {"example.com": rows}, generated, agreed=True, converged=False)
    assert json.loads(text)["summary"] == {
        "applied": 1, "alreadyAsWanted": 1, "refused": 2, "failed": 1, "notTried": 1,
    }  # fmt: skip


def test_a_change_is_the_same_in_the_schemas_of_a_plan_and_of_an_apply(schema: Schema) -> None:
    plan, apply = schema("plan").schema, schema("apply").schema
    assert {name: apply["$defs"][name] for name in plan["$defs"]} == plan["$defs"]
    for name in ("summary", "domains"):
        assert apply["properties"]["plan"]["properties"][name] == plan["properties"][name]


SCREEN = """\
example.com  on mail1
  - mailbox carol@example.com  [deletes mail]  removed; 3.2 GiB, last login
      2026-11-20
  ~ mailbox alice@example.com  [access]  changed on both  partly already pending
      quota: 1 GiB -> 5 GiB  (changed in git; introduced by this change)
      enabled: false -> true  (changed on the server; already pending)
  + mailbox erin@example.com  changed in git
      quota: 1 GiB
  ~ mailbox bob@example.com  [access]  changed on the server  already pending
      enabled: false -> true
  - alias old@example.com  removed  already pending
  hidden by this change: the base would also make these changes
    ~ alias info@example.com
        to: + alice@example.com  - x@example.com
  monthly bill: USD 14.50 -> 19.00 (+4.50)

Plan: 1 to create, 2 to update, 2 to delete in 1 of 2 domains.
2 introduced by this change, 1 partly already pending, 2 already pending, 1
    hidden by this change.
Monthly bill: USD 17.50 -> 22.00 (+4.50).
! deletes 1 mailbox (3.2 GiB, last used 2 days ago), 1 alias
! changed on the server: 2 resources: mailbox alice@example.com (enabled);
    mailbox bob@example.com (enabled)
"""


def test_the_text_shows_attribution_and_bill_in_80_columns(based: tuple[Plan, ...]) -> None:
    lines = list(render_plans(based, color=False, width=80, today=TODAY))
    assert "".join(line + "\n" for line in lines) == SCREEN


def test_drift_ends_with_the_resources_that_were_changed_on_the_server(based: tuple[Plan, ...]) -> None:
    only = tuple(replace(p, changes=tuple(c for c in p.changes if c.name == "bob")) for p in drifted(based))
    *_, last = render_plans(only, color=False, width=80)
    assert last == "! changed on the server: 1 resource: mailbox bob@example.com (enabled)"


def test_resources_created_or_deleted_on_the_server_are_named(make: Callable[..., Change]) -> None:
    changes = (make("create", "gone", direction="server"), make("delete", "back", direction="server"))
    *_, last = render_plans((Plan(domain="example.com", server="m", changes=changes),), color=False, width=200)
    assert last.endswith(": 2 resources: mailbox gone@example.com (deleted); mailbox back@example.com (created)")


COMMENT = """\
## ⚠ Deletes 1 mailbox with 3.2 GiB, last used 2 days ago · already pending: deletes 1 alias · 2 resources changed on the server

Plan: 1 to create, 2 to update, 2 to delete in 1 of 2 domains.

2 introduced by this change, 1 partly already pending, 2 already pending, 1 hidden by this change.

Monthly bill: USD 17.50 → 22.00 (+4.50).

---

### Introduced by this change: 3 changes

#### 1 deletion

- `-` mailbox `carol@example.com` **deletes mail** (removed; 3.2 GiB, last login 2026-11-20)
  - at `domains/example.com.yaml:28:5`

<details><summary>1 update</summary>

- `~` mailbox `alice@example.com` **access** (changed on both; partly already pending)
  - at `domains/example.com.yaml:8:5`
  - quota: `1 GiB` → `5 GiB` (changed in git; introduced by this change)
  - enabled: `false` → `true` (changed on the server; already pending)

</details>

<details><summary>1 creation</summary>

- `+` mailbox `erin@example.com`
  - at `domains/example.com.yaml:12:5`
  - quota: `1 GiB`

</details>

---

### Already pending (drift, or an unapplied merge): 2 changes

#### 1 deletion

- `-` alias `old@example.com` (removed)
  - at `domains/example.com.yaml:29:5`

<details><summary>1 update</summary>

- `~` mailbox `bob@example.com` **access** (changed on the server)
  - at `domains/example.com.yaml:16:5`
  - enabled: `false` → `true`

</details>

---

### Hidden by this change: 1 change

<details><summary>1 update</summary>

- `~` alias `info@example.com`
  - at `domains/example.com.yaml:21:5`
  - to: added `alice@example.com`, removed `x@example.com`

</details>

---

<details><summary>Monthly bill by domain</summary>

- `example.com`: USD 14.50 → 19.00 (+4.50)
- `second.example`: USD 3.00, unchanged

</details>
"""


def test_a_comment_with_a_base_has_three_parts(based: tuple[Plan, ...]) -> None:
    assert render_plans_markdown(based, today=TODAY) == COMMENT


def test_a_change_set_that_changes_nothing_says_so(based: tuple[Plan, ...]) -> None:
    plan = replace(based[0], hidden=(), changes=tuple(c for c in based[0].changes if c.attribution == "pending"))
    text = render_plans_markdown((plan,), today=TODAY)
    assert "\n### Introduced by this change: none\n\n---\n\n### Already pending" in text
    assert text.startswith("## ⚠ Already pending: deletes 1 alias · 1 resource changed on the server\n")


def test_a_comment_on_drift_is_ordered_by_direction_and_unfolds_changes_of_the_server(based: tuple[Plan, ...]) -> None:
    text = render_plans_markdown(drifted(based), today=TODAY)
    assert re.findall("^### .*$", text, re.MULTILINE) == [
        "### Changed on the server: 1 change",
        "### Changed on both: 1 change",
        "### Changed in git: 1 change",
        "### Changed in an unknown place: 2 changes",
    ]
    server = text[text.index("### Changed on the server") : text.index("### Changed on both")]
    assert "<details>" not in server
    assert "  - enabled: `false` → `true`\n" in server


def test_a_markdown_parser_separates_the_parts(based: tuple[Plan, ...]) -> None:
    import markdown_it

    tokens = markdown_it.MarkdownIt("commonmark", {"html": True}).parse(render_plans_markdown(based, today=TODAY))
    heads = [tokens[n + 1].content for n, t in enumerate(tokens) if t.type == "heading_open" and t.tag == "h3"]
    assert [h.split(":")[0] for h in heads] == [
        "Introduced by this change",
        "Already pending (drift, or an unapplied merge)",
        "Hidden by this change",
    ]
    assert sum(t.type == "hr" for t in tokens) == 4
    folded = [t.content for t in tokens if t.type == "html_block"]
    assert sum("<details>" in c for c in folded) == sum("</details>" in c for c in folded) == 5


def test_omitted_changes_are_counted_by_attribution(
    make: Callable[..., Change],
) -> None:
    own = tuple(make("create", f"own{n}", attribution="change set") for n in range(400))
    pending = tuple(make("create", f"there{n}", attribution="pending") for n in range(400))
    plan = Plan(domain="example.com", server="m", changes=(*own, *pending))
    text = render_plans_markdown((plan,), limit=5_000)
    assert len(text) <= 5_000
    cut = re.search(r"\*\*Omitted to save space: (\d+) creations, (\d+) creations already pending\.\*\*", text)
    assert cut
    shown = text.count("mailbox `own"), text.count("mailbox `there")
    assert [s + int(c) for s, c in zip(shown, cut.groups(), strict=True)] == [400, 400]
    if shown[1]:
        assert text.index("### Already pending") < text.index("mailbox `there")


def test_entries_beyond_the_limit_are_never_rendered(
    make: Callable[..., Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    from reconciler.output.plan import markdown as plan_markdown_parts

    calls = []
    monkeypatch.setattr(plan_markdown_parts, "_field", lambda *_: calls.append(1) or "x")
    fields = (FieldChange(name="quota", after=1),)
    changes = tuple(make("create", f"user{n}", fields=fields) for n in range(10_000))
    render_plans_markdown((Plan(domain="example.com", server="m", changes=changes),), limit=5_000)
    assert 0 < len(calls) < 200


def test_the_command_line_and_the_renderer_have_the_same_limits() -> None:
    assert (MARKDOWN_LIMIT, LEAST_MARKDOWN) == (GITHUB_LIMIT, MIN_LIMIT)


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-11-22T23:59:59Z", "today"),
        ("2026-11-25", "today"),
        ("2026-11-21T00:00:00Z", "yesterday"),
        ("2026-11-20T10:00:00Z", "2 days ago"),
        ("2026-08-15", "99 days ago"),
        ("2026-08-14", "3 months ago"),
        ("2025-11-22", "12 months ago"),
        ("2024-11-22", "2 years ago"),
        ("0001-01-01", "2027 years ago"),
        ("never", ""),
        ("", ""),
    ],
)
def test_the_age_of_a_day(moment: str, words: str) -> None:
    assert ago(moment, TODAY) == words


def bill(currency: str, before: str | None, after: str | None) -> Plan:
    sides = [None if side is None else Decimal(side) for side in (before, after)]
    return Plan(domain="a.example", server="m", cost=Cost(currency=currency, before=sides[0], after=sides[1]))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], []),
        ([("USD", "14.50", "19")], ["Monthly bill: USD 14.50 -> 19.00 (+4.50)."]),
        ([("USD", "19", "14.5")], ["Monthly bill: USD 19.00 -> 14.50 (-4.50)."]),
        ([("USD", "3", "3.00")], ["Monthly bill: USD 3.00, unchanged."]),
        (
            [("USD", "1", "2"), ("CAD", "5", "5"), ("USD", "3", "3")],
            ["Monthly bill: CAD 5.00, unchanged.", "Monthly bill: USD 4.00 -> 5.00 (+1.00)."],
        ),
        (
            [("USD", "1", "2"), ("USD", None, "3")],
            ["Monthly bill: USD 1.00 -> 2.00 (+1.00); unknown for 1 domain."],
        ),
        ([("USD", None, None)], ["Monthly bill: USD unknown."]),
        ([("USD", "0.10", "0.20")] * 3, ["Monthly bill: USD 0.30 -> 0.60 (+0.30)."]),
    ],
)
def test_the_bill_is_summed_exactly_per_currency(rows: list[tuple[str, str, str]], expected: list[str]) -> None:
    assert list(bill_words([bill(*row) for row in rows], arrow="->")) == expected


@pytest.mark.parametrize("width", [40, 53, 80, 120])
def test_lines_with_marks_fit_any_width(based: tuple[Plan, ...], width: int) -> None:
    assert all(len(line) <= width for line in render_plans(based, color=False, width=width, today=TODAY))
