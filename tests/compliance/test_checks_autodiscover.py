import pytest

from reconciler.core.expectations import CheckSetting

MAIL = "mail1.example.net A 192.0.2.4"
CNAME = "autodiscover.example.com CNAME mail1.example.net."
SRV = "_autodiscover._tcp.example.com SRV 0 0 443 mail1.example.net."


def judged(finding, *lines, **changes):
    found = finding("autodiscover", (MAIL, *lines), **changes)
    return found.status, found.code


def fixed(found):
    return [(record.type, record.value) for record in found.fix]


def test_both_correct_records_pass(finding):
    assert judged(finding, CNAME, SRV) == ("pass", "AUTODISCOVER_OK")


def test_without_both_records_the_check_fails_and_proposes_both(finding):
    found = finding("autodiscover", (MAIL, "example.com A 192.0.2.1"))
    assert (found.status, found.code) == ("fail", "AUTODISCOVER_MISSING")
    assert fixed(found) == [("SRV", "0 0 443 mail1.example.net."), ("CNAME", "mail1.example.net.")]


def test_one_correct_record_warns_and_proposes_the_other(finding):
    half = finding("autodiscover", (MAIL, CNAME))
    assert (half.status, fixed(half)) == ("warn", [("SRV", "0 0 443 mail1.example.net.")])
    assert "Outlook" not in half.detail
    half = finding("autodiscover", (MAIL, SRV))
    assert (half.status, fixed(half)) == ("warn", [("CNAME", "mail1.example.net.")])
    assert "certificate covers autodiscover.example.com" in half.detail


@pytest.mark.parametrize("address", ["A 192.0.2.4", "AAAA 2001:db8::4"])
def test_a_shared_address_with_the_expected_host_passes(finding, address):
    more = ("mail1.example.net AAAA 2001:db8::4", f"autodiscover.example.com {address}")
    assert judged(finding, *more, SRV) == ("pass", "AUTODISCOVER_OK")


def test_an_address_of_another_server_warns_and_the_detail_explains_the_order_of_outlook(finding):
    found = finding("autodiscover", (MAIL, "autodiscover.example.com A 198.51.100.1", SRV))
    assert found.status == "warn"
    assert "Outlook tries this host before the SRV record" in found.detail


def test_leftovers_of_microsoft_365_are_reported(finding):
    lines = ("autodiscover.example.com CNAME autodiscover.outlook.com.", "autodiscover.outlook.com A 203.0.113.1", SRV)
    found = finding("autodiscover", (MAIL, *lines))
    assert "left over from Microsoft 365" in found.detail
    assert found.codes == (
        "AUTODISCOVER_HALF",
        "AUTODISCOVER_HOST_WRONG",
        "AUTODISCOVER_OUTLOOK",
        "AUTODISCOVER_ORDER",
    )


def test_a_host_with_a_similar_name_is_not_reported_as_microsoft_365(finding):
    lines = ("autodiscover.example.com CNAME notoutlook.com.", "notoutlook.com A 203.0.113.1", SRV)
    assert "AUTODISCOVER_OUTLOOK" not in finding("autodiscover", (MAIL, *lines)).codes


def test_a_wildcard_that_answers_for_the_host_is_reported_and_a_record_of_the_host_itself_is_not(finding):
    apex = "example.com A 198.51.100.80"
    found = finding("autodiscover", (MAIL, apex, "*.example.com A 198.51.100.80", SRV))
    assert found.status == "warn"
    assert {"AUTODISCOVER_WILDCARD", "AUTODISCOVER_APEX"} <= set(found.codes)
    assert fixed(found) == [("CNAME", "mail1.example.net.")]
    own = finding("autodiscover", (MAIL, apex, "autodiscover.example.com A 198.51.100.80", SRV))
    assert "AUTODISCOVER_WILDCARD" not in own.codes


def test_the_domains_own_web_server_is_reported_if_it_matters(finding, fake):
    found = finding("autodiscover", (MAIL, "example.com A 198.51.100.80", SRV))
    assert "https://example.com/autodiscover/ from 198.51.100.80" in found.detail
    assert "AUTODISCOVER_APEX" not in finding("autodiscover", (MAIL, SRV)).codes
    dns = fake(MAIL, "example.com A 198.51.100.80", CNAME, SRV)
    off = tuple(CheckSetting(id=name, level="off") for name in ("mx", "spf", "ptr", "parked", "delegation", "bulk"))
    assert finding("autodiscover", dns, checks=off).codes == ("AUTODISCOVER_OK",)
    assert ("example.com", "A") not in dns.asked


