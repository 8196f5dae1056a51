import pytest

from reconciler.compliance.checks import FIRST

HOSTS = ("mail1.example.net A 192.0.2.4", "other.example.org A 198.51.100.9")


def judged(finding, *lines, **changes):
    found = finding("mx", (*HOSTS, *lines), **changes)
    return found.status, found.code


def test_the_expected_host_alone_passes_without_a_proposal(finding, good):
    found = finding("mx", good)
    assert (found.status, found.fix, found.title) == ("pass", (), "Mail goes to mail1.example.net")
    assert found.found[0].value == "10 mail1.example.net."


def test_a_domain_without_mx_and_address_fails(finding):
    found = finding("mx", (*HOSTS, "example.com TXT x"))
    assert (found.status, found.code) == ("fail", "MX_MISSING")
    assert [(r.name, r.type, r.value, r.ttl) for r in found.fix] == [
        ("example.com", "MX", "10 mail1.example.net.", 3600)
    ]


def test_a_nonexistent_domain_is_reported_as_nonexistent(finding):
    found = finding("mx", HOSTS)
    assert found.status == "fail"
    assert "does not exist" in found.title


def test_an_implicit_mx_warns_if_the_address_belongs_to_the_server(finding):
    assert judged(finding, "example.com A 192.0.2.4") == ("warn", "MX_IMPLICIT")


def test_an_implicit_mx_fails_if_the_address_belongs_to_a_web_server(finding):
    assert judged(finding, "example.com A 198.51.100.80") == ("fail", "MX_MISSING")


def test_an_implicit_mx_is_not_judged_while_the_servers_address_is_unknown(finding):
    found = finding("mx", ("example.com A 198.51.100.80", "mail1.example.net A !temporary"))
    assert found.status == "error"


def test_an_implicit_mx_by_ipv6_alone_is_judged_by_the_servers_ipv6_address(finding):
    server = "mail1.example.net AAAA 2001:db8::4"
    assert judged(finding, "example.com AAAA 2001:db8::4", server) == ("warn", "MX_IMPLICIT")
    assert judged(finding, "example.com AAAA 2001:db8::80", server) == ("fail", "MX_MISSING")


def test_an_implicit_mx_fails_if_only_the_ipv6_address_belongs_to_the_server(finding):
    lines = ("example.com A 198.51.100.80", "example.com AAAA 2001:db8::4", "mail1.example.net AAAA 2001:db8::4")
    assert judged(finding, *lines) == ("fail", "MX_MISSING")


@pytest.mark.parametrize("silent", ["example.com A", "example.com AAAA", "mail1.example.net AAAA"])
def test_an_implicit_mx_by_ipv6_is_not_judged_while_an_address_is_unknown(finding, silent):
    name, rtype = silent.split()
    lines = ("example.com AAAA 2001:db8::80", "mail1.example.net AAAA 2001:db8::4")
    kept = [line for line in lines if not line.startswith(f"{silent} ")]
    assert judged(finding, "example.com TXT x", *kept, f"{name} {rtype} !temporary")[0] == "error"


def test_only_foreign_hosts_fail(finding):
    assert judged(finding, "example.com MX 10 other.example.org.") == ("fail", "MX_FOREIGN")


def test_a_foreign_host_next_to_the_expected_one_warns(finding):
    lines = ("example.com MX 10 mail1.example.net.", "example.com MX 20 other.example.org.")
    assert judged(finding, *lines) == ("warn", "MX_OTHERS")


def test_a_foreign_host_with_higher_priority_warns(finding):
    lines = ("example.com MX 20 mail1.example.net.", "example.com MX 10 other.example.org.")
    assert judged(finding, *lines) == ("warn", "MX_NOT_FIRST")


def test_a_missing_one_of_several_expected_hosts_warns(finding):
    hosts = ("mail1.example.net", "mail2.example.net")
    found = finding("mx", (*HOSTS, "example.com MX 10 mail1.example.net."), mx_hosts=hosts)
    assert (found.status, found.code) == ("warn", "MX_INCOMPLETE")
    assert [r.value for r in found.fix] == ["10 mail1.example.net.", "20 mail2.example.net."]


def test_a_null_mx_fails(finding):
    assert judged(finding, "example.com MX 0 .") == ("fail", "MX_NULL")


def test_a_null_mx_next_to_another_record_fails(finding):
    lines = ("example.com MX 0 .", "example.com MX 10 mail1.example.net.")
    assert judged(finding, *lines) == ("fail", "MX_NULL_MIXED")


