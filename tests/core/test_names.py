import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.names import (
    MAX_LOCAL_PART,
    BadName,
    address,
    display_domain,
    domain_name,
    host_name,
    local_part,
    split_address,
)


@pytest.mark.parametrize("text", ["007", "22:30", "null", "no", "~", "1e3", "a.b", "o'neil", "x+y", "_svc", "a-b"])
def test_a_local_part_may_look_like_another_yaml_type(text: str) -> None:
    assert local_part(text) == text


def test_a_local_part_is_compared_in_lower_case() -> None:
    assert local_part("Alice.Martin") == "alice.martin"


def test_a_local_part_may_have_64_characters_and_no_more() -> None:
    assert local_part("a" * MAX_LOCAL_PART) == "a" * 64
    with pytest.raises(BadName, match="65 characters, 64 are allowed"):
        local_part("a" * 65)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("alice@example.com", "before the @"),
        ("jürgen", "ASCII"),
        (".a", "dot"),
        ("a.", "dot"),
        ("a..b", "dot"),
        ("a b", "' '"),
        ("a/b", "'/'"),
        ("a%b", "'%'"),
        ('"a"', "'\"'"),
        ("a\n", r"'\\n'"),
        ("a\x00", r"'\\x00'"),
        ("a\x1b[31m", r"'\\x1b'"),
        ("a(b", r"'\('"),
        ("a,b", "','"),
        ("a;b", "';'"),
        ("a\\b", r"'\\\\'"),
    ],
)
def test_an_invalid_local_part_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(BadName, match=why) as caught:
        local_part(text)
    assert "\x1b" not in str(caught.value)


def test_a_letter_that_only_becomes_ascii_in_lower_case_is_refused() -> None:
    with pytest.raises(BadName, match="ASCII"):
        local_part("\u212aate")  # the Kelvin sign, whose lower case is k


def test_u_labels_and_a_labels_are_one_domain() -> None:
    assert domain_name("münchen.example") == domain_name("xn--mnchen-3ya.example") == "xn--mnchen-3ya.example"
    assert domain_name("MÜNCHEN.Example") == domain_name("XN--MNCHEN-3YA.EXAMPLE") == "xn--mnchen-3ya.example"


def test_a_domain_is_compared_in_lower_case_and_without_its_final_dot() -> None:
    assert domain_name("Example.COM.") == "example.com"


def test_a_domain_may_have_253_characters_and_no_more() -> None:
    label = "a" * 61
    just = ".".join([label] * 4) + ".abcde"
    assert len(just) == 253
    assert domain_name(just) == just
    with pytest.raises(BadName, match="253"):
        domain_name(just + "f")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "localhost",
        "a..b",
        "-a.example",
        "a-.example",
        "a_b.example",
        "a b.example",
        "a/b.example",
        "example.com..",
        "xn--a.example",
        "xn--.example",
        "x" * 64 + ".example",
        "a@b.example",
        "*.example.com",
        "a\n.example",
        "exam\u200bple\u0000.com",
    ],
)
def test_an_invalid_domain_is_refused(text: str) -> None:
    with pytest.raises(BadName) as caught:
        domain_name(text)
    assert "\n" not in str(caught.value)
    assert "\x00" not in str(caught.value)


def test_a_host_name_may_be_one_label_and_have_underscores() -> None:
    assert host_name("LOCALHOST") == "localhost"
    assert host_name("_dmarc.Example.com.") == "_dmarc.example.com"
    assert host_name("mail.münchen.example") == "mail.xn--mnchen-3ya.example"
    with pytest.raises(BadName):
        host_name("a b")


def test_a_bare_address_is_in_the_domain() -> None:
    assert address("Bob", "example.com") == "bob@example.com"
    assert address("Bob@MÜNCHEN.example", "example.com") == "bob@xn--mnchen-3ya.example"


@pytest.mark.parametrize(
    "text", ["", "@", "bob@", "@example.org", "a@b@example.org", "bob@localhost", "Bob <b@c.example>"]
)
def test_an_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(BadName):
        address(text, "example.com")


def test_a_canonical_address_splits_into_two() -> None:
    assert split_address("bob@example.com") == ("bob", "example.com")


def test_people_see_u_labels_of_internationalized_names() -> None:
    assert display_domain("xn--mnchen-3ya.example") == "münchen.example"
    assert display_domain("example.com") == "example.com"
    assert display_domain("xn--a.example") == "xn--a.example"


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=80))
def test_canonical_names_are_fixed_points_and_bad_ones_raise_nothing_else(text: str) -> None:
    for canonical in (local_part, domain_name, host_name):
        try:
            once = canonical(text)
        except BadName as e:
            assert str(e)
            continue
        assert canonical(once) == once
        assert once.isascii()
