"""The SPF grammar of RFC 7208 section 12, including macros."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.compliance.records.macros import Macro
from reconciler.compliance.records.spf import Mechanism, SpfFault, is_spf, parse_mechanism, parse_spf

ALLOWED = (
    "a a:x.example a/24 a//64 a/24//64 a:x.example/0 mx:x.example//128 ptr ptr:x.example ip4:192.0.2.1 ip4:192.0.2.1/0 "
    "ip6:::1 ip6:2001:db8::/32 ip6:::ffff:192.0.2.1 exists:%{i}.x.example exists:%{l1r-}.%{d2}.x.example "
    "include:%{d} include:x.example. include:_spf.x.example a:x.ex-ample a:1.2.3.4a a:foo:bar/baz.example.com "
    "redirect=x.example exp=%{i}.x.example other=%{s} A=b exists:%%.%_%-x.example a:%{H}"
)
REFUSED = (
    "a: a/ a/33 a/024 a//129 a:x.example/-1 a24 a:localhost a:1.2.3.4 a:x.example- mx: ptr: ptr/0 ip4 ip4: ip4:1.2.3 "
    "ip4:1.2.3.256 ip4:1.2.3.4/33 ip4:1.2.3.4/ ip4:01.2.3.4 ip4:1.2.3.4/032 ip6:1.2.3.4 ip6::::1 ip6:::1/129 "
    "ip6:fe80::1%eth0 ip4:::1 all. all:x.example all/8 include include: include:x.example/24 exists exists: "
    "exists:%{c}.x.example exists:%{a}.x.example exists:%{i exists:%i.x.example exists:%{d0}.x.example exists:%(d).x.example "
    "exists:%{dr2}.x.example redirect= redirect=: exp= exp=x ++all +redirect=x.example -exp=x.example =x unknown "
    "a:x\tb.example a:é.example moo:x.example"
)


@pytest.mark.parametrize("text", ["v=spf1", "v=spf1 -all", "V=SPF1 -all", "v=spf1  "])
def test_the_version_is_a_separate_word_in_any_case(text):
    assert is_spf(text)


@pytest.mark.parametrize("text", ["v=spf10", "v=spf1-all", " v=spf1", "v=spf", "spf2.0/pra -all", "v=spf1\t-all"])
def test_other_texts_are_not_spf_records(text):
    assert not is_spf(text)


@pytest.mark.parametrize(
    "term",
    ALLOWED.split(),
)
def test_valid_terms_have_no_fault(term):
    record = parse_spf(f"v=spf1 {term}")
    assert record.faults == ()
    assert len(record.terms) == 1


@pytest.mark.parametrize(
    "term",
    REFUSED.split(" "),
)
def test_an_invalid_term_is_a_fault_that_names_the_term(term):
    (fault,) = parse_spf(f"v=spf1 {term} -all").faults
    assert fault.term == term
    assert fault.why


@pytest.mark.parametrize("name", ["redirect", "exp"])
def test_a_repeated_modifier_that_must_be_unique_is_a_fault(name):
    assert len(parse_spf(f"v=spf1 {name}=a.example {name.upper()}=b.example").faults) == 1


def test_macros_are_values():
    (term,) = parse_spf("v=spf1 exists:%{L2r+-}.%{i}.x.example").terms
    assert isinstance(term, Mechanism)
    assert term.domain.parts == (
        Macro(letter="l", digits=2, reverse=True, delimiters="+-", escape=True),
        ".",
        Macro(letter="i"),
        ".x.example",
    )
    assert term.target("owner.example") is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("include:X.example", "INCLUDE:x.EXAMPLE.", True),
        ("a", "a:owner.example/32//128", True),
        ("mx/24", "mx", False),
        ("ip4:192.0.2.7/24", "ip4:192.0.2.0/24", True),
        ("ip4:192.0.2.0/24", "ip4:192.0.2.0/25", False),
        ("ip6:2001:DB8::", "ip6:2001:db8:0:0::/128", True),
        ("ip4:1.2.3.4", "ip4:1.2.3.40", False),
        ("a:x.example", "mx:x.example", False),
    ],
)
def test_mechanisms_are_compared_by_their_matches(one, other, same):
    left, right = parse_mechanism(one), parse_mechanism(other)
    assert (left.key("owner.example") == right.key("owner.example")) is same


@pytest.mark.parametrize(
    "text", ["-include:x.example", "redirect=x.example", "all", "mail.example.com", "include:x.example a"]
)
def test_a_mechanism_of_a_product_must_allow_senders(text):
    assert isinstance(parse_mechanism(text), SpfFault)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_parsed_without_an_exception_and_without_losing_a_word(text):
    record = parse_spf(f"v=spf1 {text}")
    assert len(record.terms) + len(record.faults) == len([word for word in text.split(" ") if word])


def test_a_record_of_the_maximum_length_is_parsed():
    for filler in (
        "a" * 60_000,
        "/" * 60_000,
        "a:" + "1." * 30_000,
        "ip4:" + "1" * 60_000,
        "%{" * 30_000,
        "a:" + "%{d}" * 15_000,
    ):
        assert parse_spf(f"v=spf1 {filler}") is not None
