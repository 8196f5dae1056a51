"""The differences between two reports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.comparison import CheckResult, Snapshot, compare
from reconciler.core.findings import STATUSES, Status

KEYS = st.tuples(
    st.sampled_from(["a.example", "b.example"]), st.just("mail1"), st.just(""), st.sampled_from(["mx", "spf"])
)
SNAPSHOTS = st.dictionaries(KEYS, st.builds(CheckResult, st.sampled_from(STATUSES), st.sampled_from(["", "A", "B"])))
SPF = ("a.example", "mail1", "", "spf")


def verdict(before: Status, after: Status, codes: tuple[str, str] = ("A", "A")) -> str | None:
    found = compare({SPF: CheckResult(before, codes[0])}, {SPF: CheckResult(after, codes[1])}, since="").differences
    return found[0].verdict if found else None


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ("pass", "warn", "worse"), ("warn", "fail", "worse"), ("pass", "fail", "worse"),
        ("fail", "warn", "better"), ("warn", "pass", "better"),
        ("fail", "error", "unknown"), ("pass", "error", "unknown"), ("error", "fail", "known"), ("error", "pass", "known"),
        ("skip", "fail", "different"), ("error", "skip", "different"), ("pass", "pass", None), ("error", "error", None),
    ],
)  # fmt: skip
def test_a_change_of_status_has_its_word(before: Status, after: Status, wanted: str | None) -> None:
    assert verdict(before, after) == wanted


def test_a_failed_lookup_is_never_better_or_worse() -> None:
    assert {verdict("error", s) for s in STATUSES} | {verdict(s, "error") for s in STATUSES} <= {
        "unknown",
        "known",
        "different",
        None,
    }


def test_another_fault_of_the_same_status_is_different_if_both_codes_are_known() -> None:
    assert verdict("fail", "fail", ("SPF_SEVERAL", "SPF_MISSING")) == "different"
    assert verdict("fail", "fail", ("", "SPF_MISSING")) is None


def test_an_unselected_domain_is_not_removed_but_a_check_that_is_off_now_is() -> None:
    before = {
        SPF: CheckResult("pass", "A"),
        ("a.example", "mail1", "", "mx"): CheckResult("pass", "A"),
        ("b.example", "mail1", "", "mx"): CheckResult("pass", "A"),
    }
    found = compare(before, {SPF: CheckResult("pass", "A")}, since="", partial=True).differences
    assert [(d.domain, d.check, d.verdict) for d in found] == [("a.example", "mx", "removed")]
    assert len(compare(before, {SPF: CheckResult("pass", "A")}, since="").differences) == 2


@given(SNAPSHOTS)
def test_a_report_does_not_differ_from_itself(said: Snapshot) -> None:
    assert compare(said, said, since="").differences == ()


@given(SNAPSHOTS, SNAPSHOTS)
def test_swapped_reports_swap_better_and_worse(one: Snapshot, other: Snapshot) -> None:
    there, back = compare(one, other, since="").count(), compare(other, one, since="").count()
    for word, mirrored in (("better", "worse"), ("known", "unknown"), ("added", "removed"), ("different", "different")):
        assert there[word] == back[mirrored]  # type: ignore[index]
