"""Faults that no real server shows on request. Law: a check never reads an unknown record as a missing one."""

import asyncio
import threading

import pytest
import responder
import zone_scenarios as scenarios

from reconciler.compliance.checks import CHECKS
from reconciler.compliance.gather import check_subjects
from reconciler.compliance.resolver.resolver import DnsResolver
from reconciler.core.lookups import Answer

LIKE_ANYWHERE = ("spf-good", "spf-very-long", "dkim-two-records", "dmarc-missing", "mx-without-address")
UNKNOWN = {"DNS_UNKNOWN", "BULK_UNKNOWN"}
EVERY = 20
"""Of every 20 questions of a scenario, one gets no answer. Each scenario starts at another question."""


@pytest.mark.parametrize("fault", responder.OUTAGES)
def test_without_a_usable_answer_every_check_is_an_error_and_reports_nothing_as_missing(fault, checked_at):
    subjects = [scenarios.load("spf-good").subject, scenarios.load("parked-good").subject]
    with responder.responder(responder.OUTAGES[fault]) as port:
        # A short timeout is safe on any machine: an answer that comes too late leaves the record unknown too.
        good, parked = asyncio.run(checked_at(port, subjects, timeout=0.1))
    findings = {finding.id: finding for finding in good.checks}
    findings["parked"] = next(finding for finding in parked.checks if finding.id == "parked")
    assert set(findings) >= {check.id for check in CHECKS}
    for check, found in findings.items():
        assert (found.status, found.fix, found.elsewhere) == ("error", (), ()), check
        assert {found.code, *found.codes} <= UNKNOWN, check
        assert not [record for record in found.found if record.type != "CNAME"], check


@pytest.mark.dnsserver
@pytest.mark.parametrize("disturbance", responder.DISTURBANCES)
def test_forgeries_garbage_truncation_and_duplicates_change_no_finding(disturbance, world, checked_at, reports):
    front = responder.Front(world.port)
    behave = responder.DISTURBANCES[disturbance]
    subjects = [scenarios.load(name).subject for name in LIKE_ANYWHERE]
    with responder.responder(lambda query, transport: behave(front, query, transport)) as port:
        found = asyncio.run(checked_at(port, subjects))
    for name, report in zip(LIKE_ANYWHERE, found, strict=True):
        assert report == reports[name], name


@pytest.mark.dnsserver
def test_a_domain_whose_questions_get_no_answer_delays_no_other_domain(world):
    front = responder.Front(world.port)
    cases = [scenarios.load(name) for name in scenarios.NAMES if name.startswith("mx-")]
    dead = scenarios.load("spf-good")

    others_done = threading.Event()

    async def silent_until_the_others_are_done(query, transport):
        while b"spf-good" in query.lower() and not others_done.is_set():
            await asyncio.sleep(0.01)
        return await front(query, transport)

    async def run(port):
        done = []

        def on_done(name):
            done.append(name)
            if len(done) == len(cases):
                others_done.set()

        # If another domain waited for the silent one, the silent one would be done first, after these seconds.
        resolver = DnsResolver([("127.0.0.1", port)], 30)
        await check_subjects([dead.subject, *(case.subject for case in cases)], resolver, on_done=on_done)
        return done

    with responder.responder(silent_until_the_others_are_done) as port:
        done = asyncio.run(run(port))
    assert sorted(done) == sorted([dead.domain, *(case.domain for case in cases)])
    assert done[-1] == dead.domain


class Cut:
    """Repeats known answers. One question gets no answer."""

    def __init__(self, answers, question):
        self.answers = answers
        self.question = question

    async def lookup(self, name, rtype):
        if (name, rtype) == self.question:
            return Answer(name=name, rtype=rtype, outcome="temporary", text="192.0.2.53:53 answered SERVFAIL")
        known = self.answers.get((name, rtype))
        # The outage can lead to a question that was not asked before. Its answer is unknown too.
        return known or Answer(name=name, rtype=rtype, outcome="temporary", text="192.0.2.53:53 did not answer")

    async def lookup_at(self, server, name, rtype):
        return await self.lookup(f"{name}@{server}", rtype)


class Listening:
    """Records the answers of a resolver."""

    def __init__(self, resolver):
        self.resolver = resolver
        self.answers = {}

    async def lookup(self, name, rtype):
        self.answers[name, rtype] = await self.resolver.lookup(name, rtype)
        return self.answers[name, rtype]

    async def lookup_at(self, server, name, rtype):
        self.answers[f"{name}@{server}", rtype] = await self.resolver.lookup_at(server, name, rtype)
        return self.answers[f"{name}@{server}", rtype]


@pytest.mark.dnsserver
def test_a_question_without_an_answer_never_adds_a_fault(world, cases):
    """Law: fewer known records never lead to more faults of a domain."""

    def faults(report):
        return {(f.id, f.code) for f in report.checks if f.status in ("warn", "fail")}

    async def one(case, first):
        listening = Listening(world.resolver(case))
        (complete,) = await check_subjects([case.subject], listening, everything=True)
        allowed = {(f.id, code) for f in complete.checks for code in f.codes}
        worse = []
        for question in list(listening.answers)[first % EVERY :: EVERY]:
            (less,) = await check_subjects([case.subject], Cut(listening.answers, question), everything=True)
            worse += [(case.name, question, fault) for fault in faults(less) - allowed]
        return worse

    async def run():
        return [row for place, case in enumerate(cases) for row in await one(case, place)]

    assert asyncio.run(run()) == []


@pytest.mark.dnsserver
def test_a_cname_next_to_other_records_is_reported_although_no_real_server_loads_it(world, checked_at):
    front = responder.Front(world.port)
    case = scenarios.load("spf-good")

    async def both(query, transport):
        return await responder.cname_at(front, query, transport, case.domain, "TXT", "_spf.other.example.")

    with responder.responder(both) as port:
        (report,) = asyncio.run(checked_at(port, [case.subject]))
    found = next(check for check in report.checks if check.id == "spf")
    assert (found.status, "SPF_ALIAS_AND_DATA" in found.codes) == ("fail", True)
