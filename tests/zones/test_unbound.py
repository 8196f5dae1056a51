"""Through a real resolver, the findings are the same, and the checks tell valid, missing and broken signatures apart.

Knot signs the zones. Unbound trusts the key of the root zone. The tests break a zone by a change of its file after
Knot signed it, or by another trusted key.
"""

import asyncio
import os
import re
from dataclasses import replace
from types import SimpleNamespace

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
import zone_scenarios as scenarios

from reconciler.compliance.checks import CHECKS

UNSIGNED_HOST = "v4only.example."
FIVE = ("mx", "spf", "dkim", "autodiscover", "dmarc")
LATER = "20500101000000"
"""A date at which every signature of today has expired."""
OTHER_KEY = ". 300 IN DS 1 13 2 " + 64 * "0"
UNKNOWN = {"DNS_UNKNOWN", "BULK_UNKNOWN"}

BY_MX = {"mx", "ptr", "dnssec", "dane", "delegation", "bulk"}
"""Checks that need the MX records."""
CHECKED = tuple(check.id for check in CHECKS if check.id != "parked")
"""All checks of a domain that sends and receives."""

WRONG_DS, NOT_SIGNED, BAD_MX, BAD_TLSA = "spf-good", "dmarc-good", "mx-good", "dane-good"
"""Scenarios that the tests break. The parent has the DS of another key, as after a new key; the parent has a DS and the
zone has no signatures, as after a move to another DNS provider; and twice, a record does not match its signature."""


def comparable(finding) -> str:
    """A finding as text, without the values that differ between runs: the resolver's port, and TTLs in evidence."""
    return re.sub(r"\b127\.0\.0\.1:\d+ answered", "127.0.0.1 answered", repr(replace(finding, evidence=())))


def zone(domain: str, lines: list[str]) -> str:
    """A zone, with SOA and NS, for the records of a scenario."""
    own = f"{domain}. 300 IN SOA ns.{domain}. nobody.{domain}. 1 3600 600 86400 300"
    return "\n".join([own, f"{domain}. 300 IN NS ns.{domain}.", f"ns.{domain}. 300 IN A 127.0.0.1", *lines]) + "\n"


def delegation(domain: str, anchor: str = "") -> str:
    """The records of a zone in its parent, the root."""
    return f"{domain}. 300 IN NS ns.{domain}.\nns.{domain}. 300 IN A 127.0.0.1\n{anchor}\n"


def assert_only_validation_refuses(port: int, names: list[str]) -> None:
    """Without validation (CD bit, RFC 4035 section 3.2.2) the resolver gives the records: nothing else is wrong."""
    for name in names:
        query = dns.message.make_query(name, "MX")
        refused = dns.query.udp(query, "127.0.0.1", port=port, timeout=20)
        query.flags |= dns.flags.CD
        given = dns.query.udp(query, "127.0.0.1", port=port, timeout=20)
        assert (refused.rcode(), bool(refused.answer)) == (dns.rcode.SERVFAIL, False), name
        assert (given.rcode(), bool(given.answer)) == (dns.rcode.NOERROR, True), name


@pytest.fixture(scope="module")
def plain(behind_unbound, world, cases, records):
    """The reports through Unbound of the scenarios that are not about DNSSEC, by name."""
    front = behind_unbound(world.port, list(scenarios.server_zones(records)))
    return front.check([case for case in cases if case.validated == "no"])


@pytest.fixture(scope="module")
def dnssec(behind_unbound, signed, serve_zones, cases, records):
    """The scenarios about DNSSEC. The root zone is signed; the zones that are not signed are below it."""
    chosen = [case for case in cases if case.validated != "no"]
    inside = {case.name: records[case.name] for case in chosen if case.validated == "yes"}
    lines = scenarios.server_zones(inside)["."].splitlines()
    apart = {case.domain: scenarios.lines(records[case.name]) for case in chosen if case.validated == "others"}
    apart[UNSIGNED_HOST.rstrip(".")] = [line for line in lines if line.startswith(f"{UNSIGNED_HOST} ")]
    assert all(apart.values())
    kept = [line for line in lines if not line.startswith(f"{UNSIGNED_HOST} ")]
    root = "\n".join(kept) + "\n" + "".join(delegation(domain) for domain in apart)
    top = signed({".": root})["."]
    zones = {".": top.text, **{domain: zone(domain, own) for domain, own in apart.items()}}
    front = behind_unbound(serve_zones(zones), list(zones), anchors=[top.anchor])
    return SimpleNamespace(front=front, cases=chosen, reports=front.check(chosen))


