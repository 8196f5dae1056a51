import pytest

from reconciler.core.model import Dkim, DkimKey

NAME = "8dc1._domainkey.example.com"


def dkim(finding, *lines, **changes):
    return finding("dkim", lines, **changes)


def test_the_servers_key_at_its_selector_passes(finding, good):
    found = finding("dkim", good)
    assert (found.status, found.code, found.fix) == ("pass", "DKIM_OK", ())


def test_white_space_in_the_published_key_is_ignored(finding, keys):
    spaced = keys.good[:100] + " \t" + keys.good[100:]
    assert dkim(finding, f"{NAME} TXT v=DKIM1;k=rsa;p={spaced};").status == "pass"


def test_a_key_in_several_strings_is_joined(finding, keys):
    assert dkim(finding, f"{NAME} TXT v=DKIM1; k=rsa; p={keys.good[:200]} | {keys.good[200:]}").status == "pass"


def test_the_same_rsa_key_in_the_other_der_form_passes(finding, keys):
    assert dkim(finding, f"{NAME} TXT v=DKIM1; p={keys.bare}").status == "pass"


def test_a_cname_without_a_key_at_its_target_is_reported(finding):
    found = dkim(finding, f"{NAME} CNAME gone.example.net.", "example.net TXT x")
    assert (found.status, found.code) == ("fail", "DKIM_MISSING")
    assert f"{NAME} is a CNAME for gone.example.net, which has no TXT record" in found.detail
    assert "Delete the CNAME" in found.detail


def test_a_cname_for_a_revoked_key_must_be_deleted_or_fixed_at_the_target(finding):
    found = dkim(finding, f"{NAME} CNAME k.example.net.", "k.example.net TXT v=DKIM1; p=")
    assert (found.status, found.code) == ("fail", "DKIM_REVOKED")
    assert "Delete the CNAME, or fix the record at the target" in found.detail


def test_a_missing_key_fails_with_the_record_to_publish(finding, keys):
    found = dkim(finding, "example.com A 192.0.2.1")
    assert (found.status, found.code) == ("fail", "DKIM_MISSING")
    assert [(r.name, r.type, r.value) for r in found.fix] == [(NAME, "TXT", f"v=DKIM1; k=rsa; p={keys.good}")]


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ("v=DKIM1; k=rsa; p=", "DKIM_REVOKED"),
        ("v=DKIM1; k=rsa; p={other}", "DKIM_FOREIGN"),
        ("k=rsa; p={good}; v=DKIM1", "DKIM_INVALID"),
        ("v=DKIM2; k=rsa; p={good}", "DKIM_INVALID"),
        ("v=DKIM1; k=rsa", "DKIM_INVALID"),
        ("v=DKIM1; p={good}; p={good}", "DKIM_INVALID"),
        ("v=DKIM1\\; k=rsa\\; p={good}", "DKIM_INVALID"),
        ('"v=DKIM1; k=rsa; p={good}"', "DKIM_INVALID"),
        ("v=DKIM1; k=rsa; p={cut}", "DKIM_CUT"),
        ("v=DKIM1; k=rsa; p={quoted}", "DKIM_GARBLED"),
        ("v=DKIM1; k=rsa; p={again}", "DKIM_GARBLED"),
        ("{tail} | v=DKIM1; k=rsa; p={cut}", "DKIM_GARBLED"),
        ("“v=DKIM1; k=rsa; p={good}”", "DKIM_INVALID"),
        ("v=DKIM1; k=dsa; p={good}", "DKIM_TYPE"),
        ("v=DKIM1; k=ed25519; p={good}", "DKIM_TYPE"),
        ("v=DKIM1; h=sha1; p={good}", "DKIM_HASH"),
        ("v=DKIM1; s=tlsrpt; p={good}", "DKIM_SERVICE"),
    ],
)
def test_a_record_without_the_servers_key_fails_with_a_diagnosis(finding, keys, record, code):
    values = {"good": keys.good, "other": keys.other, "cut": keys.good[:238]}
    values["tail"] = keys.good[238:]
    values["quoted"] = keys.good[:238] + '" "' + keys.good[238:]
    values["again"] = keys.good[:238] + "p=" + keys.good[238:]
    found = dkim(finding, f"{NAME} TXT {record.format(**values)}")
    assert (found.status, found.code) == ("fail", code)
    assert found.fix[0].value.endswith(keys.good)


