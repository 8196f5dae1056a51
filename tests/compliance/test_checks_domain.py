"""The checks parked, bulk and delegation, which judge the entire domain."""

import pytest

ZONE = ("example.com NS ns1.example.org.", "example.com NS ns2.example.org.")
SERVERS = ("ns1.example.org A 198.51.100.1", "ns2.example.org A 198.51.100.2")
DATA = ("example.com MX 10 mail1.example.net.", "example.com TXT v=spf1 -all")
PARKED = (
    "example.com MX 0 .",
    "example.com TXT v=spf1 -all",
    "_dmarc.example.com TXT v=DMARC1; p=reject",
    "*._domainkey.example.com TXT v=DKIM1; p=",
)


def parked(finding, *lines):
    return finding("parked", lines, sends=False)


def test_a_domain_with_all_declarations_that_it_sends_no_mail_passes(finding):
    found = parked(finding, *PARKED)
    assert (found.status, found.code) == ("pass", "PARKED_OK")


@pytest.mark.parametrize(
    ("place", "instead", "code"),
    [
        (0, "example.com A 192.0.2.80", "PARKED_IMPLICIT_MX"),
        (1, "example.com TXT other", "PARKED_SPF"),
        (1, "example.com TXT v=spf1 mx -all", "PARKED_SPF"),
        (1, "example.com TXT v=spf1 ~all", "PARKED_SPF"),
        (2, "_dmarc.example.com TXT v=DMARC1; p=quarantine", "PARKED_DMARC"),
        (2, "_dmarc.example.com TXT v=DMARC1; p=reject; sp=none", "PARKED_DMARC"),
        (2, "_dmarc.example.com TXT v=DMARC1; p=reject; t=y", "PARKED_DMARC"),
        (3, "*._domainkey.example.com TXT v=DKIM1; p=MIIB", "PARKED_DKIM"),
        (3, "x.example.com A 192.0.2.1", "PARKED_DKIM"),
    ],
)
def test_each_missing_declaration_warns_and_its_fix_passes(finding, place, instead, code):
    lines = [*PARKED[:place], instead, *PARKED[place + 1 :]]
    found = parked(finding, *lines)
    assert (found.status, found.code, len(found.fix)) == ("warn", code, 1)
    kept = [line for line in lines if line != instead or line.split()[1] == "A"]
    assert parked(finding, *kept, *(f"{r.name} {r.type} {r.value}" for r in found.fix)).status == "pass"


def test_report_addresses_are_kept_when_the_policy_becomes_reject(finding):
    published = "_dmarc.example.com TXT v=DMARC1; p=none; adkim=s; rua=mailto:own@example.com"
    (fix,) = parked(finding, *PARKED[:2], published, PARKED[3]).fix
    assert fix.value == "v=DMARC1; p=reject; adkim=s; rua=mailto:own@example.com"


def test_a_domain_that_receives_mail_passes(finding):
    found = parked(finding, "example.com MX 10 mail1.example.net.", *PARKED[1:])
    assert (found.status, found.codes) == ("pass", ("PARKED_OK", "PARKED_RECEIVES"))
    assert not [r for r in found.expected if r.type == "MX"]


@pytest.mark.parametrize("question", ["example.com MX", "example.com TXT", "_dmarc.example.com TXT"])
def test_an_unknown_part_is_an_error(finding, question):
    lines = [line for line in PARKED if not line.startswith(question)]
    assert parked(finding, *lines, f"{question} !temporary").code == "DNS_UNKNOWN"


def test_a_good_domain_meets_the_rules_for_bulk_mail(finding, good):
    found = finding("bulk", good)
    assert (found.status, found.code, found.title) == (
        "pass",
        "BULK_OK",
        "Meets the Gmail, Yahoo and Outlook DNS rules",
    )


@pytest.mark.parametrize("missing", ["example.com TXT", "8dc1", "_dmarc.example.com", "4.2.0.192"])
def test_each_unmet_rule_is_reported(finding, good, missing):
    found = finding("bulk", [line for line in good if not line.startswith(missing)])
    assert (found.status, found.code) == ("warn", "BULK_UNMET")
    assert found.detail.count("Not met") == 1