@pytest.fixture(scope="module")
def broken(behind_unbound, signed, serve_zones, records):
    """Zones below a signed root, each broken in another way, and a resolver that trusts the right key."""
    chosen = {name: scenarios.load(name) for name in (WRONG_DS, NOT_SIGNED, BAD_MX, BAD_TLSA)}
    texts = {case.domain: zone(case.domain, scenarios.lines(records[name])) for name, case in chosen.items()}
    children = signed(texts)
    served = {domain: child.text for domain, child in children.items()}
    served[chosen[NOT_SIGNED].domain] = texts[chosen[NOT_SIGNED].domain]
    for name, old, new in ((BAD_MX, "MX\t10 ", "MX\t11 "), (BAD_TLSA, "TLSA\t3 1 1 ", "TLSA\t3 0 1 ")):
        domain = chosen[name].domain
        text = served[domain].replace(old, new)
        assert text != served[domain], served[domain]
        served[domain] = text
    anchors = {domain: child.anchor for domain, child in children.items()}
    wrong, other = chosen[WRONG_DS].domain, chosen[BAD_MX].domain
    anchors[wrong] = anchors[other].replace(f"{other}.", f"{wrong}.")
    root = scenarios.server_zones({})["."] + "".join(delegation(domain, anchors[domain]) for domain in served)
    top = signed({".": root})["."]
    zones = {".": top.text, **served}
    port = serve_zones(zones)
    front = behind_unbound(port, list(zones), anchors=[top.anchor])
    assert_only_validation_refuses(front.front, [chosen[name].domain for name in (WRONG_DS, NOT_SIGNED, BAD_MX)])
    return SimpleNamespace(port=port, zones=list(zones), anchor=top.anchor, reports=front.check(list(chosen.values())))


@pytest.mark.dnsserver
def test_through_a_real_resolver_every_finding_is_the_same(plain, reports):
    assert len(plain) > 200
    different = {
        (name, mine.id): (comparable(mine), comparable(straight))
        for name, report in plain.items()
        for mine, straight in zip(report.checks, reports[name].checks, strict=True)
        if comparable(mine) != comparable(straight)
    }
    assert different == {}


@pytest.mark.dnsserver
@pytest.mark.parametrize("check", FIVE)
def test_through_a_real_resolver_each_of_the_five_checks_passes_fails_and_has_errors(check, plain, reports):
    def statuses(found):
        return {finding.status for name in plain for finding in found[name].checks if finding.id == check}

    assert statuses(plain) == statuses(reports) >= {"pass", "fail", "error"}


@pytest.mark.dnsserver
def test_the_findings_about_dnssec_are_the_same_with_real_signatures(dnssec):
    assert len(dnssec.cases) >= 10
    for case in dnssec.cases:
        found = {f.id: (f.status, list(f.codes or (f.code,))) for f in dnssec.reports[case.name].checks}
        wanted = scenarios.expected(case.name)
        if case.validated == "others":  # Here the root is signed, so an unsigned domain needs a zone.
            wanted |= {"delegation": {"status": "pass", "codes": ["DELEGATION_OK"]}}
        assert found == {key: (row["status"], row["codes"]) for key, row in wanted.items() if row}, case.summary


@pytest.mark.dnsserver
@pytest.mark.parametrize(
    "name, rtype, outcome, validated",
    [
        ("dnssec-good.example", "MX", "records", True),
        ("autodiscover.dnssec-good.example", "A", "records", True),
        ("dnssec-good.example", "SRV", "nodata", True),
        ("nothing.dnssec-good.example", "TXT", "nxdomain", True),
        ("", "SOA", "records", True),
        ("dnssec-unsigned.example", "MX", "records", False),
        ("dnssec-unsigned.example", "SRV", "nodata", False),
        ("nothing.dnssec-unsigned.example", "TXT", "nxdomain", False),
        ("autodiscover.dnssec-unsigned.example", "A", "records", False),
    ],
)
def test_answers_of_a_signed_zone_are_marked_as_validated_and_so_are_absence_and_aliases(
    name, rtype, outcome, validated, dnssec
):
    async def ask():
        return await dnssec.front.resolver(None).lookup(name, rtype)

    answer = asyncio.run(ask())
    assert (answer.outcome, answer.authenticated) == (outcome, validated)


