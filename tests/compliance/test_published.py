"""Law: the records that a report proposes pass the same check when they are published on a real DNS server."""

import asyncio
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.compliance.checks import CHECKS, FIRST
from reconciler.compliance.gather import check_subjects
from reconciler.compliance.resolver.resolver import DnsResolver
from reconciler.compliance.subject import Subject
from reconciler.core.expectations import Expected
from reconciler.core.findings import Record
from reconciler.core.model import Dkim, DkimKey
from reconciler.output.records import render_records
from reconciler.sandbox.dns.server import DnsServer
from reconciler.sandbox.dns.zones import Zones

HOST_ZONE = """
@ MX 10 mail1
*._report._dmarc TXT "v=DMARC1"
mail1 A 192.0.2.4
mail1 AAAA 2001:db8::4
spf TXT "v=spf1 ip4:192.0.2.4 -all"
old TXT "v=spf1 ip4:198.51.100.1 ~all"
old A 198.51.100.1
"""
EXPECTED = Expected(
    mx_hosts=("mail1.example.net",),
    spf_primary="include:spf.example.net",
    spf_secondary=("ip4:192.0.2.4",),
    autodiscover_host="mail1.example.net",
    autodiscover_srv_target="mail1.example.net",
    dmarc_check=True,
    dmarc_rua="dmarc@example.net",
    dmarc_policy="quarantine",
    hostname="mail1.example.net",
)
REVERSE = {
    "2.0.192.in-addr.arpa": "4 PTR mail1.example.net.\n",
    "8.b.d.0.1.0.0.2.ip6.arpa": f"4{'.0' * 23} PTR mail1.example.net.\n",
}
FIXABLE = [
    check for check in CHECKS if check in FIRST or check.id in ("mta-sts", "tls-rpt", "client-srv", "autoconfig")
]
"""The checks whose fixes depend only on their own records."""
TERMS = [
    *("include:old.example.net", "a:old.example.net", "mx", "-ip4:203.0.113.0/24", "ip4:1.2.3.400", "~all", "-all"),
    *(
        "redirect=old.example.net",
        "?include:spf.example.net",
        "all",
        "%%x",
        "ip4:192.0.2.4",
        "exp=x.example.com",
        "ptr",
    ),
]
SPF = st.lists(st.sampled_from(TERMS), max_size=5).map(lambda terms: " ".join(["v=spf1", *terms]))
DMARC = st.sampled_from(
    ["v=DMARC1", "v=DMARC1; p=none; sp=none", "v=DMARC1; p=x", "v=DMARC1; p=reject; t=y; adkim=s", "v=dmarc1; p=reject"]
)
MX = st.sampled_from(["0 .", "10 mail1.example.net.", "5 old.example.net.", "20 mail1.example.net.", "10 192.0.2.4."])
AUTO = st.sampled_from([("A", "198.51.100.1"), ("CNAME", "old.example.net."), ("A", "192.0.2.4")])
SRV = st.sampled_from(["0 0 443 old.example.net.", "0 0 80 mail1.example.net.", "5 0 443 mail1.example.net."])
STS = st.sampled_from(["v=STSv1; id=1", "v=STSv1; id=2;", "v=STSv1", "v=STSv1; id=a-b;", "v=sts; id=3", "x"])
RPT = st.sampled_from(
    ["v=TLSRPTv1; rua=mailto:a@x.example", "v=TLSRPTv1;", "v=tlsrptv1; rua=https://x.example/r", "x; y"]
)
CLIENT = st.tuples(
    st.sampled_from(["_imaps", "_submissions", "_submission", "_caldavs", "_carddavs"]),
    st.sampled_from(
        ["0 0 993 mail1.example.net.", "0 0 0 .", "0 0 443 old.example.net.", "0 0 465 mail1.example.net."]
    ),
)