def test_an_unknown_rule_is_an_error_and_a_skipped_check_is_information(finding, good):
    lines = [line for line in good if not line.startswith("8dc1")]
    unknown = finding("bulk", (*lines, "8dc1._domainkey.example.com TXT !temporary"))
    assert (unknown.status, unknown.code) == ("error", "BULK_UNKNOWN")
    left = finding("bulk", good, dkim=None)
    assert (left.status, left.code) == ("skip", "BULK_NOT_JUDGED")


def test_lowering_a_check_does_not_make_the_rules_met(finding, hosts):
    from reconciler.core.expectations import CheckSetting

    found = finding("bulk", hosts, checks=(CheckSetting(id="spf", level="info"),))
    assert "SPF" in found.detail


def delegation(finding, fake, one, two, *resolver, servers=SERVERS):
    at = {"198.51.100.1": fake(*one) if one else fake(trouble={("*", "*"): "temporary"})}
    if two is not None:
        at["198.51.100.2"] = fake(*two)
    return finding("delegation", fake(*ZONE, *servers, *(resolver or DATA), at=at))


def soa(serial):
    return f"example.com SOA ns1.example.org. {serial}"


def test_servers_that_agree_pass_with_the_duration_of_a_change(finding, fake):
    found = delegation(finding, fake, (soa(7), *DATA), (soa(7), *DATA))
    assert (found.status, found.code) == ("pass", "DELEGATION_OK")
    assert "300 seconds" in found.detail


@pytest.mark.parametrize(
    ("one", "two", "code"),
    [
        ((soa(8), *DATA), (soa(7), *DATA), "DELEGATION_SERIAL"),
        ((soa(7), *DATA), (soa(7), DATA[0]), "DELEGATION_DIFFERS"),
        ((soa(7), *DATA, "example.com TXT new"), (soa(7), *DATA, "example.com TXT new"), "DELEGATION_STALE"),
    ],
)
def test_each_disagreement_warns(finding, fake, one, two, code):
    found = delegation(finding, fake, one, two)
    assert (found.status, found.code, found.fix) == ("warn", code, ())


def test_a_new_record_that_the_resolver_does_not_return_yet_is_explained(finding, fake):
    new = (soa(7), *DATA, "example.com TXT new")
    found = delegation(finding, fake, new, new)
    assert "“new”" in found.detail
    assert "still contains" in found.detail
    assert "300 seconds" in found.detail


@pytest.mark.parametrize("one", [None, ("example.com SOA !refused",)])
def test_a_lame_or_silent_server_is_unknown_and_the_others_are_judged(finding, fake, one):
    found = delegation(finding, fake, one, (soa(7), *DATA))
    assert (found.status, found.code) == ("error", "DELEGATION_SERVER_UNKNOWN")
    assert "ns1.example.org" in found.detail
    assert "DELEGATION_DIFFERS" not in found.codes


def test_a_server_without_an_address_warns_and_an_unknown_address_is_an_error(finding, fake):
    lost = delegation(finding, fake, (soa(7), *DATA), None, servers=SERVERS[:1])
    assert (lost.status, lost.code) == ("warn", "DELEGATION_NO_ADDRESS")
    servers = (SERVERS[0], "ns2.example.org A !temporary")
    assert delegation(finding, fake, (soa(7), *DATA), None, servers=servers).code == "DNS_UNKNOWN"


def test_a_name_inside_a_zone_is_looked_up_at_the_servers_of_the_zone(finding, fake):
    inner = ("sub.example.com MX 10 mail1.example.net.",)
    at = {f"198.51.100.{n}": fake(soa(7), *inner) for n in (1, 2)}
    found = finding("delegation", fake(*ZONE, *SERVERS, *inner, at=at), domain="sub.example.com")
    assert (found.status, found.title) == ("pass", "2 name servers agree")


def test_a_domain_without_name_servers_is_skipped(finding):
    assert finding("delegation", ()).code == "DELEGATION_NONE"


def test_an_untrusted_zone_with_many_name_servers_cannot_cause_unlimited_lookups(finding, fake):
    lines = [f"example.com NS n{n}.example.org." for n in range(90)]
    dns = fake(*lines, *(f"n{n}.example.org A 198.51.100.{n}" for n in range(90)))
    finding("delegation", dns)
    assert len([name for name, _ in dns.asked if name.startswith("@")]) == 18
