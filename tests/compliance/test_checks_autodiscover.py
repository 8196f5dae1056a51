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


def test_both_records_right_pass(finding):
    assert judged(finding, CNAME, SRV) == ("pass", "AUTODISCOVER_OK")


def test_none_fails_with_both_records_to_publish(finding):
    found = finding("autodiscover", (MAIL, "example.com A 192.0.2.1"))
    assert (found.status, found.code) == ("fail", "AUTODISCOVER_MISSING")
    assert fixed(found) == [("SRV", "0 0 443 mail1.example.net."), ("CNAME", "mail1.example.net.")]


def test_one_of_the_two_warns_with_the_other_to_publish(finding):
    half = finding("autodiscover", (MAIL, CNAME))
    assert (half.status, fixed(half)) == ("warn", [("SRV", "0 0 443 mail1.example.net.")])
    assert "Outlook" not in half.detail
    half = finding("autodiscover", (MAIL, SRV))
    assert (half.status, fixed(half)) == ("warn", [("CNAME", "mail1.example.net.")])
    assert "certificate covers autodiscover.example.com" in half.detail


@pytest.mark.parametrize("address", ["A 192.0.2.4", "AAAA 2001:db8::4"])
def test_an_address_in_common_with_the_host_counts(finding, address):
    more = ("mail1.example.net AAAA 2001:db8::4", f"autodiscover.example.com {address}")
    assert judged(finding, *more, SRV) == ("pass", "AUTODISCOVER_OK")


def test_an_address_of_another_server_does_not_count_and_outlooks_order_is_explained(finding):
    found = finding("autodiscover", (MAIL, "autodiscover.example.com A 198.51.100.1", SRV))
    assert found.status == "warn"
    assert "Outlook tries this host before the SRV record" in found.detail


def test_what_microsoft_365_left_is_recognised(finding):
    lines = ("autodiscover.example.com CNAME autodiscover.outlook.com.", "autodiscover.outlook.com A 203.0.113.1", SRV)
    found = finding("autodiscover", (MAIL, *lines))
    assert "left over from Microsoft 365" in found.detail
    assert found.codes == (
        "AUTODISCOVER_HALF",
        "AUTODISCOVER_HOST_WRONG",
        "AUTODISCOVER_OUTLOOK",
        "AUTODISCOVER_ORDER",
    )


def test_a_host_that_only_sounds_like_microsofts_is_not_taken_for_it(finding):
    lines = ("autodiscover.example.com CNAME notoutlook.com.", "notoutlook.com A 203.0.113.1", SRV)
    assert "AUTODISCOVER_OUTLOOK" not in finding("autodiscover", (MAIL, *lines)).codes


def test_a_wildcard_that_answers_for_the_host_is_named_and_a_record_of_its_own_is_none(finding):
    apex = "example.com A 198.51.100.80"
    found = finding("autodiscover", (MAIL, apex, "*.example.com A 198.51.100.80", SRV))
    assert found.status == "warn"
    assert {"AUTODISCOVER_WILDCARD", "AUTODISCOVER_APEX"} <= set(found.codes)
    assert fixed(found) == [("CNAME", "mail1.example.net.")]
    own = finding("autodiscover", (MAIL, apex, "autodiscover.example.com A 198.51.100.80", SRV))
    assert "AUTODISCOVER_WILDCARD" not in own.codes


def test_the_domains_own_web_server_is_named_where_it_matters(finding, fake):
    found = finding("autodiscover", (MAIL, "example.com A 198.51.100.80", SRV))
    assert "https://example.com/autodiscover/ from 198.51.100.80" in found.detail
    assert "AUTODISCOVER_APEX" not in finding("autodiscover", (MAIL, SRV)).codes
    dns = fake(MAIL, "example.com A 198.51.100.80", CNAME, SRV)
    off = tuple(CheckSetting(id=name, level="off") for name in ("mx", "spf", "ptr", "parked", "delegation", "bulk"))
    assert finding("autodiscover", dns, checks=off).codes == ("AUTODISCOVER_OK",)
    assert ("example.com", "A") not in dns.asked


