"""Outcomes as text: a log grouped by domain, and a summary that names what remains."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.diagnostics import error
from reconciler.core.plan import Change, Outcome, Plan, Result
from reconciler.core.source import Span
from reconciler.output.plan.outcomes import OutcomeLog, render_apply_summary, render_outcomes

Make = Callable[..., Change]


def three(make: Make) -> tuple[Outcome, Outcome, Outcome]:
    return (
        Outcome(change=make("create", "alice"), result=Result.APPLIED),
        Outcome(change=make("update", "bob", 9), result=Result.FAILED, detail="the server said no", hint="ask it"),
        Outcome(change=make("delete", "carol", 12), result=Result.NOT_TRIED, detail="after: no answer"),
    )


def lines_of(*outcomes: Outcome) -> list[str]:
    return list(render_outcomes({"example.com": outcomes}, color=False))


def test_the_log_has_one_aligned_line_per_outcome_below_its_domain(make: Make) -> None:
    renamed = Outcome(change=make("rename", "robert", new_name="rob"), result=Result.APPLIED)
    assert lines_of(*three(make), renamed) == [
        "",
        "example.com",
        "  ok        + mailbox alice@example.com",
        "  FAILED    ~ mailbox bob@example.com: the server said no",
        "  not tried - mailbox carol@example.com: after: no answer",
        "  ok        > mailbox robert@example.com -> rob@example.com",
    ]


def test_color_marks_a_failure(make: Make) -> None:
    assert "\033[1;31mFAILED   \033[0m ~ " in list(render_outcomes({"d": three(make)[1:2]}, color=True))[2]


@given(data=st.data())
def test_the_log_groups_domains_whatever_the_order_of_outcomes_and_loses_none(data: st.DataObject, make: Make) -> None:
    sizes = data.draw(st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.integers(1, 3), min_size=1))
    order = data.draw(st.permutations([d for d, n in sizes.items() for _ in range(n)]))
    stop = data.draw(st.integers(0, len(order)))
    log, lines = OutcomeLog(sizes, color=False), []
    for number, domain in enumerate(order[:stop]):
        lines += log.add(domain, Outcome(change=make("create", f"m{number}"), result=Result.APPLIED))
    lines += log.rest()
    headers = [line for line in lines if line and not line.startswith(" ")]
    assert sorted(headers) == sorted(set(order[:stop]))
    assert len(lines) - 2 * len(headers) == stop


def test_the_log_shows_one_domain_as_it_happens_and_keeps_the_others_until_it_is_complete(make: Make) -> None:
    log = OutcomeLog({"a": 2, "b": 1}, color=False)
    done = Outcome(change=make("create", "x"), result=Result.APPLIED)
    assert [len(list(log.add(domain, done))) for domain in ("a", "b", "a")] == [3, 0, 4]


def test_the_summary_counts_lists_failures_with_location_and_hint_and_names_what_remains(make: Make) -> None:
    left = (
        Plan(domain="example.com", server="m", changes=(make("update", "bob"), make("delete", "carol"))),
        Plan(domain="fine.example", server="m"),
        Plan(
            domain="gone.example",
            server="m",
            complete=False,
            diagnostics=(error("SRV001", "gone.example: no answer", Span("reconciler.yaml", 3, 1), hint="wait"),),
        ),
    )
    lines = render_apply_summary({"example.com": three(make)}, left, converged=False, color=False)
    assert (
        "".join(line + "\n" for line in lines)
        == """
Applied: 1 change in 1 domain; 1 failed, 1 not tried.
Failed:
  ~ mailbox bob@example.com: the server said no
      at domains/example.com.yaml:9:5
      hint: ask it
Not tried:
  - mailbox carol@example.com: after: no answer
      at domains/example.com.yaml:12:5
Not done: a new plan still has 2 changes.
  example.com:
    ~ mailbox bob@example.com
    - mailbox carol@example.com
  gone.example could not be read again:
    error: gone.example: no answer [SRV001]
      at reconciler.yaml:3:1
      hint: wait
  hint: `reconciler apply` continues with the remaining changes
"""
    )


def test_the_summary_counts_changes_already_in_place_and_lists_stale_ones(make: Make) -> None:
    outcomes = {
        "example.com": (
            *(Outcome(change=make("create", f"new{n}"), result=Result.APPLIED) for n in range(2)),
            Outcome(change=make("update", "alice"), result=Result.SKIPPED),
            Outcome(
                change=make("update", "bob", 9),
                result=Result.REFUSED,
                detail="quota changed since the plan",
                hint="plan again",
            ),
        ),
        "second.example": (Outcome(change=make("delete", "carol", 12), result=Result.APPLIED),),
    }
    left = (Plan(domain="example.com", server="m", changes=(make("update", "bob", 9),)),)
    lines = render_apply_summary(outcomes, left, converged=False, color=False)
    assert (
        "".join(line + "\n" for line in lines)
        == """
Applied: 3 changes in 2 domains; 1 already in place, 1 refused (changed since
    the plan).
Refused, because the object changed since the plan:
  ~ mailbox bob@example.com: quota changed since the plan
      at domains/example.com.yaml:9:5
      hint: plan again
Not done: a new plan still has 1 change.
  example.com:
    ~ mailbox bob@example.com
  hint: plan again and have the plan reviewed: the refused objects have changed
"""
    )


def test_the_summary_fits_a_terminal(make: Make) -> None:
    words = (
        "mail1: POST settings/domain/domain-alias-put/{name}/{checkMx}: the server refused: MX record does not match"
    )
    failed = Outcome(change=make("update", "bob", 9), result=Result.FAILED, detail=words, hint=f"see the log; {words}")
    lines = list(render_apply_summary({"example.com": (failed,)}, (), converged=False, color=False))
    assert max(map(len, lines)) <= 80
    assert " ".join("".join(line + "\n" for line in lines).split()).count(words) == 2


def test_each_result_has_its_label(make: Make) -> None:
    outcomes = (Outcome(change=make("create", "a"), result=r) for r in Result)
    assert lines_of(*outcomes)[2:] == [
        "  ok        + mailbox a@example.com",
        "  in place  + mailbox a@example.com",
        "  STALE     + mailbox a@example.com",
        "  FAILED    + mailbox a@example.com",
        "  not tried + mailbox a@example.com",
    ]


def test_a_successful_apply_ends_with_the_result_of_the_verification(make: Make) -> None:
    lines = list(render_apply_summary({"example.com": three(make)[:1]}, (), converged=True, color=False))
    assert lines[1:] == [
        "Applied: 1 change in 1 domain.",
        "Done and converged: a new plan is empty.",
    ]


def test_a_run_without_changes_does_not_report_applied_changes() -> None:
    lines = list(render_apply_summary({}, (), converged=True, color=False))
    assert lines[1:] == ["Nothing to change.", "Done and converged: a new plan is empty."]


def test_an_incomplete_read_is_never_reported_as_converged() -> None:
    lines = list(render_apply_summary({}, (), converged=False, color=False))
    assert " ".join(" ".join(lines).split()) == (
        "Nothing to change. Not done: the read of some domains was incomplete, so they were skipped; see above."
    )


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_control_character_reaches_the_terminal(
    data: st.DataObject, any_outcome: Any, any_plans: Any, is_quiet: Callable[[str], bool]
) -> None:
    outcomes = data.draw(st.lists(any_outcome, max_size=4))
    assert all(map(is_quiet, lines_of(*outcomes)))
    for line in render_apply_summary({"x": outcomes}, data.draw(any_plans), converged=False, color=False):
        assert is_quiet(line)
        assert not line.lstrip().startswith("::")
