"""What holds for all checks together: outages, economy of questions, and whatever strangers publish."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.compliance.checks import CHECKS
from reconciler.compliance.facts import Facts
from reconciler.compliance.gather import check_subjects, gather, judge
from reconciler.core.dns import Address, Answer, Host, Mx, Srv, Txt
from reconciler.core.model import Dkim, DkimKey


@pytest.mark.parametrize("check", [check.id for check in CHECKS])
@pytest.mark.parametrize("outcome", ["temporary", "refused"])
def test_where_nothing_can_be_looked_up_every_check_is_an_error(finding, fake, check, outcome):
    found = finding(check, fake(trouble={("*", "*"): outcome}))
    assert (found.status, found.code, found.fix) == ("error", "DNS_UNKNOWN", ())
    assert "SERVFAIL" in found.detail


@pytest.mark.parametrize("outcome", ["temporary", "refused"])
def test_one_question_without_an_answer_makes_no_good_domain_fail(report, fake, good, outcome):
    healthy = fake(*good)
    assert {f.status for f in report(healthy).checks} == {"pass"}
    for question in set(healthy.asked):
        statuses = [f.status for f in report(fake(*good, trouble={question: outcome})).checks]
        assert "error" in statuses, question
        assert "fail" not in statuses, question


def test_what_would_replace_something_unknown_is_not_among_the_records_to_publish(report, fake):
    found = report(fake(trouble={("*", "*"): "temporary"}))
    assert [finding.id for finding in found.unlisted()] == ["spf", "dmarc"]
    assert {record.type for record in found.to_publish() if not record.name.startswith("8dc1")} == {
        "MX",
        "CNAME",
        "SRV",
    }


def test_a_good_domain_costs_at_most_twelve_questions_none_of_them_twice_in_a_check(subject, fake, good, keys):
    dns = fake(*good)
    pending = DkimKey(selector="8DC2", public_key=keys.other, size=2048)
    signing = Dkim(active=True, key=DkimKey(selector="8DC1", public_key=keys.good, size=2048), pending=pending)
    asyncio.run(gather(subject(dkim=signing), dns))
    assert len(set(dns.asked)) <= 12


def test_a_bare_domain_costs_at_most_twelve_questions(subject, fake):
    dns = fake(
        "example.com A 192.0.2.1", "mail1.example.net A 192.0.2.4", "spf.example.net TXT v=spf1 ip4:192.0.2.4 -all"
    )
    asyncio.run(gather(subject(), dns))
    assert len(set(dns.asked)) <= 12


def test_each_domain_is_announced_and_the_order_is_kept(subject, fake, good):
    done = []
    subjects = [subject(domain=name) for name in ("z.example", "a.example", "m.example")]
    reports = asyncio.run(check_subjects(subjects, fake(*good), on_done=done.append))
    assert [report.domain for report in reports] == ["z.example", "a.example", "m.example"]
    assert sorted(done) == ["a.example", "m.example", "z.example"]


def test_an_alias_carries_the_name_of_its_domain(report, good):
    found = report(good, alias_of="example.net")
    assert found.alias_of == "example.net"
    assert [f.status for f in found.checks] == ["pass", "pass", "skip", "pass", "pass"]


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
}


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_whatever_dns_says_there_is_a_finding_from_every_check_and_an_end_to_the_questions(data):
    answers = {}
    subject = _SUBJECT
    for _ in range(40):
        wanted = {q for check in CHECKS for q in check.questions(subject, Facts(answers))} - set(answers)
        if not wanted:
            break
        for name, rtype in sorted(wanted):
            outcome = data.draw(st.sampled_from(["records", "records", "records", "nodata", "nxdomain", "temporary"]))
            records = data.draw(st.lists(_DATA[rtype], min_size=1, max_size=4)) if outcome == "records" else []
            aliases = tuple(data.draw(st.lists(_NAMES.filter(bool), max_size=2)))
            answers[name, rtype] = Answer(
                name=name, rtype=rtype, outcome=outcome, records=tuple(records), aliases=aliases, text=outcome
            )
    else:
        raise AssertionError("the questions do not end")
    assert len(answers) < 120
    report = judge(subject, Facts(answers))
    assert [finding.id for finding in report.checks] == ["mx", "spf", "dkim", "autodiscover", "dmarc"]
    for finding in report.checks:
        assert finding.title
        assert finding.code
        assert finding.reference
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