def test_a_key_truncated_at_the_end_of_a_string_is_explained(finding, keys):
    head = "v=DKIM1; k=rsa; p="
    found = dkim(finding, f"{NAME} TXT {head}{keys.good[: 255 - len(head)]}")
    assert found.code == "DKIM_CUT"
    assert "a second string of the same record" in found.detail


def test_a_key_split_into_several_records_is_explained(finding, keys):
    lines = (f"{NAME} TXT {keys.good[200:]}", f"{NAME} TXT v=DKIM1; k=rsa; p={keys.good[:200]}")
    found = dkim(finding, *lines)
    assert (found.status, found.code, len(found.fix)) == ("fail", "DKIM_SPREAD", 1)


@pytest.mark.parametrize("record", ["v=DKIM1; p=", "v=DKIM1; p={other}"])
def test_a_wildcard_that_answers_instead_of_the_key_is_reported(finding, keys, record):
    found = dkim(finding, f"*._domainkey.example.com TXT {record.format(other=keys.other)}")
    assert found.status == "fail"
    assert "DKIM_WILDCARD" in found.codes
    assert f"{NAME} does not exist" in found.detail


def test_without_a_wildcard_none_is_reported_and_a_correct_key_needs_no_lookup_of_one(finding, fake, keys):
    assert "DKIM_WILDCARD" not in dkim(finding, f"{NAME} TXT v=DKIM1; p=").codes
    dns = fake(f"{NAME} TXT v=DKIM1; p={keys.good}")
    assert finding("dkim", dns).status == "pass"
    assert [name for name, _ in dns.asked if "_domainkey" in name] == [NAME]


@pytest.mark.parametrize("outcome", ["!temporary", "!refused"])
def test_a_failed_lookup_of_a_key_or_a_wildcard_is_never_a_fault(finding, outcome):
    found = dkim(finding, f"{NAME} TXT {outcome}")
    assert (found.status, found.code, found.fix) == ("error", "DNS_UNKNOWN", ())
    probe = f"reconciler-no-such-selector._domainkey.example.com TXT {outcome}"
    assert "DKIM_WILDCARD" not in dkim(finding, f"{NAME} TXT v=DKIM1; p=", probe).codes


def test_the_flag_against_subdomains_is_information(finding, keys):
    found = dkim(finding, f"{NAME} TXT v=DKIM1; t=s; h=sha1:sha256; s=*; p={keys.good}")
    assert (found.status, found.codes) == ("pass", ("DKIM_OK", "DKIM_STRICT"))


def two_keys(keys, *, active=True, other=None, selector="8DC2"):
    key = DkimKey(selector="8DC1", public_key=keys.good, size=2048)
    return Dkim(active=active, key=key, pending=DkimKey(selector=selector, public_key=other or keys.other, size=2048))


@pytest.mark.parametrize("active", [True, False])
def test_a_rollover_shows_both_keys_and_their_states(finding, good, keys, active):
    lines = (*good, f"8dc2._domainkey.example.com TXT v=DKIM1; p={keys.other}")
    found = finding("dkim", lines, dkim=two_keys(keys, active=active))
    assert found.codes == (("DKIM_OK" if active else "DKIM_NOT_SIGNING"), "DKIM_ROLLOVER")
    assert f"8DC1 is {'active' if active else 'disabled'}, 8DC2 is on standby" in found.detail


def test_two_keys_with_one_selector_warn(finding, good, keys):
    found = finding("dkim", good, dkim=two_keys(keys, selector="8dc1"))
    assert (found.status, found.code) == ("warn", "DKIM_SAME_SELECTOR")
    assert finding("dkim", good, dkim=two_keys(keys, selector="8dc1", other=keys.good)).status == "pass"


def test_an_ed25519_key_together_with_an_rsa_key_passes(finding, good, keys):
    lines = (*good, f"8dc2._domainkey.example.com TXT v=DKIM1; k=ed25519; p={keys.ed}")
    assert finding("dkim", lines, dkim=two_keys(keys, other=keys.ed)).status == "pass"


def test_two_records_at_one_selector_fail(finding, keys):
    found = dkim(finding, f"{NAME} TXT v=DKIM1; p={keys.good}", f"{NAME} TXT v=DKIM1; p={keys.other}")
    assert (found.status, found.code) == ("fail", "DKIM_SEVERAL")


