"""Laws of all checks together: outages, the number of questions, and untrusted content of DNS."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.compliance.checks import CHECKS, FIRST, selected_checks
from reconciler.compliance.facts import Direct, Facts, Fetch
from reconciler.compliance.gather import check_subjects, gather, judge
from reconciler.core.expectations import CheckSetting
from reconciler.core.findings import Evidence
from reconciler.core.lookups import Address, Answer, Host, Mx, Page, Soa, Srv, Tlsa, Txt
from reconciler.core.model import Dkim, DkimKey


@pytest.mark.parametrize("check", [check.id for check in CHECKS])
@pytest.mark.parametrize("outcome", ["temporary", "refused"])
def test_if_all_lookups_fail_every_check_is_an_error(finding, fake, check, outcome):
    found = finding(check, fake(trouble={("*", "*"): outcome}), sends=check != "parked")
    assert (found.status, found.fix) == ("error", ())
    assert found.code == ("BULK_UNKNOWN" if check == "bulk" else "DNS_UNKNOWN")
    assert "SERVFAIL" in found.detail or check == "bulk"


@pytest.mark.parametrize("outcome", ["temporary", "refused"])
def test_one_failed_lookup_never_makes_a_good_domain_fail(report, fake, good, outcome):
    healthy = fake(*good)
    assert {f.status for f in report(healthy).checks} == {"pass", "skip"}
    for question in set(healthy.asked):
        found = report(fake(*good, trouble={question: outcome}))
        statuses = [f.status for f in found.checks]
        assert "fail" not in statuses, question
        # A resolver that refuses the root answers for its own zones only, so it does not validate.
        assert "error" in statuses or question == ("", "SOA"), question


@pytest.mark.parametrize("outcome", ["temporary", "refused"])
def test_one_failed_lookup_never_makes_a_domain_that_sends_no_mail_fail(report, fake, hosts, outcome):
    zone = (*hosts, "example.com MX 0 .", "example.com TXT v=spf1 -all", "_dmarc.example.com TXT v=DMARC1; p=reject")
    healthy = fake(*zone, "*._domainkey.example.com TXT v=DKIM1; p=")
    how = {"sends": False, "table": [check for check in CHECKS if check.id in ("mx", "parked")]}
    assert [f.status for f in report(healthy, **how).checks] == ["skip", "pass"]
    for question in set(healthy.asked):
        statuses = [f.status for f in report(fake(*zone, trouble={question: outcome}), **how).checks]
        assert "error" in statuses, question
        assert "fail" not in statuses, question


def test_a_record_that_would_replace_an_unknown_one_is_not_proposed(report, fake):
    found = report(fake(trouble={("*", "*"): "temporary"}), table=FIRST)
    assert [finding.id for finding in found.unlisted()] == ["spf", "dmarc"]
    assert {record.type for record in found.to_publish() if not record.name.startswith("8dc1")} == {
        "MX",
        "CNAME",
        "SRV",
    }


def test_a_good_domain_costs_at_most_twelve_questions_none_of_them_twice(subject, fake, good, keys):
    dns = fake(*good)
    pending = DkimKey(selector="8DC2", public_key=keys.other, size=2048)
    signing = Dkim(active=True, key=DkimKey(selector="8DC1", public_key=keys.good, size=2048), pending=pending)
    asyncio.run(gather(subject(dkim=signing), dns, FIRST))
    assert len(dns.asked) == len(set(dns.asked)) <= 12


def test_the_default_checks_cost_five_more_questions_and_all_checks_a_known_number(subject, fake, good, keys):
    """A run asks about the root, and about the reverse name of the server's address, once for all domains."""
    first, usual, everything = fake(*good), fake(*good), fake(*good)
    asyncio.run(gather(subject(), first, FIRST))
    asyncio.run(gather(subject(), usual))
    asyncio.run(gather(subject(), everything, selected_checks(subject(), everything=True)))
    more = set(usual.asked) - set(first.asked)
    shared = {("", "SOA"), ("4.2.0.192.in-addr.arpa", "PTR")}
    assert shared < more
    assert {name.split(".")[0] for name, _ in more - shared} == {
        *("_mta-sts", "_smtp", "_imaps", "_submissions", "_submission"),
    }
    dear = set(everything.asked) - set(usual.asked)
    assert len(dear) <= 7, "without the questions to authoritative servers: three each"


