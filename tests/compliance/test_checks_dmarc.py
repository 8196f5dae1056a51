import pytest

from reconciler.core.model import Dkim

NAME = "_dmarc.example.com"
WANTED = "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.net"
TAKERS = tuple(
    line
    for name in ("example.net", "b.example")
    for line in (f"{name} MX 10 m.{name}.", f"*._report._dmarc.{name} TXT v=DMARC1")
)


def dmarc(finding, *records, more=(), **changes):
    lines = ("example.com A 192.0.2.1", *(f"{NAME} TXT {record}" for record in records), *TAKERS, *more)
    return finding("dmarc", lines, **changes)


def fix_of(found):
    return [record.value for record in found.fix]


def test_if_the_product_does_not_require_dmarc_there_are_no_lookups_and_no_faults(finding, fake):
    dns = fake("example.com A 192.0.2.1")
    found = finding("dmarc", dns, dmarc_check=False)
    assert (found.status, found.code) == ("skip", "DMARC_NOT_ASKED")
    assert not any("_dmarc" in name for name, _ in dns.asked)


@pytest.mark.parametrize(
    "record",
    [
        WANTED,
        "v=DMARC1;p=reject;rua=mailto:a@b.example",
        "v = DMARC1 ; P=Reject; rua=mailto:a@b.example;",
        "v=DMARC1; rua=mailto:a@b.example; p=reject; unknown=x",
    ],
)
def test_one_valid_record_with_a_policy_passes(finding, record):
    assert dmarc(finding, record).status == "pass"


def test_a_missing_record_fails_with_a_proposed_record(finding):
    found = dmarc(finding)
    assert (found.status, found.code, fix_of(found)) == ("fail", "DMARC_MISSING", [WANTED])


def test_several_records_count_as_no_record(finding):
    found = dmarc(finding, "v=DMARC1; p=reject", "v=DMARC1; p=none")
    assert (found.status, found.code) == ("fail", "DMARC_SEVERAL")


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ("v=DMARC10; p=reject", "exactly this spelling"),
        ("v=dmarc1; p=reject", "upper case"),
        (" v=DMARC1; p=reject", "begins with a space"),
        ("“v=DMARC1; p=reject”", "typographic quotation marks"),
        ('"v=DMARC1; p=reject"', "quotation marks"),
        ("v=DMARC1\\; p=reject", "backslash before a semicolon"),
        ("p=reject; v=DMARC1; rua=mailto:a@b.example", "v=DMARC1 must be the first tag"),
        ("p=reject; rua=mailto:a@b.example", "it must begin with v=DMARC1"),
    ],
)
def test_a_record_without_the_version_first_fails_and_the_mistake_is_explained(finding, record, why):
    found = dmarc(finding, record)
    assert (found.status, found.code, fix_of(found)) == ("fail", "DMARC_MISTYPED", [WANTED])
    assert why in found.detail
    assert "DMARC_MISSING" in found.codes


@pytest.mark.parametrize("record", ["v=DMARC1; p=reject", '"v=DMARC1; p=reject"'])
def test_a_record_at_the_domain_itself_is_reported(finding, record):
    found = dmarc(finding, "v=spf1 -all", more=(f"example.com TXT {record}",))
    assert (found.status, found.code) == ("fail", "DMARC_AT_APEX")
    assert "is at example.com itself" in found.detail
    assert "An SPF record is at _dmarc.example.com. Move it to example.com." in found.detail
    assert found.codes == ("DMARC_AT_APEX", "DMARC_MISSING", "DMARC_SPF_HERE", "DMARC_PERMISSION")


def test_a_mistyped_record_warns_if_the_record_of_a_parent_domain_applies(finding):
    above = "_dmarc.example.com TXT v=DMARC1; p=reject; rua=mailto:a@b.example"
    found = finding("dmarc", (above, "_dmarc.a.example.com TXT v=dmarc1; p=none"), domain="a.example.com")
    assert (found.status, found.code) == ("warn", "DMARC_MISTYPED")
    assert len(found.fix) == 1


def test_an_spf_record_next_to_the_policy_is_information(finding):
    found = dmarc(finding, WANTED, "v=spf1 -all")
    assert (found.status, found.codes) == ("pass", ("DMARC_OK", "DMARC_SPF_HERE"))


def test_a_record_behind_a_cname_counts_and_is_shown(finding):
    lines = (f"{NAME} CNAME p.example.org.", f"p.example.org TXT {WANTED}", *TAKERS)
    found = finding("dmarc", lines)
    assert found.status == "pass"
    assert [(r.name, r.type) for r in found.found] == [(NAME, "CNAME"), ("p.example.org", "TXT")]


