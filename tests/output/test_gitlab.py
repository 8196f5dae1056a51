"""The Code Quality report of GitLab: required properties of each issue, and stable fingerprints."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.diagnostics import Diagnostic, error
from reconciler.core.plan import Change, Plan
from reconciler.core.source import Span
from reconciler.output.plan.gitlab import render_diagnostics_gitlab, render_plans_gitlab

SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


def issues(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)
    for issue in found:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in SEVERITIES
        assert set(issue["location"]) == {"path", "lines"}
        assert issue["location"]["lines"]["begin"] >= 1
        assert len(issue["fingerprint"]) == 64
    assert len({i["fingerprint"] for i in found}) == len(found), "GitLab shows one of two that are alike"
    return found


def test_diagnostics_deletions_and_drift_are_issues(based: tuple[Plan, ...]) -> None:
    paths = {"domains/example.com.yaml": "mail/domains/example.com.yaml"}
    found = issues(render_plans_gitlab(based, paths))
    assert [(i["check_name"], i["severity"], i["location"]["lines"]["begin"]) for i in found] == [
        ("deletion", "major", 28),
        ("drift", "info", 8),
        ("drift", "info", 16),
        ("deletion", "info", 29),
    ]
    assert {i["location"]["path"] for i in found} == {"mail/domains/example.com.yaml"}
    assert found[0]["description"] == (
        "deletes mailbox carol@example.com (removed; 3.2 GiB, last login 2026-11-20)"
    )  # fmt: skip


def test_a_diagnostic_without_location_is_an_issue_of_the_workspace_file() -> None:
    (found,) = issues(render_diagnostics_gitlab([error("WSP002", "nothing matches", hint="look")]))
    assert found["location"] == {"path": "reconciler.yaml", "lines": {"begin": 1}}
    assert (found["check_name"], found["severity"]) == ("WSP002", "critical")
    assert found["description"] == "nothing matches · look"


def test_a_fingerprint_depends_on_the_subject_and_not_on_the_line(make: Callable[..., Change]) -> None:
    def prints(*changes: Change) -> list[str]:
        plan = Plan(domain="example.com", server="m", changes=changes)
        return [i["fingerprint"] for i in issues(render_plans_gitlab((plan,)))]

    gone = make("delete", "carol", 28, usage_bytes=5)
    assert prints(gone) == prints(replace(gone, origin=Span("domains/example.com.yaml", 99, 1), usage_bytes=7))
    assert prints(gone) != prints(make("delete", "dave", 28))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_plan_gives_the_same_report_in_any_order(
    data: st.DataObject, any_plans: Any, is_quiet: Callable[[str], bool]
) -> None:
    text = render_plans_gitlab(data.draw(any_plans))
    assert text.isascii()
    assert all(is_quiet(i["description"]) for i in issues(text))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_diagnostics_give_a_valid_report(
    data: st.DataObject, any_diagnostics: st.SearchStrategy[list[Diagnostic]]
) -> None:
    diagnostics = data.draw(any_diagnostics)
    text = render_diagnostics_gitlab(diagnostics)
    assert render_diagnostics_gitlab(data.draw(st.permutations(diagnostics))) == text
    assert len(issues(text)) == len(set(diagnostics))
