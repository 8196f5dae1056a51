"""MTA-STS, TLS reporting, DNSSEC and DANE: the security of mail transport."""

import pytest

from reconciler.core.lookups import Page

URL = "https://mta-sts.example.com/.well-known/mta-sts.txt"
RECORD = "_mta-sts.example.com TXT v=STSv1; id=20260101;"
MX = ("example.com MX 10 mail1.example.net.", "mail1.example.net A 192.0.2.4")
POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mail1.example.net\r\nmx: *.example.org\r\nmax_age: 604800\r\n"


class Web:
    """Returns one page for every URL and records the requests."""

    def __init__(self, body="", outcome="text", content_type="text/plain"):
        self.asked = []
        self._page = {"outcome": outcome, "content_type": content_type, "body": body, "text": "so it was"}

    async def fetch(self, url):
        self.asked.append(url)
        return Page(url=url, **self._page)


def sts(finding, *lines, **how):
    found = finding("mta-sts", (*MX, *lines), **how)
    return found.status, found.code


def test_a_domain_without_mta_sts_is_not_judged(finding):
    assert sts(finding, "_mta-sts.example.com TXT something else") == ("skip", "MTA_STS_NONE")


def test_without_https_only_the_record_is_judged(finding):
    found = finding("mta-sts", (*MX, RECORD))
    assert (found.status, found.code, found.codes[1:]) == ("pass", "MTA_STS_OK", ("MTA_STS_NOT_FETCHED",))


@pytest.mark.parametrize(
    ("text", "code", "value"),
    [
        ("v=STSv1; id=2026-01-01", "MTA_STS_INVALID", "v=STSv1; id=20260101;"),
        ("v=STSv1;", "MTA_STS_INVALID", "v=STSv1; id=1;"),
        (f"v=STSv1; id={'x' * 33}", "MTA_STS_INVALID", f"v=STSv1; id={'x' * 32};"),
        ("v=stsv1; id=7", "MTA_STS_INVALID", "v=STSv1; id=7;"),
        ('"v=STSv1; id=7"', "MTA_STS_INVALID", "v=STSv1; id=7;"),
    ],
)
def test_an_invalid_record_warns_and_the_fix_passes(finding, text, code, value):
    found = finding("mta-sts", (*MX, f"_mta-sts.example.com TXT {text}"))
    assert (found.status, found.code, [r.value for r in found.fix]) == ("warn", code, [value])
    assert sts(finding, f"_mta-sts.example.com TXT {value}")[0] == "pass"


def test_several_records_warn(finding):
    assert sts(finding, RECORD, "_mta-sts.example.com TXT v=STSv1; id=2;") == ("warn", "MTA_STS_SEVERAL")


def test_the_policy_is_fetched_only_with_https_and_a_record(finding):
    web = Web(POLICY)
    assert sts(finding, fetcher=web) == ("skip", "MTA_STS_NONE")
    assert web.asked == []
    assert sts(finding, RECORD, fetcher=web) == ("pass", "MTA_STS_OK")
    assert web.asked == [URL]


@pytest.mark.parametrize(
    ("page", "status", "code"),
    [
        (Web(outcome="temporary"), "error", "MTA_STS_UNKNOWN"),
        (Web(outcome="certificate"), "warn", "MTA_STS_CERTIFICATE"),
        (Web(outcome="status"), "warn", "MTA_STS_NO_POLICY"),
        (Web(outcome="unusable"), "warn", "MTA_STS_NO_POLICY"),
        (Web(POLICY, content_type="text/html"), "warn", "MTA_STS_POLICY_INVALID"),
        (Web(POLICY.replace("enforce", "strict")), "warn", "MTA_STS_POLICY_INVALID"),
        (Web(POLICY.replace("604800", "31557601")), "warn", "MTA_STS_POLICY_INVALID"),
        (Web(POLICY.replace("version: STSv1", "")), "warn", "MTA_STS_POLICY_INVALID"),
        (Web("version: STSv1\nmode: enforce\nmax_age: 604800"), "warn", "MTA_STS_POLICY_INVALID"),
        (Web(POLICY + "nonsense\n"), "warn", "MTA_STS_POLICY_INVALID"),
        (Web(POLICY + "mx: http://x\n"), "warn", "MTA_STS_POLICY_INVALID"),
        (Web(POLICY.replace("mail1.example.net", "old.example.net")), "fail", "MTA_STS_MX"),
        (Web(POLICY.replace("mail1.example.net", "*.net")), "fail", "MTA_STS_MX"),
        (Web(POLICY.replace("mail1.example.net", "*.example.net")), "pass", "MTA_STS_OK"),
        (Web(POLICY.replace("mail1", "old").replace("enforce", "testing")), "warn", "MTA_STS_MX"),
        (Web(POLICY.replace("604800", "3600")), "warn", "MTA_STS_SHORT"),
    ],
)
def test_each_fault_of_a_policy_has_its_code(finding, page, status, code):
    assert sts(finding, RECORD, fetcher=page) == (status, code)


@pytest.mark.parametrize(("mode", "code"), [("testing", "MTA_STS_TESTING"), ("none", "MTA_STS_OFF")])
def test_a_policy_that_refuses_nothing_passes_with_a_note(finding, mode, code):
    found = finding("mta-sts", (*MX, RECORD), fetcher=Web(POLICY.replace("enforce", mode)))
    assert (found.status, found.codes) == ("pass", ("MTA_STS_OK", code))


