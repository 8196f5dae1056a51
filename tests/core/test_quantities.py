from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.quantities import UNLIMITED, format_money, format_size, human_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1 KiB", 1024),
        ("5 GiB", 5 * 1024**3),
        ("5GiB", 5 * 1024**3),
        ("500 MiB", 500 * 1024**2),
        ("1 TiB", 1024**4),
        (4096, 4096),
        ("unlimited", UNLIMITED),
    ],
)
def test_a_size_is_read_as_bytes(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "5 GB",
        "5 gib",
        "05 GiB",
        "0 GiB",
        "-1 GiB",
        "1.5 GiB",
        "5  GiB",
        " 5 GiB",
        "5 GiB\n",
        "Unlimited",
        0,
        -1,
    ],
)
def test_an_invalid_size_is_refused(text: str | int) -> None:
    with pytest.raises(ValueError, match=r"size"):
        parse_size(text)


def test_a_size_is_written_in_the_largest_unit_that_divides_it() -> None:
    assert format_size(1024**4) == "1 TiB"
    assert format_size(1536 * 1024**2) == "1536 MiB"
    assert format_size(1025) == "1025"
    assert format_size(UNLIMITED) == "unlimited"


@settings(deadline=None, max_examples=100)
@given(st.one_of(st.integers(0, 1 << 50), st.integers(1, 4096).map(lambda n: n << 30)))
def test_a_formatted_size_parses_to_the_same_value(size: int) -> None:
    text = format_size(size)
    assert parse_size(int(text) if text.isdecimal() else text) == size


def test_people_see_one_decimal() -> None:
    assert human_size(0) == "0 B"
    assert human_size(1023) == "1023 B"
    assert human_size(int(3.2 * 1024**3)) == "3.2 GiB"


def test_money_has_two_decimals() -> None:
    assert format_money(Decimal("14.5")) == "14.50"
    assert format_money(Decimal(0)) == "0.00"


def test_half_a_cent_is_rounded_up_and_an_amount_may_have_any_length() -> None:
    assert [format_money(Decimal(text)) for text in ("46.125", "46.135", "46.1249")] == ["46.13", "46.14", "46.12"]
    assert format_money(Decimal("9" * 40)) == "9" * 40 + ".00"
