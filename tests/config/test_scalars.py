"""Plain scalars: a subset of the core schema of YAML 1.2."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config.document.builder import PlainScalars, resolve

VALUES = [
    ("", None),
    ("~", None),
    ("null", None),
    ("Null", None),
    ("NULL", None),
    ("true", True),
    ("True", True),
    ("TRUE", True),
    ("false", False),
    ("False", False),
    ("FALSE", False),
    ("0", 0),
    ("-0", 0),
    ("+12", 12),
    ("-7", -7),
    ("1073741824", 1073741824),
    ("0o14", 12),
    ("0x1F", 31),
    ("0.5", 0.5),
    (".5", 0.5),
    ("-1.25", -1.25),
    ("2.00", 2),
    ("1e3", 1000),
    ("1E-2", 0.01),
    ("5.", 5),
]
TEXTS = [
    *("yes", "no", "NO", "on", "off", "y", "n", "nULL", "tRue", "None"),
    *("0755", "007", "00", "-01", "007.5", "0o8", "0xG", "0b1", "1_000", "1,5", "٣"),
    *("2026-12-31", "2026-12-31T10:00:00Z", "22:30", "1:30", "12e", "e3", ".", "-", "+", "..", "1.2.3"),
    *(".inf", "-.inf", ".nan", ".NaN", "1e400", "inf", "nan"),
    *("5 GiB", "<<", "=", "1e", "9" * 41),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_values_of_the_core_schema(text: str, value: object) -> None:
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", TEXTS)
def test_special_values_of_yaml_1_1_are_text(text: str) -> None:
    assert resolve(text) == text


@given(st.integers(min_value=-(10**30), max_value=10**30))
def test_an_integer_keeps_its_value(number: int) -> None:
    assert resolve(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_keeps_its_value_and_becomes_an_int_without_a_fraction(number: float) -> None:
    found = resolve(repr(number))
    assert found == number
    assert isinstance(found, int) == number.is_integer()


@given(st.text(max_size=60))
def test_every_text_has_a_value_that_json_can_express(text: str) -> None:
    found = resolve(text)
    assert found is None or isinstance(found, str | int | float)
    assert not isinstance(found, float) or math.isfinite(found)


def test_the_cache_returns_the_resolved_value() -> None:
    cache = PlainScalars()
    for text in [text for text, _ in VALUES] + TEXTS:
        assert cache[text] == resolve(text)
        assert type(cache[text]) is type(resolve(text))