def test_a_bare_domain_costs_at_most_twelve_questions(subject, fake):
    dns = fake(
        "example.com A 192.0.2.1", "mail1.example.net A 192.0.2.4", "spf.example.net TXT v=spf1 ip4:192.0.2.4 -all"
    )
    asyncio.run(gather(subject(), dns, FIRST))
    assert len(dns.asked) == len(set(dns.asked)) <= 12


@pytest.mark.parametrize("own", ["A 192.0.2.1", "AAAA 2001:db8::1"])
def test_a_bare_domain_with_a_standby_key_and_an_address_costs_at_most_twelve_questions(subject, fake, keys, own):
    hosts = ("mail1.example.net A 192.0.2.4", "mail1.example.net AAAA 2001:db8::4", "example.net MX 10 x.example.net.")
    dns = fake(f"example.com {own}", *hosts, "spf.example.net TXT v=spf1 ip4:192.0.2.4 -all")
    pending = DkimKey(selector="8DC2", public_key=keys.other, size=2048)
    signing = Dkim(active=True, key=DkimKey(selector="8DC1", public_key=keys.good, size=2048), pending=pending)
    asyncio.run(gather(subject(dkim=signing), dns, FIRST))
    assert len(set(dns.asked)) <= 12, sorted(set(dns.asked))


def test_each_finished_domain_is_announced_and_the_order_is_kept(subject, fake, good):
    done = []
    subjects = [subject(domain=name) for name in ("z.example", "a.example", "m.example")]
    reports = asyncio.run(check_subjects(subjects, fake(*good), on_done=done.append))
    assert [report.domain for report in reports] == ["z.example", "a.example", "m.example"]
    assert sorted(done) == ["a.example", "m.example", "z.example"]


def test_an_alias_carries_the_name_of_its_domain(report, good):
    found = report(good, alias_of="example.net")
    assert found.alias_of == "example.net"
    assert {f.id: f.status for f in found.checks if f.status != "skip"} == {
        "mx": "pass",
        "spf": "pass",
        "dmarc": "pass",
    }


def test_an_alias_gets_only_checks_about_receiving_and_signing(report, good):
    found = [f.id for f in report(good, alias_of="example.net", everything=True).checks]
    assert found == ["mx", "spf", "dkim", "dmarc", "mta-sts", "tls-rpt", "dnssec", "dane", "delegation"]


def test_expensive_checks_run_only_with_all_or_by_name(report, good):
    usual = [f.id for f in report(good).checks]
    assert {"dane", "autoconfig", "delegation"}.isdisjoint(usual)
    assert {f.id for f in report(good, everything=True).checks} - set(usual) == {"dane", "autoconfig", "delegation"}
    named = report(good, checks=(CheckSetting(id="dane", level="warn"),))
    assert [f.id for f in named.checks if f.id not in usual] == ["dane"]


def test_checks_about_outgoing_mail_skip_a_domain_that_sends_no_mail(report, good):
    found = {f.id: f for f in report(good, sends=False).checks}
    assert {check for check, f in found.items() if f.code == "NOT_SENDING"} == {"spf", "dkim", "dmarc", "ptr", "bulk"}
    assert found["mx"].status == "pass"
    assert found["parked"].status == "warn"
    assert "parked" not in {f.id for f in report(good).checks}


