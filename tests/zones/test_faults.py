"""What no real server does, and what it must not make of a check: nothing known is never read as missing."""

import asyncio
import time

import pytest

from reconciler.compliance.checks import CHECKS
from reconciler.compliance.gather import check_subjects
from reconciler.compliance.resolver.resolver import DnsResolver
from reconciler.core.lookups import Answer

OUTAGES = (
    "silence",
    "SERVFAIL",
    "REFUSED",
    "NOTIMP",
    "FORMERR",
    "garbage",
    "half a header",
    "a forged id",
    "another question",
    "lame",
    "empty, no recursion",
    "truncated, no TCP",
    "an alias of itself",
)
DISTURBANCES = ("none", "truncated, then TCP", "forged, then true", "garbage, then true", "late duplicates")
LIKE_ANYWHERE = ("spf-good", "spf-very-long", "dkim-two-records", "dmarc-missing", "mx-without-address")
UNKNOWN = {"DNS_UNKNOWN", "BULK_UNKNOWN"}
EVERY = 20
"""Of a scenario's questions one in so many is left without an answer, in each scenario others."""


@pytest.fixture(scope="session")
def outage(scenario, responder, checked_at):
    """By fault, what every check says of a good domain and of a parked one; each fault happens once."""
    known: dict[str, dict[str, object]] = {}
    subjects = [scenario.load("spf-good").subject, scenario.load("parked-good").subject]

    def findings(fault):
        if fault not in known:
            with responder.responder(responder.OUTAGES[fault]) as port:
                good, parked = asyncio.run(checked_at(port, subjects, timeout=0.25))
            known[fault] = {finding.id: finding for finding in good.checks}
            known[fault]["parked"] = next(finding for finding in parked.checks if finding.id == "parked")
        return known[fault]

    return findings


def test_the_faults_are_all_tried(responder):
    assert set(OUTAGES) == set(responder.OUTAGES)
    assert set(DISTURBANCES) == set(responder.DISTURBANCES)


@pytest.mark.parametrize("fault", OUTAGES)
@pytest.mark.parametrize("check", [check.id for check in CHECKS])
def test_where_nothing_could_be_determined_a_check_is_an_error_and_nothing_is_missing(check, fault, outage):
    found = outage(fault)[check]
    assert (found.status, found.fix, found.elsewhere) == ("error", (), ())
    assert found.code in UNKNOWN
    assert set(found.codes) <= UNKNOWN
    assert not [record for record in found.found if record.type != "CNAME"]


@pytest.mark.dnsserver
@pytest.mark.parametrize("disturbance", DISTURBANCES)
def test_forgeries_garbage_truncation_and_duplicates_change_no_finding(
    disturbance, world, scenario, responder, checked_at, reports
):
    front = responder.Front(world.port)
    behave = responder.DISTURBANCES[disturbance]
    subjects = [scenario.load(name).subject for name in LIKE_ANYWHERE]
    with responder.responder(lambda query, transport: behave(front, query, transport)) as port:
        found = asyncio.run(checked_at(port, subjects, timeout=5))
    for name, report in zip(LIKE_ANYWHERE, found, strict=True):
        assert report == reports[name], name


@pytest.mark.dnsserver
def test_one_silent_name_server_delays_nobody_else(world, scenario, responder):
    front = responder.Front(world.port)
    cases = [scenario.load(name) for name in scenario.NAMES if name.startswith("mx-")]
    dead = scenario.load("spf-good")

    async def partly_silent(query, transport):
        if b"spf-good" in query.lower():
            return []
        return await front(query, transport)

    async def run(port):
        begin = time.perf_counter()
        done = {}
        resolver = DnsResolver([("127.0.0.1", port)], 2.5)
        subjects = [dead.subject, *(case.subject for case in cases)]
        await check_subjects(subjects, resolver, on_done=lambda name: done.update({name: time.perf_counter() - begin}))
        return done

    with responder.responder(partly_silent) as port:
        done = asyncio.run(run(port))
    assert list(done)[-1] == dead.domain, "whoever waited for the silent server would have come later"
    assert done[dead.domain] > 2.4


class Cut:
    """Answers as before, but for one question."""

    def __init__(self, answers, question):
        self.answers = answers
        self.question = question

    async def lookup(self, name, rtype):
        if (name, rtype) == self.question:
            return Answer(name=name, rtype=rtype, outcome="temporary", text="192.0.2.53:53 answered SERVFAIL")
        known = self.answers.get((name, rtype))
        # A question that the outage has led to: it is new, so nothing is known of it either.
        return known or Answer(name=name, rtype=rtype, outcome="temporary", text="192.0.2.53:53 did not answer")

    async def lookup_at(self, server, name, rtype):
        return await self.lookup(f"{name}@{server}", rtype)


class Listening:
    """Remembers what a resolver answered."""

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
def test_whatever_single_question_gets_no_answer_no_scenario_has_a_fault_more(world, cases):
    """Law: the less is known, the less is held against a domain."""

    def faults(report):
        return {(f.id, f.code) for f in report.checks if f.status in ("warn", "fail")}

    async def one(case, first):
        listening = Listening(world.resolver(case))
        (whole,) = await check_subjects([case.subject], listening, everything=True)
        allowed = {(f.id, code) for f in whole.checks for code in f.codes}
        worse = []
        for question in list(listening.answers)[first % EVERY :: EVERY]:
            (less,) = await check_subjects([case.subject], Cut(listening.answers, question), everything=True)
            worse += [(case.name, question, fault) for fault in faults(less) - allowed]
        return worse

    async def run():
        return [row for place, case in enumerate(cases) for row in await one(case, place)]

    assert asyncio.run(run()) == []


@pytest.mark.dnsserver
def test_a_cname_beside_other_records_which_no_server_loads_is_named(world, scenario, responder, checked_at):
    front = responder.Front(world.port)
    case = scenario.load("spf-good")

    async def both(query, transport):
        return await responder.cname_at(front, query, transport, case.domain, "TXT", "_spf.other.example.")

    with responder.responder(both) as port:
        (report,) = asyncio.run(checked_at(port, [case.subject]))
    found = next(check for check in report.checks if check.id == "spf")
    assert (found.status, "SPF_ALIAS_AND_DATA" in found.codes) == ("fail", True)