def finding(report, check):
    """The finding of one check."""
    return next(finding for finding in report.checks if finding.id == check)


@pytest.mark.dnsserver
@pytest.mark.parametrize("name", [WRONG_DS, NOT_SIGNED])
def test_a_zone_with_invalid_signatures_is_unknown_and_no_record_in_it_is_missing(name, broken):
    for check in CHECKED:
        found = finding(broken.reports[name], check)
        assert (found.status, found.fix, found.elsewhere) == ("error", (), ()), check
        # PTR records are in the root, whose signatures are valid.
        assert {record.type for record in found.found} <= {"PTR"}, check
        assert {found.code, *found.codes} <= UNKNOWN, check


@pytest.mark.dnsserver
def test_the_report_names_broken_signatures_as_a_possible_cause(broken):
    assert "signatures are invalid or expired" in finding(broken.reports[WRONG_DS], "dnssec").detail


@pytest.mark.dnsserver
def test_one_record_that_does_not_match_its_signature_leaves_the_others_known(broken):
    found = {f.id: f.status for f in broken.reports[BAD_MX].checks}
    assert {check for check, status in found.items() if status == "error"} == BY_MX
    assert {found[check] for check in ("spf", "dkim", "autodiscover", "dmarc")} == {"pass"}


@pytest.mark.dnsserver
def test_a_changed_tlsa_record_is_neither_accepted_nor_missing(broken):
    found = finding(broken.reports[BAD_TLSA], "dane")
    assert (found.status, found.code, found.found) == ("error", "DNS_UNKNOWN", ())
    assert "delay the mail" in found.detail
    assert finding(broken.reports[BAD_TLSA], "dnssec").code == "DNSSEC_OK"


@pytest.fixture(scope="module")
def all_invalid(behind_unbound, broken):
    """The findings about a good domain and a parked one, by the reason why all signatures are invalid."""

    def reports(trust):
        cases = [scenarios.load("dkim-good"), scenarios.load("parked-good")]
        front = behind_unbound(broken.port, broken.zones, **trust)
        assert_only_validation_refuses(front.front, ["example.net"])
        found = front.check(cases)
        good = {f.id: f for f in found["dkim-good"].checks}
        return good | {"parked": finding(found["parked-good"], "parked")}

    return {
        "another key is trusted": reports({"anchors": [OTHER_KEY]}),
        "all signatures have expired": reports({"anchors": [broken.anchor], "at": LATER}),
    }


@pytest.mark.dnsserver
@pytest.mark.parametrize("wrong", ["another key is trusted", "all signatures have expired"])
def test_with_only_invalid_signatures_every_record_is_unknown_and_none_is_missing(wrong, all_invalid):
    for check in (*CHECKED, "parked"):
        found = all_invalid[wrong][check]
        assert (found.status, found.found, found.fix, found.elsewhere) == ("error", (), (), ()), check
        assert {found.code, *found.codes} <= UNKNOWN, check


def test_without_unbound_the_tests_are_skipped_and_the_reason_says_what_to_install(resolver_needed):
    with pytest.raises(pytest.skip.Exception, match="apt install unbound"):
        resolver_needed(None, required=False)


def test_a_missing_unbound_is_a_failure_if_the_environment_requires_it(resolver_needed):
    with pytest.raises(AssertionError, match="RECONCILER_REQUIRE_DNS_SERVER is 1, and unbound is not installed"):
        resolver_needed(None, required=True)


@pytest.mark.skipif(os.name != "posix", reason="runs a shell script")
@pytest.mark.parametrize(
    "message, reason", [("nonsense: Permission denied", "may not read"), ("unbound.conf:1: syntax error", None)]
)
def test_an_installed_unbound_skips_no_test_unless_it_may_not_read_its_configuration(
    message, reason, resolver_needed, tmp_path
):
    program = tmp_path / "unbound"
    program.write_text(f"#!/bin/sh\necho '{message}' >&2\nexit 1\n")
    program.chmod(0o755)
    if reason is None:
        resolver_needed(str(program), required=True)
    else:
        with pytest.raises(pytest.skip.Exception, match=reason):
            resolver_needed(str(program), required=False)
