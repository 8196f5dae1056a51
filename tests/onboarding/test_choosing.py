"""Which domains an answer means."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.app.onboarding.selection import BadChoice, named, selected_names

KNOWN = tuple(f"d{number}.example" for number in range(1, 13))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("all", range(1, 13)),
        (" ALL ", range(1, 13)),
        ("1", [1]),
        ("12,1;2 2", [1, 2, 12]),
        ("3-5, 4-6", [3, 4, 5, 6]),
        ("D7.Example, 1-1", [1, 7]),
    ],
)
def test_numbers_ranges_and_names_may_be_mixed(text: str, numbers: list[int]) -> None:
    assert selected_names(text, KNOWN) == tuple(f"d{n}.example" for n in numbers)


@pytest.mark.parametrize(
    "text", ["", " , ", "0", "13", "5-3", "0-2", "1-13", "-1", "1-", "d99.example", "nonsense", "٣"]
)
def test_what_names_nothing_is_no_choice(text: str) -> None:
    with pytest.raises(BadChoice):
        selected_names(text, KNOWN)


def test_a_name_may_be_written_as_people_write_it() -> None:
    known = ("xn--mnchen-3ya.example",)
    assert named("München.example", known) == known[0]


@settings(max_examples=100)
@given(st.text(max_size=30))
def test_any_text_is_a_choice_in_order_or_none(text: str) -> None:
    try:
        names = selected_names(text, KNOWN)
    except BadChoice:
        return
    assert names
    assert list(names) == sorted(set(names), key=KNOWN.index)


@settings(max_examples=60)
@given(st.sets(st.integers(1, len(KNOWN)), min_size=1))
def test_the_numbers_of_any_domains_mean_those_domains(numbers: set[int]) -> None:
    text = " ".join(str(n) for n in numbers)
    assert selected_names(text, KNOWN) == tuple(KNOWN[n - 1] for n in sorted(numbers))
