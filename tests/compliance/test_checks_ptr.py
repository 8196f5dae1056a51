"""Forward and reverse DNS of the mail server's addresses."""

import pytest

MX = ("example.com MX 10 mail1.example.net.", "mail1.example.net A 192.0.2.4")
NAME = "4.2.0.192.in-addr.arpa"


def test_matching_forward_and_reverse_dns_with_the_servers_name_passes(finding):
    found = finding("ptr", (*MX, f"{NAME} PTR mail1.example.net."))
    assert (found.status, found.code) == ("pass", "PTR_OK")
    assert "PTR_SENDERS_UNKNOWN" in found.codes
    assert [(r.name, r.type, r.value) for r in found.found] == [(NAME, "PTR", "mail1.example.net.")]


def test_an_address_without_ptr_warns_with_the_record_for_its_provider(finding):
    found = finding("ptr", MX)
    assert (found.status, found.code, found.fix) == ("warn", "PTR_MISSING", ())
    assert [(r.name, r.type, r.value) for r in found.elsewhere] == [(NAME, "PTR", "mail1.example.net.")]


def test_a_name_that_does_not_resolve_to_the_address_warns(finding):
    found = finding("ptr", (*MX, f"{NAME} PTR other.example.org.", "other.example.org A 198.51.100.1"))
    assert (found.status, found.code) == ("warn", "PTR_NOT_CONFIRMED")


def test_one_matching_name_of_several_is_enough(finding):
    found = finding("ptr", (*MX, f"{NAME} PTR a.example.org.", f"{NAME} PTR mail1.example.net."))
    assert found.status == "pass"


def test_a_matching_name_other_than_the_servers_warns(finding):
    found = finding("ptr", (*MX, f"{NAME} PTR host4.example.org.", "host4.example.org A 192.0.2.4"))
    assert (found.status, found.code) == ("warn", "PTR_HELO")
    assert [r.value for r in found.elsewhere] == ["mail1.example.net."]


def test_senders_are_judged_by_address_and_by_name_in_both_families(finding):
    reverse6 = "1.0.0.0." + "0.0.0.0." * 5 + "8.b.d.0.1.0.0.2.ip6.arpa"
    lines = (
        *(*MX, f"{NAME} PTR mail1.example.net.", "out.example.net A 198.51.100.7", f"{reverse6} PTR out6.example.net."),
        "out6.example.net AAAA 2001:db8::1",
    )
    found = finding("ptr", lines, spf_senders=("out.example.net", "2001:db8::1"))
    assert (found.status, found.code) == ("warn", "PTR_MISSING")
    assert "198.51.100.7" in found.detail
    assert "2001:db8::1" not in found.detail
    assert "PTR_SENDERS_UNKNOWN" not in found.codes
    assert found.elsewhere == ()


def test_a_private_sender_address_is_reported(finding):
    found = finding("ptr", (*MX, f"{NAME} PTR mail1.example.net."), spf_senders=("10.0.0.9",))
    assert (found.status, found.code) == ("warn", "PTR_PRIVATE")


def test_without_an_address_of_the_server_the_check_is_skipped(finding):
    found = finding("ptr", ("example.com MX 10 mx.example.org.", "mx.example.org A 198.51.100.1"))
    assert (found.status, found.code) == ("skip", "PTR_NO_ADDRESS")


@pytest.mark.parametrize(
    "trouble",
    [f"{NAME} PTR !temporary", "host4.example.org A !refused", "mail1.example.net AAAA !temporary"],
)
def test_a_failed_lookup_is_an_error(finding, trouble):
    found = finding("ptr", (*MX, f"{NAME} PTR host4.example.org.", trouble))
    assert (found.status, found.code) == ("error", "DNS_UNKNOWN")


def test_an_untrusted_zone_with_many_names_cannot_cause_unlimited_lookups(finding, fake):
    dns = fake(*MX, *(f"{NAME} PTR h{n}.example.org." for n in range(90)))
    finding("ptr", dns, table=[c for c in _checks() if c.id == "ptr"])
    assert len(dns.asked) < 12


def _checks():
    from reconciler.compliance.checks import CHECKS

    return CHECKS
