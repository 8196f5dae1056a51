import pytest

NAME = "_dmarc.example.com"
WANTED = "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.net"


def dmarc(finding, *records, more=(), **changes):
    lines = ("example.com A 192.0.2.1", *(f"{NAME} TXT {record}" for record in records), *more)
    return finding("dmarc", lines, **changes)


def fix_of(found):
    return [record.value for record in found.fix]


def test_where_the_product_does_not_ask_nothing_is_asked_and_nothing_is_a_fault(finding, fake):
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


def test_a_missing_record_fails_with_the_one_to_publish(finding):
    found = dmarc(finding)
    assert (found.status, found.code, fix_of(found)) == ("fail", "DMARC_MISSING", [WANTED])


def test_several_records_are_none(finding):
    found = dmarc(finding, "v=DMARC1; p=reject", "v=DMARC1; p=none")
    assert (found.status, found.code) == ("fail", "DMARC_SEVERAL")


@pytest.mark.parametrize(
    "record",
    ["v=DMARC10; p=reject", "v=dmarc1; p=reject", " v=DMARC1; p=reject", "p=reject; v=DMARC1", "“v=DMARC1; p=reject”"],
)
def test_a_record_without_the_version_first_is_none_and_is_pointed_out_where_it_was_meant(finding, record):
    found = dmarc(finding, record)
    assert (found.status, found.code) == ("fail", "DMARC_MISSING")
    assert ("probably meant" in found.detail) == (not record.startswith("p="))


def test_a_record_in_the_wrong_place_is_pointed_out(finding):
    found = dmarc(finding, "v=spf1 -all", more=("example.com TXT v=DMARC1; p=reject",))
    assert "stands at example.com itself" in found.detail
    assert "SPF record; it belongs at example.com" in found.detail


@pytest.mark.parametrize(
    ("record", "status", "code"),
    [
        ("v=DMARC1; p=none; rua=mailto:a@b.example", "warn", "DMARC_NONE"),
        ("v=DMARC1; p=reject", "warn", "DMARC_NO_RUA"),
        ("v=DMARC1; rua=mailto:a@b.example", "warn", "DMARC_NO_POLICY"),
        ("v=DMARC1; p=rejcet", "fail", "DMARC_VOID"),
        ("v=DMARC1; p=rejcet; rua=https://b.example", "fail", "DMARC_VOID"),
        ("v=DMARC1; p=rejcet; rua=mailto:a@b.example", "warn", "DMARC_TAG"),
        ("v=DMARC1; p=reject; sp=none; rua=mailto:a@b.example", "warn", "DMARC_WEAK_SUB"),
        ("v=DMARC1; p=reject; np=quarantine; rua=mailto:a@b.example", "warn", "DMARC_WEAK_SUB"),
        ("v=DMARC1; p=reject; t=y; rua=mailto:a@b.example", "warn", "DMARC_TESTING"),
        ("v=DMARC1; p=reject; adkim=x; rua=mailto:a@b.example", "warn", "DMARC_TAG"),
        ("v=DMARC1; p=reject; fo=0:1; ruf=mailto:a@b.example; rua=mailto:a@b.example", "warn", "DMARC_TAG"),
        ("v=DMARC1; p=reject; p=none; rua=mailto:a@b.example", "warn", "DMARC_TAG"),
        ("v=DMARC1; p=reject; rua=mailto:a@b.example,x", "warn", "DMARC_TAG"),
    ],
)
def test_what_is_weak_or_wrong_is_named(finding, record, status, code):
    found = dmarc(finding, record)
    assert (found.status, found.code) == (status, code)


def test_removed_tags_are_information_only(finding):
    found = dmarc(finding, "v=DMARC1; p=reject; pct=50; ri=3600; rf=afrf; rua=mailto:a@b.example!10m")
    assert found.status == "pass"
    assert "pct=, rf=, ri=" in found.detail
    assert "size limits" in found.detail


def test_the_fix_weakens_nothing_and_keeps_what_is_good(finding):
    found = dmarc(finding, "v=DMARC1; p=reject; adkim=s; sp=none; pct=50")
    assert fix_of(found) == ["v=DMARC1; p=reject; rua=mailto:dmarc@example.net; adkim=s"]
    found = dmarc(finding, "v=DMARC1; p=none; rua=mailto:mine@example.com")
    assert fix_of(found) == ["v=DMARC1; p=quarantine; rua=mailto:mine@example.com"]


def test_where_none_is_expected_none_warns_and_is_not_proposed_again(finding):
    found = dmarc(finding, "v=DMARC1; p=none; rua=mailto:dmarc@example.net", dmarc_policy="none")
    assert (found.status, found.code, found.fix) == ("warn", "DMARC_NONE", ())


def test_special_characters_in_the_report_address_are_encoded(finding):
    found = dmarc(finding, dmarc_rua="a!b,c@example.net")
    assert fix_of(found) == ["v=DMARC1; p=quarantine; rua=mailto:a%21b%2Cc@example.net"]


def test_the_policy_of_a_domain_above_applies(finding):
    lines = (
        "_dmarc.example.com TXT v=DMARC1; p=reject; sp=quarantine; rua=mailto:a@b.example",
        "a.b.example.com A 192.0.2.1",
    )
    found = finding("dmarc", lines, domain="a.b.example.com")
    assert (found.status, found.title) == ("pass", "The policy of example.com applies: quarantine")
    assert found.found[0].name == NAME


def test_the_walk_stops_at_psd_and_the_registrys_policy_counts_only_where_there_is_no_other(finding, fake):
    registry = "_dmarc.bank TXT v=DMARC1; p=reject; psd=y; rua=mailto:a@b.example"
    found = finding("dmarc", (registry, "a.x.bank A 192.0.2.1"), domain="a.x.bank")
    assert found.title == "The policy of bank applies: reject"
    own = "_dmarc.x.bank TXT v=DMARC1; p=quarantine; rua=mailto:a@b.example"
    assert finding("dmarc", (registry, own), domain="a.x.bank").title == "The policy of x.bank applies: quarantine"
    dns = fake("_dmarc.b.example.com TXT v=DMARC1; p=reject; psd=n; rua=mailto:a@b.example")
    finding("dmarc", dns, domain="a.b.example.com")
    assert ("_dmarc.example.com", "TXT") not in dns.asked


def test_a_walk_asks_at_most_eight_names(finding, fake):
    dns = fake("com A 192.0.2.1")
    finding("dmarc", dns, domain="a.b.c.d.e.f.g.h.i.j.example.com")
    asked = [name for name, _ in dns.asked if name.startswith("_dmarc")]
    assert asked == [
        "_dmarc.a.b.c.d.e.f.g.h.i.j.example.com",
        "_dmarc.f.g.h.i.j.example.com",
        "_dmarc.g.h.i.j.example.com",
        "_dmarc.h.i.j.example.com",
        "_dmarc.i.j.example.com",
        "_dmarc.j.example.com",
        "_dmarc.example.com",
        "_dmarc.com",
    ]


@pytest.mark.parametrize("name", ["_dmarc.a.example.com", "_dmarc.example.com", "_dmarc.com"])
def test_an_answer_missing_on_the_walk_is_an_error(finding, name):
    found = finding("dmarc", ("a.example.com A 192.0.2.1", f"{name} TXT !refused"), domain="a.example.com")
    assert (found.status, found.fix) == ("error", ())