_WORDS = st.sampled_from(
    [
        *("v=spf1", "v=DMARC1;", "v=DKIM1;", "p=reject", "p=", "t=y", "k=rsa", "rua=mailto:x@y.example", "psd=y"),
        *(
            "include:a.example",
            "include:b.example",
            "include:spf.example.net",
            "redirect=b.example",
            "a:b.example//129",
        ),
        *("a", "mx", "ptr", "all", "-all", "exists:%{i}.a.example", "ip4:192.0.2.4", "\x1b[31m", "“", "%{"),
    ]
)
_TXT = st.lists(_WORDS, max_size=8).map(" ".join) | st.text(max_size=40)
_NAMES = st.sampled_from(["", "a.example", "b.example", "mail1.example.net", "192.0.2.1", "x..y", "é.example", "-"])
_DATA = {
    "TXT": st.lists(_TXT, min_size=1, max_size=3).map(lambda s: Txt(tuple(s))),
    "MX": st.builds(Mx, st.integers(0, 65535), _NAMES),
    "SRV": st.builds(Srv, st.integers(0, 2), st.just(0), st.sampled_from([443, 80]), _NAMES),
    "A": st.sampled_from(["192.0.2.4", "127.0.0.1"]).map(Address),
    "AAAA": st.sampled_from(["2001:db8::4", "::1"]).map(Address),
    "CNAME": st.builds(Host, _NAMES),
    "NS": st.builds(Host, _NAMES),
    "PTR": st.builds(Host, _NAMES),
    "SOA": st.builds(Soa, st.integers(1, 3), _NAMES),
    "TLSA": st.builds(Tlsa, st.integers(0, 4), st.integers(0, 2), st.integers(0, 3), st.sampled_from(["", "ab" * 32])),
}
_BODY = st.sampled_from(
    ["", "version: STSv1\nmode: enforce\nmx: *.example\nmax_age: 9", "mode\n\nmx:\n", "\x1b[31m: “"]
)
_PAGES = st.builds(
    Page,
    url=st.just("https://x.example/"),
    outcome=st.sampled_from(["text", "status", "certificate", "unusable", "temporary"]),
    content_type=st.sampled_from(["text/plain", "text/html", ""]),
    body=_BODY,
    text=st.just("why"),
)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_for_any_content_of_dns_every_check_gives_a_finding_after_a_limited_number_of_questions(data):
    subject = replace(_SUBJECT, expected=replace(_SUBJECT.expected, sends=data.draw(st.booleans())))
    checks = selected_checks(subject, everything=True)
    facts = Facts({}, {}, {})
    for _ in range(40):
        wanted = {q for check in checks for q in check.questions(subject, facts) if not facts.has(q)}
        if not wanted:
            break
        for question in sorted(wanted, key=str):
            if isinstance(question, Fetch):
                facts.pages[question] = data.draw(_PAGES)
                continue
            direct = isinstance(question, Direct)
            name, rtype = (question.name, question.rtype) if direct else question
            outcome = data.draw(st.sampled_from(["records", "records", "records", "nodata", "nxdomain", "temporary"]))
            records = data.draw(st.lists(_DATA[rtype], min_size=1, max_size=4)) if outcome == "records" else []
            aliases = tuple(data.draw(st.lists(_NAMES.filter(bool), max_size=2)))
            answer = Answer(
                name=name,
                rtype=rtype,
                outcome=outcome,
                records=tuple(records),
                aliases=aliases,
                text=outcome,
                authenticated=data.draw(st.booleans()) and outcome != "temporary",
            )
            (facts.direct if direct else facts.answers)[question] = answer
    else:
        raise AssertionError("the questions do not end")
    assert len(facts.answers) < 180
    assert len(facts.direct) <= 18
    report = judge(subject, facts, checks)
    assert [finding.id for finding in report.checks] == [check.id for check in checks]
    for finding in report.checks:
        assert finding.title
        assert finding.code
        assert finding.reference or finding.code == "NOT_SENDING"
        assert finding.status in ("warn", "fail") or not finding.fix


def _subject():
    from reconciler.compliance.subject import Subject
    from reconciler.core.expectations import Expected

    expected = Expected(
        mx_hosts=("mail1.example.net",),
        spf_primary="include:spf.example.net",
        spf_secondary=("ip4:192.0.2.4",),
        autodiscover_host="mail1.example.net",
        autodiscover_srv_target="mail1.example.net",
        dmarc_check=True,
        dmarc_rua=None,
        dmarc_policy="none",
    )
    key = DkimKey(selector="S1", public_key="MIIB", size=2048)
    return Subject(domain="example.com", server="mail1", expected=expected, dkim=Dkim(active=True, key=key))


_SUBJECT = _subject()


def test_a_finding_contains_the_remaining_ttl_of_its_answers(subject):
    answer = Answer(name="example.com", rtype="MX", outcome="records", records=(Mx(10, "mail1.example.net"),), ttl=300)
    absent = Answer(name="_dmarc.example.com", rtype="TXT", outcome="nxdomain", ttl=60)

    class Told:
        async def lookup(self, name, rtype):
            known = {(a.name, a.rtype): a for a in (answer, absent)}
            return known.get((name, rtype)) or Answer(name=name, rtype=rtype, outcome="nxdomain")

    (report,) = asyncio.run(check_subjects([subject()], Told()))
    evidence = {check.id: check.evidence for check in report.checks}
    assert evidence["mx"] == (Evidence("example.com", "MX", 300),)
    assert evidence["dmarc"] == (Evidence("_dmarc.example.com", "TXT", 60),)
    assert evidence["dkim"] == (), "an answer without a TTL tells nothing"
