"""Asks DNS what the checks want to know, until they know enough."""

import asyncio
from collections.abc import Callable, Sequence

from reconciler.compliance.checks import CHECKS, Check
from reconciler.compliance.facts import Facts, Question
from reconciler.compliance.subject import Subject
from reconciler.compliance.verdict import lowered, switched_off
from reconciler.core.dns import Answer, Resolver
from reconciler.core.findings import DomainReport, Finding

DOMAINS_AT_ONCE = 64
"""Domains under way together; how many questions are in flight is the resolver's limit."""


async def gather(subject: Subject, resolver: Resolver, checks: Sequence[Check] = CHECKS) -> Facts:
    """The facts about one domain: each check's questions, asked as far as earlier answers call for them.

    A check that is switched off asks nothing.
    """
    answers: dict[Question, Answer] = {}
    async with asyncio.TaskGroup() as group:
        for check in checks:
            if _is_off(check, subject):
                continue
            group.create_task(_pursue(check, subject, resolver, answers))
    return Facts(answers)


async def check_subjects(
    subjects: Sequence[Subject], resolver: Resolver, *, on_done: Callable[[str], None] | None = None
) -> tuple[DomainReport, ...]:
    """The reports of some domains, in the order given.

    Args:
        on_done: told the domain's name when its report is complete.
    """
    limit = asyncio.Semaphore(DOMAINS_AT_ONCE)

    async def one(subject: Subject) -> DomainReport:
        async with limit:
            report = judge(subject, await gather(subject, resolver))
        if on_done is not None:
            on_done(subject.domain)
        return report

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(subject)) for subject in subjects]
    return tuple(task.result() for task in tasks)


def judge(subject: Subject, facts: Facts) -> DomainReport:
    """Every check's finding about a domain."""
    return DomainReport(
        domain=subject.domain,
        server=subject.server,
        checks=tuple(_finding(check, subject, facts) for check in CHECKS),
        alias_of=subject.alias_of,
    )


def _finding(check: Check, subject: Subject, facts: Facts) -> Finding:
    setting = subject.expected.check(check.id)
    if setting is not None and setting.level == "off":
        return switched_off(check.id, setting)
    return lowered(check.judge(subject, facts), setting)


def _is_off(check: Check, subject: Subject) -> bool:
    setting = subject.expected.check(check.id)
    return setting is not None and setting.level == "off"


async def _pursue(check: Check, subject: Subject, resolver: Resolver, answers: dict[Question, Answer]) -> None:
    while True:
        wanted = dict.fromkeys(check.questions(subject, Facts(answers)))
        missing = [question for question in wanted if question not in answers]
        if not missing:
            return
        answers.update(zip(missing, await _ask_all(missing, resolver), strict=True))


async def _ask_all(questions: Sequence[Question], resolver: Resolver) -> list[Answer]:
    return await asyncio.gather(*(resolver.lookup(name, rtype) for name, rtype in questions))