@st.composite
def domains(draw):
    """The records of example.com: from none to several of each type."""
    found = [("example.com", "MX", value) for value in draw(st.lists(MX, max_size=2, unique=True))]
    found += [("example.com", "TXT", value) for value in draw(st.lists(SPF, max_size=2, unique=True))]
    found += [("_dmarc.example.com", "TXT", value) for value in draw(st.lists(DMARC, max_size=2, unique=True))]
    found += [("autodiscover.example.com", *value) for value in draw(st.lists(AUTO, max_size=1))]
    found += [
        ("_autodiscover._tcp.example.com", "SRV", value) for value in draw(st.lists(SRV, max_size=2, unique=True))
    ]
    found += [("_mta-sts.example.com", "TXT", value) for value in draw(st.lists(STS, max_size=2, unique=True))]
    found += [("_smtp._tls.example.com", "TXT", value) for value in draw(st.lists(RPT, max_size=2, unique=True))]
    found += [(f"{s}._tcp.example.com", "SRV", value) for s, value in draw(st.lists(CLIENT, max_size=4, unique=True))]
    found += [("autoconfig.example.com", *value) for value in draw(st.lists(AUTO, max_size=1))]
    keys = draw(st.lists(st.sampled_from(["v=DKIM1; p=", "v=DKIM1; k=rsa; p=MIIB", "junk"]), max_size=2, unique=True))
    return found + [("8dc1._domainkey.example.com", "TXT", value) for value in keys]


def publish(zones: Zones, records: tuple[Record, ...], found: tuple[Record, ...]) -> None:
    """Does what an administrator does: deletes the found records with the names of the fix, then publishes it."""
    names = {record.name for record in records}
    for record in found:
        if record.name in names:
            zones.remove(record.name, record.type, _presented(record))
    for record in records:
        zones.add(record.name, record.type, _presented(record), ttl=record.ttl or 300)


def _presented(record: Record) -> str:
    if record.type != "TXT":
        return record.value
    escaped = record.value.replace("\\", "\\\\").replace('"', '\\"')
    return " ".join(f'"{escaped[at : at + 200]}"' for at in range(0, max(1, len(escaped)), 200))


def run(work, zone=HOST_ZONE):
    async def main():
        zones = Zones()
        zones.set_zone("example.net", zone)
        zones.set_zone("example.com", "")
        for origin, lines in REVERSE.items():
            zones.set_zone(origin, lines)
        server = DnsServer(zones, port=0)
        port = await server.start()
        try:
            # A long timeout: on a busy machine, a retry would count as a second question.
            return await work(zones, server, lambda timeout=60.0: DnsResolver([("127.0.0.1", port)], timeout))
        finally:
            await server.stop()

    return asyncio.run(main())


def subject(key: str, domain: str = "example.com") -> Subject:
    signing = Dkim(active=True, key=DkimKey(selector="8DC1", public_key=key, size=2048))
    return Subject(domain=domain, server="mail1", expected=EXPECTED, dkim=signing)


@settings(max_examples=40, deadline=None)
@given(lines=domains())
def test_a_published_fix_makes_its_check_pass(keys, lines):
    async def work(zones, server, resolver):
        for name, rtype, value in lines:
            zones.add(name, rtype, value)
        (before,) = await check_subjects([subject(keys.good)], resolver(), table=FIXABLE, everything=True)
        for check in before.checks:
            if check.fix:
                publish(zones, check.fix, check.found)
        (after,) = await check_subjects([subject(keys.good)], resolver(), table=FIXABLE, everything=True)
        return before, after

    before, after = run(work)
    for old, new in zip(before.checks, after.checks, strict=True):
        if not old.fix:
            assert new.status == old.status, (old, new)
        elif "ptr" in str(old.found):
            assert new.status in ("pass", "warn"), (old, new)
        else:
            assert new.status == "pass", (old, new)


def test_all_records_of_a_new_domain_published_from_the_zone_format_make_it_good(keys):
    async def work(zones, server, resolver):
        (before,) = await check_subjects([subject(keys.good)], resolver())
        zones.set_zone("example.com", render_records([before], "zone"))
        (after,) = await check_subjects([subject(keys.good)], resolver())
        return before, after

    before, after = run(work)
    assert {check.status for check in before.checks if check.id in {row.id for row in FIRST}} == {"fail"}
    # The sandbox's DNS does not validate, and the report cannot invent an MTA-STS policy.
    assert {c.id: c.status for c in after.checks if c.status != "pass"} == {"mta-sts": "skip", "dnssec": "skip"}
    assert after.to_publish() == before.to_publish()