def test_a_policy_is_not_judged_against_an_unknown_mx(finding):
    lines = ("example.com MX !temporary", RECORD)
    assert finding("mta-sts", lines, fetcher=Web(POLICY)).code == "DNS_UNKNOWN"


@pytest.mark.parametrize(
    ("texts", "status", "code"),
    [
        ((), "skip", "TLS_RPT_NONE"),
        (("v=TLSRPTv1; rua=mailto:tls@example.net",), "pass", "TLS_RPT_OK"),
        (("v=TLSRPTv1;rua=https://example.net/r,mailto:a@example.net",), "pass", "TLS_RPT_OK"),
        (("v=TLSRPTv1; rua=mailto:a@x.example", "v=TLSRPTv1; rua=mailto:b@x.example"), "warn", "TLS_RPT_SEVERAL"),
        (("v=TLSRPTv1;",), "warn", "TLS_RPT_INVALID"),
        (("v=TLSRPTv1; rua=tls@example.net",), "warn", "TLS_RPT_INVALID"),
        (("v=tlsrptv1; rua=mailto:a@x.example",), "warn", "TLS_RPT_INVALID"),
    ],
)
def test_the_tls_reporting_record_gives_each_finding(finding, texts, status, code):
    found = finding("tls-rpt", [f"_smtp._tls.example.com TXT {text}" for text in texts])
    assert (found.status, found.code) == (status, code)
    for record in (*found.expected, *found.fix):
        assert finding("tls-rpt", [f"{record.name} TXT {record.value}"]).status == "pass"


def test_the_proposed_tls_reporting_record_keeps_the_address_or_uses_the_products(finding):
    (kept,) = finding("tls-rpt", ["_smtp._tls.example.com TXT v=TLSRPT1; rua=mailto:own@x.example"]).fix
    assert kept.value == "v=TLSRPTv1; rua=mailto:own@x.example"
    (new,) = finding("tls-rpt", []).expected
    assert new.value == "v=TLSRPTv1; rua=mailto:dmarc@example.net"
    assert finding("tls-rpt", [], dmarc_rua=None).expected == ()


@pytest.mark.parametrize(
    ("signed", "status", "code"),
    [
        ((), "skip", "DNSSEC_NOT_VALIDATED"),
        (("",), "skip", "DNSSEC_UNSIGNED"),
        (("", "example.net"), "skip", "DNSSEC_UNSIGNED"),
        (("example.com", "example.net"), "pass", "DNSSEC_OK"),
        (("example.com",), "pass", "DNSSEC_OK"),
    ],
)
def test_dnssec_uses_the_ad_bit_and_the_root_shows_whether_the_resolver_validates(finding, fake, signed, status, code):
    dns = fake(*MX, signed=signed)
    found = finding("dnssec", dns)
    assert (found.status, found.code) == (status, code)
    assert ("DNSSEC_HOST_UNSIGNED" in found.codes) == (signed == ("example.com",))


@pytest.mark.parametrize("silent", ["example.com MX !temporary", " SOA !temporary"])
def test_dnssec_is_not_judged_without_an_answer(finding, silent):
    assert finding("dnssec", (*MX[1:], silent)).code == "DNS_UNKNOWN"


TLSA = "_25._tcp.mail1.example.net TLSA"
SECURE = ("", "example.com", "example.net")


@pytest.mark.parametrize(
    ("lines", "signed", "status", "code"),
    [
        ((f"{TLSA} 3 1 1 {'ab' * 32}",), SECURE, "pass", "DANE_OK"),
        ((f"{TLSA} 2 0 2 {'ab' * 64}",), SECURE, "pass", "DANE_OK"),
        ((), SECURE, "skip", "DANE_NONE"),
        ((f"{TLSA} 3 1 1 {'ab' * 32}",), (), "skip", "DANE_NOT_VALIDATED"),
        ((f"{TLSA} 3 1 1 {'ab' * 32}",), ("", "example.com"), "warn", "DANE_INSECURE"),
        ((f"{TLSA} 3 1 1 {'ab' * 32}",), ("", "example.net"), "warn", "DANE_INSECURE"),
        ((f"{TLSA} 1 1 1 {'ab' * 32}",), SECURE, "fail", "DANE_UNUSABLE"),
        ((f"{TLSA} 3 1 1 {'ab' * 20}",), SECURE, "fail", "DANE_UNUSABLE"),
        ((f"{TLSA} 3 1 1 {'ab' * 32}", f"{TLSA} 0 0 1 {'ab' * 32}"), SECURE, "warn", "DANE_BAD_RECORD"),
        (
            (f"{TLSA} 3 1 1 {'ab' * 32}", "example.com MX 20 b.example.net.", "b.example.net A 192.0.2.5"),
            SECURE,
            "warn",
            "DANE_PARTIAL",
        ),
    ],
)
def test_tlsa_records_give_each_finding(finding, fake, lines, signed, status, code):
    found = finding("dane", fake(*MX, *lines, signed=signed))
    assert (found.status, found.code, found.fix) == (status, code, ())


def test_dane_without_a_mail_host_is_skipped(finding):
    assert finding("dane", ("example.com MX 0 .",)).code == "DANE_NO_MX"


def test_a_failed_tlsa_lookup_is_an_error_that_explains_the_effect_on_senders(finding, fake):
    found = finding("dane", fake(*MX, f"{TLSA} !temporary", signed=SECURE))
    assert (found.status, found.code) == ("error", "DNS_UNKNOWN")
    assert "delay the mail" in found.detail
