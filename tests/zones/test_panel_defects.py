"""The defects of the panel that this program replaces: each has a test that shows the correct behavior."""

import asyncio

import pytest
import responder
import zone_scenarios as scenarios

from reconciler.compliance.generator import DmarcWish, record_text, refusals

pytestmark = pytest.mark.dnsserver


@pytest.fixture
def finding(reports):
    def find(name, check):
        return next(finding for finding in reports[name].checks if finding.id == check)

    return find


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("spf-longer-address", "fail", "SPF_NOT_ALLOWED"),
        ("spf-minus-include", "fail", "SPF_NOT_ALLOWED"),
        ("spf-after-all", "fail", "SPF_NOT_ALLOWED"),
        ("spf-version-10", "fail", "SPF_MISSING"),
        ("spf-two-records", "fail", "SPF_SEVERAL"),
        ("spf-in-capitals", "pass", "SPF_OK"),
    ],
)
def test_defect_1_the_spf_record_is_parsed_and_not_searched_for_a_text(finding, name, status, code):
    found = finding(name, "spf")
    assert (found.status, found.code) == (status, code)


@pytest.mark.parametrize(
    ("name", "status"), [("dkim-revoked", "fail"), ("dkim-foreign", "fail"), ("dkim-without-version", "pass")]
)
def test_defect_2_a_revoked_or_foreign_key_fails_and_a_valid_key_passes(finding, name, status):
    assert finding(name, "dkim").status == status


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("autodiscover-srv-port", "warn"),
        ("autodiscover-srv-dot", "warn"),
        ("autodiscover-srv-preferred-elsewhere", "warn"),
        ("autodiscover-by-addresses", "pass"),
    ],
)
def test_defect_3_the_check_reads_port_priority_and_target_of_srv_and_ipv6_addresses(finding, name, status):
    assert finding(name, "autodiscover").status == status


def test_defect_3_a_foreign_ipv6_address_is_reported_although_the_ipv4_address_is_right(finding):
    assert "2001:db8:7::7" in finding("autodiscover-foreign-ipv6", "autodiscover").detail


@pytest.mark.parametrize(
    ("name", "status"),
    [("dmarc-version-10", "fail"), ("dmarc-two-records", "fail"), ("dmarc-bad-policy", "warn"), ("dmarc-void", "fail")],
)
def test_defect_4_dmarc_records_are_parsed_and_counted(finding, name, status):
    assert finding(name, "dmarc").status == status


@pytest.mark.parametrize(("name", "status"), [("mx-good", "pass"), ("mx-foreign", "fail"), ("mx-null", "fail")])
def test_defect_5_there_is_an_mx_check(finding, name, status):
    assert finding(name, "mx").status == status


def test_defect_6_a_failed_lookup_is_not_a_missing_record_and_the_next_run_asks_again(world, checked_at):
    front = responder.Front(world.port)
    broken = [True]

    async def recovers(query, transport):
        return await responder.servfail(query, transport) if broken[0] else await front(query, transport)

    case = scenarios.load("spf-good")
    with responder.responder(recovers) as port:
        first = asyncio.run(checked_at(port, [case.subject]))[0]
        broken[0] = False
        second = asyncio.run(checked_at(port, [case.subject]))[0]
    assert {check.status for check in first.checks} == {"error"}
    assert {check.status for check in second.checks} <= {"pass", "skip"}


def test_defect_7_the_mechanism_is_merged_into_the_existing_record(finding):
    (fix,) = finding("spf-not-allowed", "spf").fix
    assert fix.value == "v=spf1 include:_spf.other.example include:spf.example.net ~all"


def test_defect_8_the_dmarc_generator_knows_the_current_rfc_and_reports_every_value_that_it_rejects():
    reports = ("mailto:dmarc@example.net",)
    wish = DmarcWish(
        policy="reject", subdomain_policy="quarantine", np="reject", rua=reports, ruf=reports, fo="1", testing=True
    )
    tags = [tag.split("=")[0].strip() for tag in record_text(wish).split(";")]
    assert tags == ["v", "p", "sp", "np", "rua", "ruf", "fo", "t"]
    assert [refusal.field for refusal in refusals(DmarcWish(policy="rejekt", rua=("nobody",)))] == ["policy", "rua"]