PARKED = st.lists(
    st.one_of(
        st.tuples(st.just("example.com"), st.just("MX"), MX),
        st.tuples(st.just("example.com"), st.just("TXT"), SPF),
        st.tuples(st.just("example.com"), st.just("A"), st.just("192.0.2.80")),
        st.tuples(st.just("_dmarc.example.com"), st.just("TXT"), DMARC),
        st.tuples(
            st.just("*._domainkey.example.com"), st.just("TXT"), st.sampled_from(["v=DKIM1; p=", "v=DKIM1; p=MIIB"])
        ),
    ),
    max_size=5,
    unique=True,
)


@settings(max_examples=30, deadline=None)
@given(lines=PARKED)
def test_the_proposed_records_of_a_domain_that_sends_no_mail_make_it_pass(keys, lines):
    table = [check for check in CHECKS if check.id == "parked"]
    silent = replace(subject(keys.good), expected=replace(EXPECTED, sends=False))

    async def work(zones, server, resolver):
        for name, rtype, value in lines:
            zones.add(name, rtype, value)
        (before,) = await check_subjects([silent], resolver(), table=table)
        publish(zones, before.checks[0].fix, before.checks[0].found)
        (after,) = await check_subjects([silent], resolver(), table=table)
        return zones.lookup("example.com", "MX"), after.checks[0]

    mx, after = run(work)
    assert after.status == "pass", after
    assert set(mx) >= {value for _, rtype, value in lines if rtype == "MX"}, "the fix keeps the MX records"


def test_a_good_domain_costs_at_most_twelve_questions_and_a_fleet_at_most_nine_each(keys):
    async def work(zones, server, resolver):
        names = [f"d{n}.example" for n in range(20)]
        fresh = resolver()
        for report in await check_subjects([subject(keys.good, name) for name in names], fresh):
            zones.set_zone(report.domain, render_records([report], "zone"))
        costs = []
        for table, everything in ((FIRST, False), (CHECKS, False), (WITHOUT_SERVERS, True)):
            for domains in (names[:1], names):
                server.reset_queries()
                todo = [subject(keys.good, name) for name in domains]
                fresh = resolver()
                reports = await check_subjects(todo, fresh, table=table, everything=everything)
                costs.append((fresh.sent, len(set(server.queries()))))
                assert {report.status for report in reports} == {"pass"}
        return costs

    costs = run(work)
    assert all(sent == different for sent, different in costs), "no question is sent twice"
    first, first_each, usual, usual_each, everything, everything_each = (sent for sent, _ in costs)
    assert first <= 12
    assert first_each <= 9 * 20
    assert usual <= first + 5 + 3
    assert usual_each <= first_each + 5 * 20 + 3
    assert everything <= usual + 5
    assert everything_each <= usual_each + 4 * 20 + 1


WITHOUT_SERVERS = [check for check in CHECKS if check.id != "delegation"]
"""All checks except `delegation`: the sandbox has no authoritative servers."""


def test_one_domain_whose_server_is_silent_does_not_delay_the_others(keys):
    async def work(zones, server, resolver):
        server.set_faults([{"kind": "silence", "match": "dead.example"}])
        others = {f"d{n}.example" for n in range(60)}
        done = set()
        all_others = asyncio.Event()

        def on_done(name):
            done.add(name)
            if others <= done:
                all_others.set()

        subjects = [subject(keys.good, name) for name in ("dead.example", *sorted(others))]
        # The timeout is longer than the test may take, so a domain that waits for the silent server never finishes.
        checking = asyncio.ensure_future(check_subjects(subjects, resolver(3600.0), on_done=on_done))
        await all_others.wait()
        finished = set(done)
        checking.cancel()
        (dead,) = await check_subjects(subjects[:1], resolver(0.7))
        return dead, finished

    dead, finished = run(work)
    assert "dead.example" not in finished
    assert {check.status for check in dead.checks} == {"error"}