@pytest.mark.parametrize(
    ("record", "status", "code"),
    [
        ("v=DMARC1; p=none; rua=mailto:a@b.example", "warn", "DMARC_NONE"),
        ("v=DMARC1; p=reject", "warn", "DMARC_NO_RUA"),
        ("v=DMARC1; rua=mailto:a@b.example", "warn", "DMARC_NO_POLICY"),
        ("v=DMARC1; p=rejcet", "fail", "DMARC_VOID"),
        ("v=DMARC1; p=rejcet; rua=b.example", "fail", "DMARC_VOID"),
        ("v=DMARC1; p=rejcet; rua=https://b.example", "warn", "DMARC_TAG"),
        ("v=DMARC1", "fail", "DMARC_VOID"),
        ("v=DMARC1; sp=reject; fo=1", "fail", "DMARC_VOID"),
        ("v=DMARC1; p=rejcet; rua=mailto:a@b.example", "warn", "DMARC_TAG"),
        ("v=DMARC1; p=reject; sp=none; rua=mailto:a@b.example", "warn", "DMARC_WEAK_SUB"),
        ("v=DMARC1; p=reject; np=quarantine; rua=mailto:a@b.example", "warn", "DMARC_WEAK_SUB"),
        ("v=DMARC1; p=reject; t=y; rua=mailto:a@b.example", "warn", "DMARC_TESTING"),
        ("v=DMARC1; p=reject; adkim=x; rua=mailto:a@b.example", "warn", "DMARC_TAG"),
        ("v=DMARC1; p=reject; fo=0:1; ruf=mailto:a@b.example; rua=mailto:a@b.example", "warn", "DMARC_TAG"),
        ("v=DMARC1; p=reject; p=none; rua=mailto:a@b.example", "warn", "DMARC_TAG"),
        ("v=DMARC1; p=reject; rua=mailto:a@b.example,x", "warn", "DMARC_TAG"),
        ("v=DMARC1; p=reject; rua=mailto:a@b.example,mailto:a!b@b.example", "warn", "DMARC_TAG"),
        ("v=DMARC1; p=reject; rua=a@b.example", "warn", "DMARC_TAG"),
        ("v=DMARC1; p=reject; sp=x; rua=mailto:a@b.example", "warn", "DMARC_TAG"),
        ("v=DMARC1; p=reject; t=maybe; psd=no; rua=mailto:a@b.example", "warn", "DMARC_TAG"),
    ],
)
def test_each_weakness_and_fault_is_reported(finding, record, status, code):
    found = dmarc(finding, record)
    assert (found.status, found.code) == (status, code)


def test_removed_tags_are_information_only(finding):
    found = dmarc(finding, "v=DMARC1; p=reject; pct=50; ri=3600; rf=afrf; rua=mailto:a@b.example!10m")
    assert found.status == "pass"
    assert "pct=, rf=, ri=" in found.detail
    assert "size limits" in found.detail


def test_the_fix_weakens_nothing_and_keeps_what_is_good(finding):
    found = dmarc(finding, "v=DMARC1; p=reject; adkim=s; sp=none; pct=50")
    assert fix_of(found) == ["v=DMARC1; p=reject; adkim=s; rua=mailto:dmarc@example.net"]
    found = dmarc(finding, "v=DMARC1; p=none; rua=mailto:mine@example.com")
    assert fix_of(found) == ["v=DMARC1; p=quarantine; rua=mailto:mine@example.com"]


NONE = "v=DMARC1; p=none; rua=mailto:dmarc@example.net"


def test_the_policy_none_is_information_with_advice_if_the_product_chose_it(finding):
    found = dmarc(finding, NONE, dmarc_policy="none")
    assert (found.status, found.codes, found.fix) == ("pass", ("DMARC_OK", "DMARC_NONE_CHOSEN"), ())
    assert "at least a month" in found.detail
    assert "quarantine" in found.detail


def test_the_policy_none_warns_without_a_proposal_if_the_product_chose_no_policy(finding):
    found = dmarc(finding, NONE, dmarc_policy="none", dmarc_stated=False)
    assert (found.status, found.code, found.fix) == ("warn", "DMARC_NONE", ())


def test_the_policy_none_warns_with_a_proposal_if_the_product_expects_more(finding):
    found = dmarc(finding, NONE)
    assert (found.status, found.code, fix_of(found)) == ("warn", "DMARC_NONE", [WANTED])


def test_the_test_flag_names_the_applied_policy(finding):
    found = dmarc(finding, "v=DMARC1; p=reject; t=y; rua=mailto:a@b.example")
    assert "quarantine instead of reject" in found.detail
    assert fix_of(found) == ["v=DMARC1; p=reject; rua=mailto:a@b.example"]


@pytest.mark.parametrize(
    ("signing", "status"), [(Dkim(active=False), "warn"), (Dkim(active=True), "warn"), (None, "pass")]
)
def test_a_policy_that_depends_on_spf_alone_warns_if_that_is_known(finding, signing, status):
    found = dmarc(finding, WANTED, dkim=signing)
    assert found.status == status
    assert ("DMARC_SPF_ALONE" in found.codes) == (status == "warn")
    assert dmarc(finding, NONE, dkim=signing, dmarc_policy="none").status == "pass"


def test_strict_alignment_is_explained(finding):
    found = dmarc(finding, "v=DMARC1; p=reject; adkim=s; aspf=s; rua=mailto:a@b.example")
    assert found.codes == ("DMARC_OK", "DMARC_STRICT")
    assert "adkim and aspf is strict" in found.detail


def test_an_undefined_tag_and_an_old_form_of_fo_are_information(finding):
    found = dmarc(finding, "v=DMARC1; p=reject; pp=1; fo=1:d:s; rua=mailto:a@b.example; ruf=mailto:a@b.example")
    assert found.codes == ("DMARC_OK", "DMARC_UNKNOWN_TAG", "DMARC_FO_MIXED")


def test_an_invalid_report_address_of_the_product_is_left_out_and_reported(finding):
    found = dmarc(finding, dmarc_rua="böb@example.net")
    assert fix_of(found) == ["v=DMARC1; p=quarantine"]
    assert "DMARC_PRODUCT_RUA" in found.codes


def test_special_characters_in_the_report_address_are_encoded(finding):
    found = dmarc(finding, dmarc_rua="a!b,c@example.net")
    assert fix_of(found) == ["v=DMARC1; p=quarantine; rua=mailto:a%21b%2Cc@example.net"]
