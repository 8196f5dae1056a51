"""Plans as workflow annotations: the escapes of GitHub, and no other line is a runner command."""

import re
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.diagnostics import error, warning
from reconciler.core.plan import Change, Plan
from reconciler.core.source import Span
from reconciler.output.plan.github import render_plans_github


def test_errors_warnings_and_deletions_are_annotations_at_their_places(telling: tuple[Plan, ...]) -> None:
    lines = list(render_plans_github(telling))
    assert lines[0] == (
        "::error file=domains/example.com.yaml,line=28,col=5,title=GRD002::example.com: 1 of 4 mailboxes would be "
        "deleted; the policy lets 0 pass%0Ahint: if all of them are meant, give --allow-deletions with the exact "
        "number of deletions in the plan"
    )
    assert (
        "::warning file=domains/example.com.yaml,line=28,col=5,title=deletion::deletes mailbox carol@example.com "
        "(removed; 3.2 GiB, last login 2026-11-20)"
    ) in lines
    assert (
        "::warning file=domains/example.com.yaml,line=8,col=5,title=exfiltration::mailbox alice@example.com would send "
        "mail to external addresses"
    ) in lines
    assert lines[-1].startswith("Plan: 3 to create")


def test_properties_and_messages_are_escaped_as_the_runner_reads_them() -> None:
    found = warning("GRD007", "100% sure", Span("a,b:c%.yaml", 1, 2))
    plan = Plan(domain="example.com", server="m", diagnostics=(found, error("GRD004", "no place")))
    assert list(render_plans_github((plan,)))[:2] == [
        "::error title=GRD004::no place",
        "::warning file=a%2Cb%3Ac%25.yaml,line=1,col=2,title=GRD007::100%25 sure",
    ]


def test_files_have_their_paths_in_the_repository(make: Callable[..., Change]) -> None:
    plan = Plan(domain="example.com", server="m", changes=(make("delete", "a", 7),))
    paths = {"domains/example.com.yaml": "mail/domains/example.com.yaml"}
    line = next(iter(render_plans_github((plan,), paths)))
    assert line.startswith("::notice file=mail/domains/example.com.yaml,line=7,")


def test_external_forwarding_that_the_guard_reports_is_not_reported_twice(make: Callable[..., Change]) -> None:
    change = make("update", "a", 7, risk="exfiltration")
    found = warning("GRD007", "mailbox a@example.com would send mail to external addresses", change.origin)
    plan = Plan(domain="example.com", server="m", changes=(change,), diagnostics=(found,))
    assert sum("external addresses" in line for line in render_plans_github((plan,))) == 1


def test_the_worst_annotations_come_first(make: Callable[..., Change]) -> None:
    many = tuple(warning("REF003", f"a target {n}", Span("a.yaml", n, 1)) for n in range(1, 30))
    gone = make("delete", "carol", risk="mail-loss", reason="removed")
    plan = Plan(domain="example.com", server="m", changes=(gone,), diagnostics=many)
    assert "deletes mailbox carol@example.com" in next(iter(render_plans_github((plan,))))


def test_a_change_made_on_the_server_is_a_notice(based: tuple[Plan, ...]) -> None:
    (line,) = (line for line in render_plans_github(based) if "bob@example.com" in line)
    assert line == (
        "::notice file=domains/example.com.yaml,line=16,col=5,title=drift::changed on the server: mailbox "
        "bob@example.com (enabled); `apply` would restore the declared state"
    )


def test_a_deletion_without_location_is_still_reported(make: Callable[..., Change]) -> None:
    plan = Plan(
        domain="example.com", server="m", changes=(make("delete", "a", kind="alias", reason="pruned", origin=None),)
    )
    assert next(iter(render_plans_github((plan,)))) == (
        "::notice title=deletion::deletes alias a@example.com (pruned: no file declares it)"
    )  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_runner_gets_only_our_own_commands(
    data: st.DataObject, any_plans: Any, is_quiet: Callable[[str], bool]
) -> None:
    plans = data.draw(any_plans)
    lines = list(render_plans_github(plans))
    changes = [c for p in plans for c in p.changes]
    expected = sum(len(set(p.diagnostics)) + p.count("delete") for p in plans)
    expected += sum(c.risk == "exfiltration" for c in changes) + sum(c.direction in ("server", "both") for c in changes)
    assert len(lines) == expected + 1
    for line in lines:
        assert is_quiet(line)
        assert "##" not in line
    for line in lines[:-1]:
        assert re.match(r"::(error|warning|notice) (file=[^,:]*,line=\d+,col=\d+,)?title=\w+::", line)
    assert not lines[-1].startswith("::")
