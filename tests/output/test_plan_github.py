"""Plans as workflow annotations: GitHub's escapes, and no line that was not meant as a command."""

import re
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.diagnostics import error, warning
from reconciler.core.plan import Change, Plan
from reconciler.core.source import Span
from reconciler.output.plan_github import render_plans_github


def test_errors_warnings_and_deletions_are_annotations_at_their_places(telling: tuple[Plan, ...]) -> None:
    lines = list(render_plans_github(telling))
    assert lines[0] == (
        "::error file=domains/example.com.yaml,line=28,col=5,title=GRD002::example.com: 1 of 4 mailboxes would be "
        "deleted; the policy lets 0 pass%0Ahint: if all of them are meant, give --allow-deletions with the exact "
        "number of deletions in the plan"
    )
    assert (
        "::notice file=domains/example.com.yaml,line=28,col=5,title=deletion::deletes mailbox carol@example.com "
        "(removed; 3.2 GiB, last sign-in 2026-11-20)"
    ) in lines
    assert lines[-1].startswith("Plan: 3 to create")


def test_properties_and_messages_are_escaped_as_the_runner_reads_them() -> None:
    said = warning("GRD007", "100% sure", Span("a,b:c%.yaml", 1, 2))
    plan = Plan(domain="example.com", server="m", diagnostics=(said, error("GRD004", "no place")))
    assert list(render_plans_github((plan,)))[:2] == [
        "::warning file=a%2Cb%3Ac%25.yaml,line=1,col=2,title=GRD007::100%25 sure",
        "::error title=GRD004::no place",
    ]


def test_a_deletion_without_a_place_is_still_announced(make: Callable[..., Change]) -> None:
    plan = Plan(
        domain="example.com", server="m", changes=(make("delete", "a", kind="alias", reason="pruned", origin=None),)
    )
    assert next(iter(render_plans_github((plan,)))) == (
        "::notice title=deletion::deletes alias a@example.com (pruned: no file declares it)"
    )  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_only_our_own_commands_reach_the_runner(
    data: st.DataObject, any_plans: Any, is_quiet: Callable[[str], bool]
) -> None:
    plans = data.draw(any_plans)
    lines = list(render_plans_github(plans))
    wanted = sum(len(p.diagnostics) + p.count("delete") for p in plans)
    assert len(lines) == wanted + 1
    for line in lines:
        assert is_quiet(line)
        assert "##" not in line
    for line in lines[:-1]:
        assert re.match(r"::(error|warning|notice) (file=[^,:]*,line=\d+,col=\d+,)?title=\w+::", line)
    assert not lines[-1].startswith("::")