def test_a_target_that_is_a_cname_fails_without_a_proposal(finding):
    lines = ("example.com MX 10 mail1.example.net.", "mail1.example.net CNAME real.example.net.")
    found = finding("mx", (*lines, "real.example.net A 192.0.2.4"))
    assert (found.status, found.code, found.fix) == ("fail", "MX_CNAME", ())


def test_a_target_without_an_address_fails(finding):
    found = finding("mx", ("example.com MX 10 mail1.example.net.",))
    assert (found.status, found.code) == ("fail", "MX_NO_ADDRESS")


def test_a_target_with_ipv6_only_passes(finding):
    found = finding("mx", ("example.com MX 10 mail1.example.net.", "mail1.example.net AAAA 2001:db8::1"))
    assert found.status == "pass"


@pytest.mark.parametrize(
    ("target", "code"), [("192.0.2.4.", "MX_ADDRESS"), ("mail_1.example.net.", "MX_BAD_NAME"), ("-a.b.", "MX_BAD_NAME")]
)
def test_a_target_with_an_invalid_host_name_is_reported(finding, target, code):
    found = finding("mx", (*HOSTS, "example.com MX 10 mail1.example.net.", f"example.com MX 20 {target}"))
    assert target.removesuffix(".") in found.detail
    only = finding("mx", (f"example.com MX 10 {target}",), mx_hosts=(target.removesuffix("."),))
    assert (only.status, only.code) == ("fail", code)


def test_a_duplicate_target_warns_and_the_fix_contains_it_once(finding):
    lines = ("example.com MX 10 mail1.example.net.", "example.com MX 20 mail1.example.net.")
    found = finding("mx", (*HOSTS, *lines))
    assert (found.status, found.code, len(found.fix)) == ("warn", "MX_DUPLICATE", 1)


def test_an_untrusted_zone_with_many_targets_cannot_cause_unlimited_lookups(finding, fake):
    dns = fake(*(f"example.com MX {n} h{n}.example.org." for n in range(1, 90)))
    finding("mx", dns, table=FIRST)
    assert len(dns.asked) < 30


@pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.1", "0.0.0.0", "100.64.0.1", "169.254.1.1", "192.168.0.9"])
def test_a_private_address_of_the_expected_host_fails(finding, address):
    found = finding("mx", ("example.com MX 10 mail1.example.net.", f"mail1.example.net A {address}"))
    assert (found.status, found.code, found.fix) == ("fail", "MX_PRIVATE", ())
    assert address in found.detail


@pytest.mark.parametrize("address", ["::1", "::", "fd00::1", "fe80::1", "::ffff:10.0.0.1"])
def test_a_private_ipv6_address_next_to_a_public_one_warns(finding, address):
    lines = ("example.com MX 10 mail1.example.net.", "mail1.example.net A 192.0.2.4")
    found = finding("mx", (*lines, f"mail1.example.net AAAA {address}"))
    assert (found.status, found.code) == ("warn", "MX_PRIVATE")


def test_a_private_address_of_a_foreign_target_warns(finding):
    lines = ("example.com MX 10 mail1.example.net.", "example.com MX 20 in.example.org.", "in.example.org A 10.0.0.1")
    found = finding("mx", (*HOSTS, *lines))
    assert found.status == "warn"
    assert "MX_PRIVATE" in found.codes


def test_missing_ipv6_is_information_and_unknown_ipv6_gives_no_note(finding):
    mx = ("example.com MX 10 mail1.example.net.", "mail1.example.net A 192.0.2.4")
    without = finding("mx", mx)
    assert (without.status, without.code, without.codes) == ("pass", "MX_OK", ("MX_OK", "MX_NO_IPV6"))
    both = finding("mx", (*mx, "mail1.example.net AAAA 2001:db8::4"))
    assert both.codes == ("MX_OK",)
    unknown = finding("mx", (*mx, "mail1.example.net AAAA !temporary"))
    assert (unknown.status, unknown.codes) == ("pass", ("MX_OK",))


@pytest.mark.parametrize("lines", [(), ("example.com MX 0 .",), ("example.com A 192.0.2.80",)])
def test_a_domain_that_neither_sends_nor_receives_needs_no_mx(finding, lines):
    found = finding("mx", (*HOSTS, *lines), sends=False)
    assert (found.status, found.code, found.expected) == ("skip", "MX_PARKED", ())
