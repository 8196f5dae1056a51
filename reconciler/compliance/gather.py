"""Runs the lookups of the checks: asks their questions in DNS, and with `--https` on the web, until none is left."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from reconciler.compliance.checks import CHECKS, Check, selected_checks
from reconciler.compliance.facts import Direct, Facts, Fetch, Question, Wanted
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import apply_level, not_sending, switched_off
from reconciler.core.findings import DomainReport, Evidence, Finding
from reconciler.core.lookups import Answer, Fetcher, Page, Resolver

DOMAINS_AT_ONCE = 256
"""Domains checked at the same time. Many, so that domains that wait for silent servers do not delay the others. The
resolver limits the questions in flight."""

_COLLECT_AFTER = 50_000
"""New objects between two runs of the garbage collector."""


async def gather(
    subject: Subject, resolver: Resolver, checks: Sequence[Check] | None = None, *, fetcher: Fetcher | None = None
) -> Facts:
    """The facts about one domain: the answers to the questions of all its checks.

    A check that is disabled or does not apply asks nothing.

    Args:
        checks: None = the default checks of the domain.
        fetcher: None = fetch no page.
    """
    found = _Collector(resolver, fetcher)
    rows = selected_checks(subject) if checks is None else checks
    await found.ask_all([check for check in rows if _not_run(check, subject) is None], subject)
    return found.facts()


async def check_subjects(
    subjects: Sequence[Subject],
    resolver: Resolver,
    *,
    table: Sequence[Check] = CHECKS,
    everything: bool = False,
    fetcher: Fetcher | None = None,
    on_done: Callable[[str], None] | None = None,
) -> tuple[DomainReport, ...]:
    """The reports of some domains, in the given order.

    Args:
        table: the checks to choose from.
        everything: also run the checks that are off by default because they need many lookups.
        fetcher: fetches pages over HTTPS; None = fetch none and skip what needs one.
        on_done: called with the domain's name when its report is complete.
    """
    limit = asyncio.Semaphore(DOMAINS_AT_ONCE)

    async def one(subject: Subject) -> DomainReport:
        checks = selected_checks(subject, table, everything=everything)
        async with limit:
            report = judge(subject, await gather(subject, resolver, checks, fetcher=fetcher), checks)
        if on_done is not None:
            on_done(subject.domain)
        return report

    # A fleet creates many small objects that all stay alive, so a collection would free next to nothing.
    with _fewer_gc_runs():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(subject)) for subject in subjects]
    return tuple(task.result() for task in tasks)


@contextmanager
def _fewer_gc_runs() -> Iterator[None]:
    """Runs the garbage collector less often. The answers only accumulate, and the collector took a sixth of the CPU."""
    before = gc.get_threshold()
    # A threshold of 0 means that collection is off. Keep that choice of the caller.
    gc.set_threshold(max(before[0], _COLLECT_AFTER) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def judge(subject: Subject, facts: Facts, checks: Sequence[Check] | None = None) -> DomainReport:
    """The findings of a domain, one per check. Use the same checks as in `gather`."""
    raw: list[Finding] = []
    for check in selected_checks(subject) if checks is None else checks:
        raw.append(_not_run(check, subject) or _finding(check, subject, facts, raw))
    return DomainReport(
        domain=subject.domain,
        server=subject.server,
        # Levels apply last, so that derived checks see the real findings.
        checks=tuple(
            apply_level(_with_evidence(finding, facts), subject.expected.check(finding.id)) for finding in raw
        ),
        alias_of=subject.alias_of,
    )


def _with_evidence(finding: Finding, facts: Facts) -> Finding:
    """The finding with the remaining TTLs of the answers about its own records."""
    asked = dict.fromkeys((r.name, r.type) for r in (*finding.found, *finding.expected, *finding.fix))
    answers = ((name, rtype, facts.answers.get((name, rtype))) for name, rtype in asked)  # type: ignore[arg-type]  # other types are not in the table
    rows = (Evidence(name, rtype, a.ttl) for name, rtype, a in answers if a is not None and a.ttl is not None)
    evidence = tuple(sorted(rows))
    return replace(finding, evidence=evidence) if evidence else finding


def _finding(check: Check, subject: Subject, facts: Facts, before: Sequence[Finding]) -> Finding:
    if check.derive is not None:
        return check.derive(subject, before)
    assert check.judge is not None, "a check judges or derives"
    return check.judge(subject, facts)


def _not_run(check: Check, subject: Subject) -> Finding | None:
    """The finding of a check that does not run; None if it runs."""
    setting = subject.expected.check(check.id)
    if setting is not None and setting.level == "off":
        return switched_off(check.id, setting)
    if check.sending and not subject.expected.sends:
        return not_sending(check.id)
    return None


@dataclass(slots=True)
class _Collector:
    """Collects the answers for one domain."""

    resolver: Resolver
    fetcher: Fetcher | None
    answers: dict[Question, Answer] = field(default_factory=dict)
    direct: dict[Direct, Answer] = field(default_factory=dict)
    pages: dict[Fetch, Page] = field(default_factory=dict)

    def facts(self) -> Facts:
        """The answers so far. The value is live: it grows with each answer."""
        return Facts(self.answers, self.direct, self.pages if self.fetcher is not None else None)

    async def ask_all(self, checks: Sequence[Check], subject: Subject) -> None:
        """Asks the checks' questions until none is left. Each check continues as soon as its own answers are here."""
        facts = self.facts()
        unfinished: list[tuple[Check, set[Wanted]]] = [(check, set()) for check in checks]
        # Several checks may want the same answer. The futures make sure that it is requested once.
        asked: dict[Wanted, asyncio.Future[Answer | Page]] = {}
        wake_up = asyncio.Event()
        try:
            while unfinished:
                waiting = []
                for check, wanted in unfinished:
                    # A check waits for all answers of its last round, because each call of `questions` costs CPU time.
                    if not wanted:
                        missing = [w for w in check.questions(subject, facts) if not facts.has(w)]
                        self._begin(missing, asked, wake_up)
                        wanted.update(missing)
                    if wanted:
                        waiting.append((check, wanted))
                unfinished = waiting
                if unfinished:
                    await wake_up.wait()
                    wake_up.clear()
                    arrived = [question for question, future in asked.items() if future.done()]
                    for question in arrived:
                        self._keep(question, asked.pop(question).result())
                    for _, wanted in unfinished:
                        wanted.difference_update(arrived)
        finally:
            # An exception in a check must not leave tasks behind.
            for future in asked.values():
                future.cancel()

    def _begin(
        self, missing: Iterable[Wanted], asked: "dict[Wanted, asyncio.Future[Answer | Page]]", wake_up: asyncio.Event
    ) -> None:
        """Sends the questions. Each answer sets `wake_up`."""
        for wanted in missing:
            if wanted in asked:
                continue
            # The resolver limits concurrency and shares equal questions of several domains.
            future = asked[wanted] = asyncio.ensure_future(self._ask(wanted))
            future.add_done_callback(lambda _: wake_up.set())

    def _ask(self, wanted: Wanted) -> Awaitable[Answer | Page]:
        match wanted:
            case Direct():
                return self.resolver.lookup_at(wanted.server, wanted.name, wanted.rtype)
            case Fetch():
                assert self.fetcher is not None, "checks request pages only if fetching is on"
                return self.fetcher.fetch(wanted.url)
            case (name, rtype):
                return self.resolver.lookup(name, rtype)

    def _keep(self, wanted: Wanted, reply: Answer | Page) -> None:
        match wanted:
            case Direct():
                assert isinstance(reply, Answer)
                self.direct[wanted] = reply
            case Fetch():
                assert isinstance(reply, Page)
                self.pages[wanted] = reply
            case _:
                assert isinstance(reply, Answer)
                self.answers[wanted] = reply