@pytest.mark.parametrize("question", ["example.com A", "reconciler-no-such-host.example.com A"])
def test_a_failed_lookup_for_a_diagnosis_does_not_change_the_status(finding, question):
    lines = (MAIL, "autodiscover.example.com A 198.51.100.1", SRV, f"{question} !temporary")
    assert finding("autodiscover", lines).status == "warn"


def test_an_srv_target_that_is_a_cname_warns_without_a_proposal(finding):
    lines = ("mail1.example.net CNAME real.example.net.", "real.example.net A 192.0.2.4", CNAME, SRV)
    found = finding("autodiscover", lines)
    assert (found.status, found.code, found.fix) == ("warn", "AUTODISCOVER_SRV_CNAME", ())


def test_an_address_that_the_expected_host_lacks_gives_a_note(finding):
    found = finding(
        "autodiscover", (MAIL, "autodiscover.example.com A 192.0.2.4", "autodiscover.example.com A 192.0.2.5", SRV)
    )
    assert (found.status, found.codes) == ("pass", ("AUTODISCOVER_OK", "AUTODISCOVER_HOST_STRAY"))


@pytest.mark.parametrize(
    "srv",
    ["0 0 80 mail1.example.net.", "0 0 443 other.example.org.", "0 0 0 .", "0 0 8443 mail1.example.net."],
)
def test_an_srv_record_with_the_wrong_port_or_target_does_not_pass(finding, srv):
    assert judged(finding, CNAME, f"_autodiscover._tcp.example.com SRV {srv}") == ("warn", "AUTODISCOVER_HALF")


def test_a_foreign_srv_target_with_higher_priority_fails_and_one_with_lower_priority_gives_a_note(finding):
    first = "_autodiscover._tcp.example.com SRV {} 0 443 other.example.org."
    ours = "_autodiscover._tcp.example.com SRV 5 0 443 mail1.example.net."
    assert judged(finding, CNAME, ours, first.format(0))[0] == "warn"
    assert judged(finding, CNAME, ours, first.format(5))[0] == "warn"
    found = finding("autodiscover", (MAIL, CNAME, ours, first.format(9)))
    assert (found.status, found.code) == ("warn", "AUTODISCOVER_SRV_OTHERS")
    assert "other.example.org:443" in found.detail
    assert fixed(found) == [("SRV", "0 0 443 mail1.example.net.")]


def test_different_targets_for_host_and_srv_record_are_respected(finding):
    lines = (
        "a.example.net A 192.0.2.7",
        "s.example.net A 192.0.2.8",
        "autodiscover.example.com CNAME a.example.net.",
        "_autodiscover._tcp.example.com SRV 0 0 443 s.example.net.",
    )
    changes = {"autodiscover_host": "a.example.net", "autodiscover_srv_target": "s.example.net"}
    assert judged(finding, *lines, **changes)[0] == "pass"
    assert judged(finding, *lines)[0] == "fail"


def test_a_cname_for_a_host_without_an_address_does_not_pass(finding):
    found = finding("autodiscover", ("autodiscover.example.com CNAME mail1.example.net.", SRV))
    assert found.status == "fail"


def test_an_expected_host_with_the_autodiscover_name_needs_only_an_address(finding):
    own = {"autodiscover_host": "autodiscover.example.com"}
    assert judged(finding, "autodiscover.example.com A 192.0.2.4", SRV, **own)[0] == "pass"
    assert fixed(finding("autodiscover", (MAIL, SRV), **own)) == []


@pytest.mark.parametrize("name", ["autodiscover.example.com A", "_autodiscover._tcp.example.com SRV"])
def test_while_one_record_is_unknown_none_is_reported_as_missing(finding, name):
    for other in ((CNAME,), (SRV,), ()):
        lines = [line for line in other if not line.startswith(name.split(" ", maxsplit=1)[0])]
        found = finding("autodiscover", (MAIL, "example.com A 192.0.2.1", f"{name} !temporary", *lines))
        assert (found.status, found.fix) == ("error", ())


def test_a_passing_a_record_is_the_record_to_keep(report):
    lines = (MAIL, "autodiscover.example.com A 192.0.2.4", SRV)
    records = [r for r in report(lines).to_publish() if r.name == "autodiscover.example.com"]
    assert [(r.type, r.value) for r in records] == [("A", "192.0.2.4")]
