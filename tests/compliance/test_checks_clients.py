"""client-srv and autoconfig: records of mail and calendar programs; the certificate of the autodiscover host."""

import pytest

from reconciler.core.lookups import Page

RIGHT = (
    "_imaps._tcp.example.com SRV 0 0 993 mail1.example.net.",
    "_submissions._tcp.example.com SRV 0 0 465 mail1.example.net.",
    "_submission._tcp.example.com SRV 0 0 587 mail1.example.net.",
)


def published(records):
    return [f"{r.name} {r.type} {r.value}" for r in records]


def test_missing_srv_records_are_not_a_fault_and_the_proposed_ones_pass(finding):
    found = finding("client-srv", ())
    assert (found.status, found.code, found.fix) == ("skip", "CLIENT_SRV_NONE", ())
    assert published(found.expected) == sorted(RIGHT)
    assert finding("client-srv", published(found.expected)).status == "pass"


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ("_imaps._tcp.example.com SRV 0 0 993 mail1.example.net.", "pass", "CLIENT_SRV_OK"),
        ("_submission._tcp.example.com SRV 0 0 0 .", "pass", "CLIENT_SRV_OK"),
        ("_imaps._tcp.example.com SRV 0 0 993 other.example.org.", "warn", "CLIENT_SRV_FOREIGN"),
        ("_submissions._tcp.example.com SRV 0 0 587 mail1.example.net.", "warn", "CLIENT_SRV_PORT"),
        ("_imaps._tcp.example.com SRV !temporary", "error", "DNS_UNKNOWN"),
        ("_imaps._tcp.example.com SRV !refused", "error", "DNS_UNKNOWN"),
    ],
)
def test_each_service_alone_gives_its_finding(finding, line, status, code):
    found = finding("client-srv", (line,))
    assert (found.status, found.code) == (status, code)
    if found.fix:
        assert finding("client-srv", published(found.fix)).status == "pass"


def test_an_unavailable_service_gives_a_note_and_a_contradiction_warns(finding):
    no = "_imaps._tcp.example.com SRV 0 0 0 ."
    assert finding("client-srv", (no, *RIGHT[1:])).codes == ("CLIENT_SRV_OK", "CLIENT_SRV_NOT_OFFERED")
    found = finding("client-srv", (no, *RIGHT))
    assert (found.status, found.code) == ("warn", "CLIENT_SRV_MIXED")
    assert [r.name for r in found.fix] == ["_imaps._tcp.example.com"]
    assert published(found.expected) == sorted(RIGHT)


@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        ((), "skip", "AUTOCONFIG_NONE"),
        (("autoconfig.example.com CNAME mail1.example.net.",), "pass", "AUTOCONFIG_OK"),
        (("autoconfig.example.com A 192.0.2.4",), "pass", "AUTOCONFIG_OK"),
        (("autoconfig.example.com A 198.51.100.1",), "warn", "AUTOCONFIG_FOREIGN"),
        (("_caldavs._tcp.example.com SRV 0 0 443 mail1.example.net.",), "pass", "AUTOCONFIG_OK"),
        (("_carddavs._tcp.example.com SRV 0 0 0 .",), "pass", "AUTOCONFIG_OK"),
        (("_carddavs._tcp.example.com SRV 0 0 8443 mail1.example.net.",), "warn", "AUTOCONFIG_DAV_FOREIGN"),
        (("_caldavs._tcp.example.com SRV 0 0 443 dav.example.org.",), "warn", "AUTOCONFIG_DAV_FOREIGN"),
        (("_caldavs._tcp.example.com SRV !temporary",), "error", "DNS_UNKNOWN"),
        (("autoconfig.example.com A !temporary",), "error", "DNS_UNKNOWN"),
        (("autoconfig.example.com A 198.51.100.1", "mail1.example.net AAAA !temporary"), "error", "DNS_UNKNOWN"),
    ],
)
def test_autoconfig_reports_each_case_and_the_fix_passes(finding, hosts, lines, status, code):
    found = finding("autoconfig", (*hosts, *lines))
    assert (found.status, found.code) == (status, code)
    if found.fix:
        assert finding("autoconfig", (*hosts, *published(found.fix))).status == "pass"


class Web:
    def __init__(self, outcome, status=0):
        self.asked = []
        self._outcome, self._status = outcome, status

    async def fetch(self, url):
        self.asked.append(url)
        return Page(url=url, outcome=self._outcome, status=self._status, text="so it was")


@pytest.mark.parametrize(
    ("web", "status", "code"),
    [
        (Web("text", 200), "pass", "AUTODISCOVER_OK"),
        (Web("status", 401), "pass", "AUTODISCOVER_OK"),
        (Web("temporary", 503), "pass", "AUTODISCOVER_OK"),
        (Web("unusable"), "pass", "AUTODISCOVER_OK"),
        (Web("certificate"), "warn", "AUTODISCOVER_CERTIFICATE"),
        (Web("temporary"), "error", "AUTODISCOVER_WEB_UNKNOWN"),
    ],
)
def test_the_certificate_of_the_autodiscover_host_is_checked_if_fetching_is_on(finding, good, web, status, code):
    found = finding("autodiscover", good, fetcher=web)
    assert (found.status, found.code, found.fix) == (status, code, ())
    assert web.asked == ["https://autodiscover.example.com/autodiscover/autodiscover.xml"]


def test_without_an_autodiscover_host_no_page_is_fetched(finding, good):
    web = Web("certificate")
    finding("autodiscover", [line for line in good if not line.startswith("autodiscover.")], fetcher=web)
    assert web.asked == []
