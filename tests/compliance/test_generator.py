"""The DMARC generator makes valid records, and refuses invalid settings with the reason."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.compliance import generator
from reconciler.compliance.generator import DmarcWish, record_text, refusals, stage
from reconciler.compliance.records import dmarc
from reconciler.compliance.records.dmarc import parse_list, report_uri
from reconciler.core.expectations import expectation

RUA = ("mailto:dmarc@example.net",)
POLICY = st.sampled_from(["none", "quarantine", "reject"])
LOCAL = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="@"), min_size=1, max_size=20)
ADDRESS = LOCAL.map(lambda local: f"{local}@example.net")


@st.composite
def wishes(draw):
    """Valid and invalid settings; addresses as people type them."""
    uris = st.lists(ADDRESS.map(report_uri), max_size=3).map(tuple)
    return DmarcWish(
        policy=draw(POLICY),
        subdomain_policy=draw(st.none() | POLICY),
        np=draw(st.none() | POLICY),
        adkim=draw(st.sampled_from("rs")),
        aspf=draw(st.sampled_from("rs")),
        rua=draw(uris),
        ruf=draw(uris),
        fo=draw(st.sampled_from(["0", "1", "d", "s", "d:s", "s:d"])),
        testing=draw(st.booleans()),
        psd=draw(st.sampled_from("uyn")),
    )


@settings(max_examples=150, deadline=None)
@given(wishes())
def test_valid_settings_make_a_record_with_exactly_these_settings(wish):
    if refusals(wish):
        return
    text = record_text(wish)
    assert dmarc.is_dmarc(text)
    read = dmarc.parse(text)
    assert (read.bad, read.removed, read.unknown, read.limited, read.mixed) == ((), (), (), False, False)
    assert (read.policy(), read.policy(below=True)) == (wish.policy, wish.subdomain_policy or wish.policy)
    assert read.policy(below=True, exists=False) == (wish.np or wish.subdomain_policy or wish.policy)
    assert (read.adkim, read.aspf, read.testing, read.psd) == (wish.adkim, wish.aspf, wish.testing, wish.psd)
    assert tuple(uri.text for uri in read.rua) == wish.rua
    assert sorted(read.fo) == sorted(wish.fo)
    assert text.split("; ")[:2] == ["v=DMARC1", f"p={wish.policy}"]


@settings(max_examples=100, deadline=None)
@given(wishes(), POLICY)
def test_the_published_record_is_proposed_again_unless_the_product_expects_more(wish, expected):
    if refusals(wish):
        return
    wanted = replace(expectation("mail1.example.net"), dmarc_policy=expected)
    made = generator.prefilled(wanted, RUA, record_text(wish)).wish
    assert not refusals(made)
    assert not dmarc.weaker(made.policy, wish.policy)
    assert not dmarc.weaker(made.policy, expected)
    assert made.rua == tuple(dict.fromkeys(wish.rua)) or (not wish.rua and made.rua == RUA)
    again = generator.prefilled(wanted, RUA, record_text(made))
    assert (record_text(again.wish), again.notes) == (record_text(made), ())


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60).map(lambda text: f"v=DMARC1; {text}"), POLICY)
def test_from_any_published_record_a_valid_record_is_made(text, expected):
    wanted = replace(expectation("mail1.example.net"), dmarc_policy=expected)
    made = generator.prefilled(wanted, RUA, text)
    assert not refusals(made.wish)
    assert dmarc.parse(record_text(made.wish)).bad == ()


@settings(max_examples=100, deadline=None)
@given(ADDRESS)
def test_any_address_of_printable_ascii_becomes_one_uri_that_names_its_domain(address):
    (uri,) = parse_list(report_uri(address))
    assert (uri.usable, uri.host, uri.limited) == (True, "example.net", False)


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("a!b,c@Example.NET", "mailto:a%21b%2Cc@example.net"),
        ("mailto:a!b@example.net", "mailto:a%21b@example.net"),
        ("mailto:a%21b@example.net", "mailto:a%21b@example.net"),
        ("a%b+c@example.net", "mailto:a%25b+c@example.net"),
        ("dmarc@münchen.example", "mailto:dmarc@xn--mnchen-3ya.example"),
    ],
)
def test_separators_of_dmarc_are_encoded_once(address, uri):
    assert report_uri(address) == uri


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://example.net/x", "not a mailto: address"),
        ("nobody", "of the form name@domain"),
        ("a@b@example.net", "of the form name@domain"),
        ("@example.net", "of the form name@domain"),
        ("bö@example.net", "before the @"),
        ("a@nodot", "needs a dot"),
        ("mailto:a b@example.net", "percent-encoded"),
        ("mailto:a", "of the form mailto:name@domain"),
    ],
)
def test_an_address_that_cannot_receive_reports_is_refused_with_the_reason(address, reason):
    with pytest.raises(ValueError, match=reason):
        report_uri(address)


@pytest.mark.parametrize(
    ("wish", "field", "reason"),
    [
        (DmarcWish(policy="rejct"), "policy", "rejct"),
        (DmarcWish(subdomain_policy="x"), "subdomain_policy", "not one of none, quarantine, reject"),
        (DmarcWish(np=""), "np", "not one of"),
        (DmarcWish(adkim="strict"), "adkim", "neither r"),
        (DmarcWish(rua=("dmarc@example.net",)), "rua", "lacks mailto:"),
        (DmarcWish(rua=("mailto:a,b@example.net",)), "rua", "mailto"),
        (DmarcWish(fo="1"), "fo", "no effect without ruf"),
        (DmarcWish(fo="1:d", ruf=RUA), "fo", "not one of"),
        (DmarcWish(testing=True), "testing", "no policy is weaker than none"),
        (DmarcWish(psd="x"), "psd", "not one of"),
    ],
)
def test_an_invalid_setting_is_refused_and_never_dropped(wish, field, reason):
    found = {refusal.field: refusal.reason for refusal in refusals(wish)}
    assert reason in found[field]


def test_a_note_names_each_part_of_the_published_record_that_is_left_out():
    text = "v=DMARC1; p=none; sp=none; adkim=x; pct=20; ri=1; zz=1; fo=1:d; rua=mailto:a@b.example!1m; ruf=mailto:r@b.example"
    wanted = replace(expectation("mail1.example.net"), dmarc_policy="reject")
    made = generator.prefilled(wanted, RUA, text)
    assert record_text(made.wish) == "v=DMARC1; p=reject; rua=mailto:a@b.example; ruf=mailto:r@b.example; fo=1"
    notes = " ".join(made.notes)
    for word in ("adkim=x", "pct=", "ri=", "zz=", "size limits", "sp=none", "fo=1:d"):
        assert word in notes


def test_the_policy_of_a_domain_that_sends_no_mail_is_reject_at_once():
    silent = replace(expectation("mail1.example.net"), sends=False, dmarc_policy="none")
    assert record_text(generator.prefilled(silent, RUA, None).wish).startswith("v=DMARC1; p=reject; rua=")
    made = generator.prefilled(silent, RUA, "v=DMARC1; p=quarantine; sp=none; t=y; rua=mailto:own@example.com")
    assert record_text(made.wish) == "v=DMARC1; p=reject; rua=mailto:own@example.com"
    assert "t=y is left out: the domain sends no mail that could be lost." in made.notes


def test_the_stages_lead_from_none_to_reject_and_end_there():
    wish, texts = DmarcWish(rua=RUA), []
    while wish is not None:
        texts.append(record_text(wish).split("; ", 1)[1].replace("; rua=mailto:dmarc@example.net", ""))
        step = stage(wish)
        assert step.advice
        wish = step.next
    assert texts == ["p=none", "p=quarantine; t=y", "p=quarantine", "p=reject; t=y", "p=reject"]


def test_changes_name_each_tag_that_differs():
    found = generator.changes("v=DMARC1; p=none; pct=5; p=reject", "v=DMARC1; p=quarantine; t=y")
    assert [(c.tag, c.before, c.after) for c in found] == [
        ("p", "none", "quarantine"),
        ("t", None, "y"),
        ("pct", "5", None),
    ]


def test_only_other_domains_must_permit_reports():
    wish = DmarcWish(rua=("mailto:a@example.com", "mailto:a@r.example.com", *RUA), ruf=("mailto:x@example.net",))
    (record,) = generator.permissions("example.com", wish)
    assert (record.name, record.type, record.value) == ("example.com._report._dmarc.example.net", "TXT", "v=DMARC1")
