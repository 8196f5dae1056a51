"""Selection of domains by numbers, ranges and names."""

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
def test_a_selection_can_mix_numbers_ranges_and_names(text: str, numbers: list[int]) -> None:
    assert selected_names(text, KNOWN) == tuple(f"d{n}.example" for n in numbers)


@pytest.mark.parametrize(
    "text", ["", " , ", "0", "13", "5-3", "0-2", "1-13", "-1", "1-", "d99.example", "nonsense", "٣"]
)
def test_a_selection_without_a_known_domain_is_rejected(text: str) -> None:
    with pytest.raises(BadChoice):
        selected_names(text, KNOWN)


def test_an_internationalized_name_selects_its_punycode_form() -> None:
    known = ("xn--mnchen-3ya.example",)
    assert named("München.example", known) == known[0]


@settings(max_examples=100)
@given(st.text(max_size=30))
def test_any_text_gives_known_domains_in_order_or_an_error(text: str) -> None:
    try:
        names = selected_names(text, KNOWN)
    except BadChoice:
        return
    assert names
    assert list(names) == sorted(set(names), key=KNOWN.index)


@settings(max_examples=60)
@given(st.sets(st.integers(1, len(KNOWN)), min_size=1))
def test_numbers_select_the_domains_at_those_positions(numbers: set[int]) -> None:
    text = " ".join(str(n) for n in numbers)
    assert selected_names(text, KNOWN) == tuple(KNOWN[n - 1] for n in sorted(numbers))
