"""Rows 40 and 41: reports arrive only if their target permits them and can receive mail."""

import asyncio

import pytest

from reconciler.compliance.gather import gather

OWN = "_dmarc.example.com TXT v=DMARC1; p=reject; rua=mailto:r@{}"
PERMISSION = "example.com._report._dmarc.reports.example"
MAIL = "reports.example MX 10 m.reports.example."


def judged(finding, *lines, target="reports.example"):
    return finding("dmarc", (OWN.format(target), "example.com MX 10 mail1.example.net.", *lines))


@pytest.mark.parametrize("permission", [f"{PERMISSION} TXT v=DMARC1", "*._report._dmarc.reports.example TXT v=DMARC1;"])
def test_a_target_with_a_permission_passes(finding, permission):
    assert judged(finding, MAIL, permission).status == "pass"


def test_a_target_without_a_permission_fails_with_the_record_for_its_operator(finding):
    found = judged(finding, MAIL)
    assert (found.status, found.code, found.fix) == ("fail", "DMARC_EXTERNAL", ())
    assert [(r.name, r.type, r.value) for r in found.elsewhere] == [(PERMISSION, "TXT", "v=DMARC1")]
    assert f'The operator of reports.example must publish: {PERMISSION}. IN TXT "v=DMARC1"' in found.detail


@pytest.mark.parametrize("text", ["v=dmarc1", "v=DMARC10", "yes", '"v=DMARC1"'])
def test_only_a_record_that_begins_with_the_version_is_a_permission(finding, text):
    found = judged(finding, MAIL, f"{PERMISSION} TXT {text}")
    assert found.code == "DMARC_EXTERNAL"
    assert "none of which begins with v=DMARC1" in found.detail


def test_a_target_in_the_domain_itself_needs_no_lookup(finding, fake):
    dns = fake(OWN.format("example.com"), "example.com MX 10 mail1.example.net.")
    assert finding("dmarc", dns).status == "pass"
    assert not any("_report" in name for name, _ in dns.asked)


def test_a_target_of_the_same_organization_needs_no_permission(finding):
    assert judged(finding, "r.example.com MX 10 m.example.", target="r.example.com").status == "pass"


def test_a_subdomain_that_is_another_organization_needs_a_permission(finding):
    lines = (
        "r.example.com MX 10 m.example.",
        "_dmarc.r.example.com TXT v=DMARC1; p=reject; psd=n; rua=mailto:a@r.example.com",
    )
    assert judged(finding, *lines, target="r.example.com").code == "DMARC_EXTERNAL"


def test_two_customers_of_one_public_suffix_are_two_organizations(finding):
    lines = ("_dmarc.bank TXT v=DMARC1; p=reject; psd=y", "b.bank MX 10 m.b.bank.")
    own = "_dmarc.a.bank TXT v=DMARC1; p=reject; rua=mailto:r@b.bank"
    assert finding("dmarc", (own, *lines), domain="a.bank").code == "DMARC_EXTERNAL"


@pytest.mark.parametrize(
    "question", [f"{PERMISSION} TXT", "reports.example MX", "_dmarc.reports.example TXT", "_dmarc.example TXT"]
)
@pytest.mark.parametrize("outcome", ["!temporary", "!refused"])
def test_a_failed_lookup_is_an_error_and_never_a_missing_permission(finding, question, outcome):
    # Without the permission, the check needs both walks, and one of their lookups fails.
    lines = [MAIL] if "MX" not in question else [f"{PERMISSION} TXT v=DMARC1"]
    found = judged(finding, *lines, f"{question} {outcome}")
    assert (found.status, found.code, found.fix, found.elsewhere) == ("error", "DNS_UNKNOWN", (), ())


def test_a_failed_lookup_of_the_targets_address_is_an_error(finding):
    found = judged(finding, f"{PERMISSION} TXT v=DMARC1", "reports.example A !temporary")
    assert found.status == "error"


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["reports.example MX 0 ."], "null MX"),
        (["reports.example TXT x"], "neither an MX record nor an address"),
        ([], "cannot receive mail"),
    ],
)
def test_a_target_that_cannot_receive_mail_warns(finding, lines, why):
    found = judged(finding, f"{PERMISSION} TXT v=DMARC1", *lines)
    assert (found.status, found.code, found.fix) == ("warn", "DMARC_NO_MAIL", ())
    assert why in found.detail


def test_a_nonexistent_target_domain_is_reported_as_nonexistent(finding):
    found = judged(finding, "*._report._dmarc.b.example TXT v=DMARC1", target="a.example")
    assert "does not exist in DNS" in found.detail


@pytest.mark.parametrize("address", ["A 192.0.2.9", "AAAA 2001:db8::9"])
def test_a_target_with_only_an_address_receives_mail(finding, address):
    assert judged(finding, f"{PERMISSION} TXT v=DMARC1", f"reports.example {address}").status == "pass"


def test_addresses_for_reports_on_single_messages_also_need_permission(finding):
    record = "_dmarc.example.com TXT v=DMARC1; p=reject; rua=mailto:a@example.com; ruf=mailto:r@reports.example"
    found = finding("dmarc", (record, MAIL, "example.com MX 10 m.example."))
    assert found.code == "DMARC_EXTERNAL"
    assert "ruf= names reports.example" in found.detail


def test_an_untrusted_zone_with_many_targets_cannot_cause_unlimited_lookups(subject, fake):
    uris = ",".join(f"mailto:a@d{n}.example" for n in range(50))
    dns = fake(f"_dmarc.example.com TXT v=DMARC1; p=reject; rua={uris}")
    asyncio.run(gather(subject(), dns))
    assert len({name for name, _ in dns.asked if "_report" in name}) == 4


def test_targets_beyond_the_limit_are_reported(finding):
    uris = ",".join(f"mailto:a@d{n}.example" for n in range(6))
    found = finding("dmarc", (f"_dmarc.example.com TXT v=DMARC1; p=reject; rua={uris}",))
    assert "DMARC_MANY_TARGETS" in found.codes
    assert "d4.example, d5.example" in found.detail


def test_a_proposed_record_comes_with_the_permission_for_the_operator_of_its_target(finding):
    found = finding("dmarc", ("example.com A 192.0.2.1",))
    assert (found.code, "DMARC_PERMISSION" in found.codes) == ("DMARC_MISSING", True)
    assert [r.name for r in found.elsewhere] == ["example.com._report._dmarc.example.net"]
    assert all(not record.name.endswith("example.net") for record in found.fix)


def test_only_reports_to_other_domains_need_two_more_questions(finding, fake):
    own = fake(OWN.format("example.com"), "example.com MX 10 mail1.example.net.")
    out = fake(
        OWN.format("reports.example"), "example.com MX 10 mail1.example.net.", MAIL, f"{PERMISSION} TXT v=DMARC1"
    )
    assert {finding("dmarc", dns).status for dns in (own, out)} == {"pass"}
    more = {(PERMISSION, "TXT"), ("reports.example", "MX")}
    assert set(out.asked) - set(own.asked) == more
    assert set(own.asked) - set(out.asked) == set()