def test_a_short_key_warns_without_a_proposed_record(finding, keys):
    signing = Dkim(active=True, key=DkimKey(selector="8DC1", public_key=keys.short, size=1024))
    found = dkim(finding, f"{NAME} TXT v=DKIM1; p={keys.short}", dkim=signing)
    assert (found.status, found.code, found.fix) == ("warn", "DKIM_WEAK", ())


def test_the_test_flag_warns(finding, keys):
    assert dkim(finding, f"{NAME} TXT v=DKIM1; t=y:s; p={keys.good}").code == "DKIM_TESTING"


def test_an_ed25519_key_is_recognized(finding, keys):
    signing = Dkim(active=True, key=DkimKey(selector="8DC1", public_key=keys.ed, size=256))
    found = dkim(finding, f"{NAME} TXT v=DKIM1; k=ed25519; p={keys.ed}", dkim=signing)
    assert (found.status, found.codes, found.fix) == ("warn", ("DKIM_ED25519_ALONE",), ())
    missing = dkim(finding, "example.com A 192.0.2.1", dkim=signing)
    assert missing.fix[0].value == f"v=DKIM1; k=ed25519; p={keys.ed}"


def test_a_cname_to_the_key_is_followed_and_shown(finding, keys):
    found = dkim(finding, f"{NAME} CNAME k.example.net.", f"k.example.net TXT v=DKIM1; p={keys.good}")
    assert found.status == "pass"
    assert [(r.name, r.type) for r in found.found] == [(NAME, "CNAME"), ("k.example.net", "TXT")]


def test_a_pending_key_that_is_not_published_warns_with_its_record(finding, good, keys):
    signing = Dkim(
        active=True,
        key=DkimKey(selector="8DC1", public_key=keys.good, size=2048),
        pending=DkimKey(selector="8DC2", public_key=keys.other, size=2048),
    )
    found = finding("dkim", good, dkim=signing)
    assert (found.status, found.code) == ("warn", "DKIM_MISSING")
    assert [r.name for r in found.fix] == ["8dc2._domainkey.example.com"]


def test_a_server_that_does_not_sign_warns_with_a_remedy(finding, keys):
    found = dkim(finding, "example.com A 192.0.2.1", dkim=Dkim(active=False))
    assert (found.status, found.code) == ("warn", "DKIM_NOT_SIGNING")
    assert "Create one" in found.detail
    waiting = Dkim(active=False, pending=DkimKey(selector="8DC1", public_key=keys.good, size=2048))
    found = dkim(finding, "example.com A 192.0.2.1", dkim=waiting)
    assert (found.status, len(found.fix)) == ("warn", 1)
    assert "Publish the key, then enable signing" in found.detail


def test_an_unknown_server_key_is_a_skip_without_lookups(finding, fake):
    dns = fake("example.com A 192.0.2.1")
    found = finding("dkim", dns, dkim=None)
    assert (found.status, found.code) == ("skip", "DKIM_NOT_ASKED")
    assert not any("_domainkey" in name for name, _ in dns.asked)


def test_a_domain_alias_is_a_skip(finding, good):
    found = finding("dkim", good, alias_of="example.net")
    assert (found.status, found.code) == ("skip", "DKIM_ALIAS")


@pytest.mark.parametrize(
    ("selector", "key", "code"),
    [("a b", "good", "DKIM_SELECTOR"), ("", "good", "DKIM_SELECTOR"), ("s1", "???", "DKIM_SERVER_KEY")],
)
def test_invalid_values_from_the_server_are_errors(finding, keys, selector, key, code):
    public = keys.good if key == "good" else key
    found = dkim(
        finding, "x A 192.0.2.1", dkim=Dkim(active=True, key=DkimKey(selector=selector, public_key=public, size=1))
    )
    assert (found.status, found.code) == ("error", code)


def test_a_server_that_does_not_return_its_key_is_an_error_and_not_a_missing_key() -> None:
    from dataclasses import replace

    from reconciler.compliance.checks import dkim
    from reconciler.compliance.facts import Facts
    from reconciler.compliance.subject import Subject
    from reconciler.core.expectations import expectation

    subject = Subject(domain="example.com", server="mail1", expected=expectation("mail1.example.net"), dkim=None)
    asked = replace(subject, dkim_problem="connection refused")
    finding = dkim.judge(asked, Facts({}))
    assert (finding.status, finding.code) == ("error", "DKIM_SERVER_SILENT")
    assert "connection refused" in finding.detail
    assert dkim.judge(subject, Facts({})).status == "skip"
