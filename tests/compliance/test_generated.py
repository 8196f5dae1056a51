"""Law: a record of the DMARC generator, once published, passes the DMARC check."""

import asyncio
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.compliance import generator
from reconciler.compliance.checks import CHECKS
from reconciler.compliance.gather import check_subjects
from reconciler.compliance.generator import DmarcWish, refusals
from reconciler.compliance.records.dmarc import weaker
from reconciler.compliance.resolver.resolver import DnsResolver
from reconciler.compliance.subject import Subject
from reconciler.core.expectations import expectation
from reconciler.core.findings import DomainReport, Finding
from reconciler.output.records import render_records
from reconciler.sandbox.dns.server import DnsServer
from reconciler.sandbox.dns.zones import Zones

DMARC = tuple(check for check in CHECKS if check.id == "dmarc")
URI = st.sampled_from(
    ["mailto:a@example.com", "mailto:a%21b%2Cc@r.example.com", "mailto:r@example.net", "mailto:r@x.example.net"]
)
URIS = st.lists(URI, max_size=3, unique=True).map(tuple)
POLICY = st.sampled_from(["none", "quarantine", "reject"])


def wishes():
    return st.builds(
        DmarcWish,
        policy=POLICY,
        subdomain_policy=st.none() | POLICY,
        np=st.none() | POLICY,
        adkim=st.sampled_from("rs"),
        aspf=st.sampled_from("rs"),
        rua=URIS,
        ruf=URIS,
        fo=st.sampled_from(["0", "1", "d", "s", "d:s"]),
        testing=st.booleans(),
    ).filter(lambda wish: not refusals(wish))


def subject(wish):
    expected = replace(expectation("mail1.example.net"), dmarc_check=True, dmarc_policy=wish.policy, dmarc_stated=True)
    return Subject(domain="example.com", server="mail1", expected=expected, dkim=None)


def judge(found, wish):
    """A finding has no warnings or failures except those that the settings request; without these it passes."""
    below = [policy for policy in (wish.subdomain_policy or wish.policy, wish.np) if policy]
    asked = {
        *({"DMARC_NO_RUA"} if not wish.rua else ()),
        *({"DMARC_TESTING"} if wish.testing and wish.policy != "none" else ()),
        *({"DMARC_WEAK_SUB"} if any(weaker(policy, wish.policy) for policy in below) else ()),
    }
    assert found.status in ("pass", "warn"), found
    assert set(found.codes) - asked <= {"DMARC_OK", "DMARC_STRICT", "DMARC_NONE_CHOSEN"}, found
    assert found.status == "pass" or set(found.codes) & asked, found


@settings(max_examples=150, deadline=None)
@given(wish=wishes())
def test_a_generated_record_passes_the_check(fake, wish):
    lines = [
        "example.com MX 10 mail1.example.net.",
        *(f"{name} A 192.0.2.1" for name in ("r.example.com", "example.net", "x.example.net")),
        *(f"{r.name} {r.type} {r.value}" for r in generator.permissions("example.com", wish)),
    ]
    record = generator.record("example.com", wish)
    dns = fake(*lines, f"{record.name} TXT {record.value}")
    (report,) = asyncio.run(check_subjects([subject(wish)], dns, table=DMARC))
    judge(report.checks[0], wish)


@settings(max_examples=25, deadline=None)
@given(wish=wishes())
def test_a_record_in_zone_format_passes_the_check_on_a_real_name_server(wish):
    record = generator.record("example.com", wish)
    finding = Finding(id="dmarc", status="pass", code="DMARC_OK", title="", expected=(record,))
    zone = render_records([DomainReport(domain="example.com", server="", checks=(finding,))], "zone")

    async def work():
        zones = Zones()
        zones.set_zone("example.com", f"@ MX 10 mail1.example.net.\nr A 192.0.2.1\n{zone}")
        zones.set_zone("example.net", "@ A 192.0.2.1\nx A 192.0.2.1\n")
        for permission in generator.permissions("example.com", wish):
            zones.add(permission.name, permission.type, f'"{permission.value}"', permission.ttl)
        server = DnsServer(zones, port=0)
        port = await server.start()
        try:
            return await check_subjects([subject(wish)], DnsResolver([("127.0.0.1", port)], 60.0), table=DMARC)
        finally:
            await server.stop()

    (report,) = asyncio.run(work())
    judge(report.checks[0], wish)