@pytest.mark.parametrize("question", ["example.com A", "reconciler-no-such-host.example.com A"])
def test_what_is_asked_only_for_a_diagnosis_makes_nothing_worse_when_it_is_unknown(finding, question):
    lines = (MAIL, "autodiscover.example.com A 198.51.100.1", SRV, f"{question} !temporary")
    assert finding("autodiscover", lines).status == "warn"


def test_a_service_whose_target_is_a_cname_warns_and_cannot_be_mended_in_this_zone(finding):
    lines = ("mail1.example.net CNAME real.example.net.", "real.example.net A 192.0.2.4", CNAME, SRV)
    found = finding("autodiscover", lines)
    assert (found.status, found.code, found.fix) == ("warn", "AUTODISCOVER_SRV_CNAME", ())


def test_an_address_that_the_expected_host_has_not_is_noted(finding):
    found = finding(
        "autodiscover", (MAIL, "autodiscover.example.com A 192.0.2.4", "autodiscover.example.com A 192.0.2.5", SRV)
    )
    assert (found.status, found.codes) == ("pass", ("AUTODISCOVER_OK", "AUTODISCOVER_HOST_STRAY"))


@pytest.mark.parametrize(
    "srv",
    ["0 0 80 mail1.example.net.", "0 0 443 other.example.org.", "0 0 0 .", "0 0 8443 mail1.example.net."],
)
def test_a_service_record_with_the_wrong_port_or_target_does_not_count(finding, srv):
    assert judged(finding, CNAME, f"_autodiscover._tcp.example.com SRV {srv}") == ("warn", "AUTODISCOVER_HALF")


def test_a_foreign_target_that_is_preferred_does_not_count_and_one_that_is_not_is_noted(finding):
    first = "_autodiscover._tcp.example.com SRV {} 0 443 other.example.org."
    ours = "_autodiscover._tcp.example.com SRV 5 0 443 mail1.example.net."
    assert judged(finding, CNAME, ours, first.format(0))[0] == "warn"
    assert judged(finding, CNAME, ours, first.format(5))[0] == "warn"
    found = finding("autodiscover", (MAIL, CNAME, ours, first.format(9)))
    assert (found.status, found.code) == ("warn", "AUTODISCOVER_SRV_OTHERS")
    assert "other.example.org:443" in found.detail
    assert fixed(found) == [("SRV", "0 0 443 mail1.example.net.")]


def test_targets_of_their_own_are_respected(finding):
    lines = (
        "a.example.net A 192.0.2.7",
        "s.example.net A 192.0.2.8",
        "autodiscover.example.com CNAME a.example.net.",
        "_autodiscover._tcp.example.com SRV 0 0 443 s.example.net.",
    )
    changes = {"autodiscover_host": "a.example.net", "autodiscover_srv_target": "s.example.net"}
    assert judged(finding, *lines, **changes)[0] == "pass"
    assert judged(finding, *lines)[0] == "fail"


def test_a_cname_to_a_host_without_an_address_does_not_count(finding):
    found = finding("autodiscover", ("autodiscover.example.com CNAME mail1.example.net.", SRV))
    assert found.status == "fail"


def test_a_host_that_is_expected_at_its_own_name_needs_an_address_only(finding):
    own = {"autodiscover_host": "autodiscover.example.com"}
    assert judged(finding, "autodiscover.example.com A 192.0.2.4", SRV, **own)[0] == "pass"
    assert fixed(finding("autodiscover", (MAIL, SRV), **own)) == []


@pytest.mark.parametrize("name", ["autodiscover.example.com A", "_autodiscover._tcp.example.com SRV"])
def test_while_one_of_the_two_is_unknown_nothing_is_said_to_be_missing(finding, name):
    for other in ((CNAME,), (SRV,), ()):
        lines = [line for line in other if not line.startswith(name.split(" ", maxsplit=1)[0])]
        found = finding("autodiscover", (MAIL, "example.com A 192.0.2.1", f"{name} !temporary", *lines))
        assert (found.status, found.fix) == ("error", ())


def test_an_a_record_that_passes_is_what_should_stay_published(report):
    lines = (MAIL, "autodiscover.example.com A 192.0.2.4", SRV)
    records = [r for r in report(lines).to_publish() if r.name == "autodiscover.example.com"]
    assert [(r.type, r.value) for r in records] == [("A", "192.0.2.4")]
