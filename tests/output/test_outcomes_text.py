"""Outcomes as text: a line as each happens, and an end that says what is left."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.diagnostics import error
from reconciler.core.plan import Change, Outcome, Plan, Result
from reconciler.core.source import Span
from reconciler.output.plan.outcomes import render_apply_summary, render_outcome

Make = Callable[..., Change]


def three(make: Make) -> tuple[Outcome, Outcome, Outcome]:
    return (
        Outcome(change=make("create", "alice"), result=Result.APPLIED),
        Outcome(change=make("update", "bob", 9), result=Result.FAILED, detail="the server said no", hint="ask it"),
        Outcome(change=make("delete", "carol", 12), result=Result.NOT_TRIED, detail="after: no answer"),
    )


def test_each_outcome_is_one_line(make: Make) -> None:
    renamed = Outcome(change=make("rename", "robert", new_name="rob"), result=Result.APPLIED)
    assert [render_outcome(o, color=False) for o in (*three(make), renamed)] == [
        "ok  + mailbox alice@example.com",
        "FAILED ~ mailbox bob@example.com: the server said no",
        "not tried - mailbox carol@example.com: after: no answer",
        "ok  > mailbox robert@example.com -> rob@example.com",
    ]


def test_colour_marks_what_failed(make: Make) -> None:
    assert render_outcome(three(make)[1], color=True).startswith("\033[1;31mFAILED\033[0m ~ ")


def test_the_end_counts_names_what_failed_with_place_and_hint_and_says_what_is_left(make: Make) -> None:
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
  hint: apply again; a run takes up what is left
"""
    )


def test_what_was_as_wanted_already_or_has_moved_is_counted_and_what_has_moved_is_listed(make: Make) -> None:
    outcomes = {
        "example.com": (
            *(Outcome(change=make("create", f"new{n}"), result=Result.APPLIED) for n in range(2)),
            Outcome(change=make("update", "alice"), result=Result.SKIPPED),
            Outcome(
                change=make("update", "bob", 9),
                result=Result.REFUSED,
                detail="quota has moved since the plan",
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
Applied: 3 changes in 2 domains; 1 already as wanted, 1 refused (moved since the
    plan), 0 failed, 0 not tried.
Refused, for it has moved since the plan:
  ~ mailbox bob@example.com: quota has moved since the plan
      at domains/example.com.yaml:9:5
      hint: plan again
Not done: a new plan still has 1 change.
  example.com:
    ~ mailbox bob@example.com
  hint: plan again and have it reviewed: what was refused has moved
"""
    )


def test_the_end_of_an_apply_fits_a_terminal(make: Make) -> None:
    words = (
        "mail1: POST settings/domain/domain-alias-put/{name}/{checkMx}: the server refused: MX record does not match"
    )
    failed = Outcome(change=make("update", "bob", 9), result=Result.FAILED, detail=words, hint=f"see the log; {words}")
    lines = list(render_apply_summary({"example.com": (failed,)}, (), converged=False, color=False))
    assert max(map(len, lines)) <= 80
    assert " ".join("".join(line + "\n" for line in lines).split()).count(words) == 2


def test_each_result_has_a_line_of_its_own(make: Make) -> None:
    said = [render_outcome(Outcome(change=make("create", "a"), result=r), color=False) for r in Result]
    assert said == [
        "ok  + mailbox a@example.com",
        "already as wanted + mailbox a@example.com",
        "REFUSED + mailbox a@example.com",
        "FAILED + mailbox a@example.com",
        "not tried + mailbox a@example.com",
    ]


def test_an_apply_that_worked_ends_with_the_proof(make: Make) -> None:
    lines = list(render_apply_summary({"example.com": three(make)[:1]}, (), converged=True, color=False))
    assert lines[1:] == [
        "Applied: 1 change in 1 domain; 0 failed, 0 not tried.",
        "Done and converged: a new plan is empty.",
    ]


def test_nothing_to_change_is_not_called_an_apply() -> None:
    lines = list(render_apply_summary({}, (), converged=True, color=False))
    assert lines[1:] == ["Nothing was to be changed.", "Done and converged: a new plan is empty."]


def test_what_was_never_read_is_not_called_converged() -> None:
    lines = list(render_apply_summary({}, (), converged=False, color=False))
    assert lines[-1] == "Not done: some domains were not read whole and were left alone; see above."


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_hostile_character_reaches_the_terminal(
    data: st.DataObject, any_outcome: Any, any_plans: Any, is_quiet: Callable[[str], bool]
) -> None:
    outcomes = data.draw(st.lists(any_outcome, max_size=4))
    for outcome in outcomes:
        assert is_quiet(render_outcome(outcome, color=False))
    for line in render_apply_summary({"x": outcomes}, data.draw(any_plans), converged=False, color=False):
        assert is_quiet(line)
        assert not line.lstrip().startswith("::")
