"""Properties of the sandbox's values: binding, names, rows on disk."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.sandbox.binder import BindError, Fields, read_body
from reconciler.sandbox.envelope import Refusal
from reconciler.sandbox.model import Alias, User, member_from_json, to_json
from reconciler.sandbox.names import domain_name, local_part
from reconciler.sandbox.passwords import hashed, matches

NAMES = st.text("abcXYZ", min_size=1, max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
few = settings(max_examples=60, deadline=None)


@few
@given(NAMES, st.integers(-(2**63), 2**63 - 1))
def test_a_field_is_found_in_any_letter_case_and_from_digits(name, number):
    for spelling in (name, name.lower(), name.upper()):
        assert Fields({spelling: number}).number(name) == Fields({spelling: str(number)}).number(name) == number


@few
@given(JSON)
def test_any_json_is_bound_or_rejected(value):
    fields = Fields({"x": value})
    for read in (fields.text, fields.number, fields.flag, fields.fields, fields.texts):
        try:
            read("x")
        except BindError:
            assert value is not None


@few
@given(st.binary(max_size=40), st.sampled_from(["application/json", "application/x-www-form-urlencoded", ""]))
def test_any_bytes_are_bound_or_rejected(raw, content_type):
    try:
        body = read_body(raw, content_type)
    except BindError:
        assert raw.strip()
    else:
        assert body.rows is None or isinstance(body.rows, list)


@few
@given(st.text(max_size=20))
def test_a_stored_local_part_is_its_own_spelling(text):
    try:
        name = local_part(text, "example.test")
    except Refusal:
        return
    assert name == name.lower() == local_part(name.upper(), "EXAMPLE.test".lower())
    assert local_part(f"{name}@example.test", "example.test") == name


@few
@given(st.text(max_size=20))
def test_a_stored_domain_name_is_its_own_spelling(text):
    try:
        name = domain_name(f"{text}.example")
    except Refusal:
        return
    assert name.isascii() and domain_name(name) == name


@few
@given(st.text(max_size=10), st.lists(st.text(max_size=6), max_size=3), st.booleans())
def test_a_row_is_unchanged_after_reading_it_from_disk(name, texts, is_on):
    for kind, thing in (
        ("users", User(name, "x$y", data={"fullName": name}, eas=is_on, previous=texts)),
        ("aliases", Alias(name, texts, {"isEnabled": is_on})),
    ):
        assert member_from_json(kind, json.loads(json.dumps(to_json(thing)))) == thing


@few
@given(st.text(max_size=12), st.text(max_size=12))
def test_a_hash_matches_its_password_only(one, other):
    stored = hashed(one)
    assert matches(one, stored) and matches(other, stored) == (one == other)
    assert len(one) < 6 or one not in stored


@pytest.mark.parametrize("value", ["True", "true", 1, "1", True])
def test_truth_has_many_spellings_unless_strict(value):
    assert Fields({"x": value}).flag("X") is True
    if value is not True:
        with pytest.raises(BindError):
            Fields({"x": value}, strict=True).flag("x")
