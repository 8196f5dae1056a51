"""The status of the selected domains: figures from the servers, and DNS results. Changes nothing."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from reconciler.app.dns import expected_of
from reconciler.app.exits import Exit, of_plans
from reconciler.app.plan.planner import Planner, PlanRequest
from reconciler.app.servers import OpenServers, open_servers
from reconciler.config.workspace import Configuration
from reconciler.core.diagnostics import Diagnostic, warning
from reconciler.core.errors import ReconcilerError
from reconciler.core.findings import DomainReport
from reconciler.core.model import CurrentDomain, DesiredDomain
from reconciler.core.password_policy import ServerPasswordPolicy
from reconciler.core.plan import Plan
from reconciler.core.ports import Progress, Reader, ReadScope
from reconciler.core.status import DomainStatus, figures
from reconciler.engine.observe import DOMAINS_AT_ONCE

SCOPE = ReadScope(activations=frozenset({"eas", "mapi"}))
"""The read of every domain, without fields that cost one request per mailbox."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The answers of a server about one domain.

    Attributes:
        notice: a warning about the server itself; only its first domain carries it.
    """

    current: CurrentDomain
    policy: ServerPasswordPolicy | None
    notice: str = ""


StatusAnswer = Seen | ReconcilerError


@dataclass(frozen=True, slots=True)
class StatusResult:
    """The domains in order, and the exit code. An unreadable domain gives the same exit code as in a plan."""

    domains: tuple[DomainStatus, ...]
    exit_code: Exit


async def read_statuses(config: Configuration, progress: Progress, *, dns: bool) -> StatusResult:
    """The status of every selected domain.

    A domain that cannot be read does not stop the others, and a DNS failure stops nothing.

    Args:
        dns: whether to query DNS.
    """
    # No passwords are planned, so no journal needs to be read.
    planner = Planner(config, PlanRequest(today=datetime.now(UTC).date()), versions={})
    answers = await ask_servers(config, planner, progress, builds=True)
    rows, unread = status_rows(config, planner, answers)
    if dns:
        rows = await _with_pills(config, planner.selected(), answers, rows, progress)
    return StatusResult(tuple(rows), of_plans(unread, detailed=False))


async def ask_servers(
    config: Configuration, planner: Planner, progress: Progress, *, builds: bool = False
) -> dict[str, StatusAnswer]:
    """The answers of the servers about each selected domain, or why there is none.

    Args:
        builds: whether to ask each server for its version too (one request), and warn about known vulnerabilities.
    """
    selected = planner.selected()
    async with open_servers(config.workspace, (d.server for d in selected), config.root) as servers:
        answers = await _read_all(config, selected, servers, progress)
        return await _with_notices(selected, servers, answers) if builds else answers


async def _with_notices(
    selected: Sequence[DesiredDomain], servers: OpenServers, answers: Mapping[str, StatusAnswer]
) -> dict[str, StatusAnswer]:
    noticed = dict(answers)
    # Reversed, so that the first domain of each server is the one that stays in the mapping.
    first = {d.server: d.domain for d in reversed(selected) if isinstance(answers[d.domain], Seen)}
    for server, domain in first.items():
        seen = noticed[domain]
        if isinstance(seen, Seen):
            noticed[domain] = replace(seen, notice=await servers.notices[server]())
    return noticed


def status_rows(
    config: Configuration, planner: Planner, answers: Mapping[str, StatusAnswer]
) -> tuple[list[DomainStatus], list[Plan]]:
    """The rows of the selected domains without DNS, and the plans of those that could not be read."""
    unread: list[Plan] = []
    rows: list[DomainStatus] = []
    for desired in planner.selected():
        seen = answers[desired.domain]
        row = DomainStatus(domain=desired.domain, server=desired.server, product=desired.product, figures=None)
        if isinstance(seen, ReconcilerError):
            # The plan of an unreadable domain holds the diagnostic, and gives the exit code.
            unread.append(planner.plan(desired, seen))
            rows.append(replace(row, diagnostics=unread[-1].diagnostics))
        else:
            product = config.products.get(desired.product or "")
            notices = (_notice(config, desired.server, seen.notice),) if seen.notice else ()
            rows.append(replace(row, figures=figures(product, seen.current, seen.policy), diagnostics=notices))
    return rows, unread


def _notice(config: Configuration, server: str, text: str) -> Diagnostic:
    return warning(
        "SRV006",
        f"{server}: {text}",
        config.workspace.servers[server].origin,
        hint="update the server, and look for accounts and event actions that you did not create",
    )


async def _read_all(
    config: Configuration, selected: Sequence[DesiredDomain], servers: OpenServers, progress: Progress
) -> dict[str, StatusAnswer]:
    # This limit bounds memory; the client limits the requests.
    gates = {name: asyncio.Semaphore(DOMAINS_AT_ONCE) for name in servers.readers}
    readable = [d for d in selected if d.server in servers.readers]

    async def one(desired: DesiredDomain) -> tuple[str, StatusAnswer]:
        async with gates[desired.server]:
            found = await _answer(servers.readers[desired.server], desired, compares=desired.product in config.products)
        progress.step(desired.domain)
        return desired.domain, found

    progress.begin("Reading", len(readable))
    answers = dict(await asyncio.gather(*(one(d) for d in readable)))
    progress.end()
    return answers | {d.domain: servers.unusable[d.server] for d in selected if d.server in servers.unusable}


async def _answer(reader: Reader, desired: DesiredDomain, *, compares: bool) -> StatusAnswer:
    """One domain, and the server's password policy if there is a product to compare it with."""
    try:
        current = await reader.read_domain(desired.domain, SCOPE)
        # The policy costs one more request.
        return Seen(current, await reader.read_password_policy(desired.domain) if compares else None)
    except ReconcilerError as e:
        return e


async def _with_pills(
    config: Configuration,
    selected: Sequence[DesiredDomain],
    answers: Mapping[str, StatusAnswer],
    rows: Sequence[DomainStatus],
    progress: Progress,
) -> list[DomainStatus]:
    """The same rows with the DNS results of each domain; `dns check` also covers domain aliases."""
    from reconciler.compliance.checks import FIRST
    from reconciler.compliance.gather import check_subjects
    from reconciler.compliance.resolver.resolver import open_resolver
    from reconciler.compliance.subject import Subject

    problems: dict[str, str] = {}
    subjects: list[Subject] = []
    for desired in selected:
        seen = answers[desired.domain]
        try:
            subjects.append(
                Subject(
                    domain=desired.domain,
                    server=desired.server,
                    expected=expected_of(config, desired),
                    dkim=seen.current.dkim if isinstance(seen, Seen) else None,
                    dkim_problem=seen.message if isinstance(seen, ReconcilerError) else "",
                )
            )
        except ReconcilerError as e:
            problems[desired.domain] = e.message
    reports: tuple[DomainReport, ...] = ()
    dns = config.workspace.dns
    try:
        resolver = open_resolver(dns.resolvers, dns.timeout)
        progress.begin("Asking DNS", len(subjects))
        reports = await check_subjects(subjects, resolver, table=FIRST, on_done=progress.step)
        progress.end()
    except ReconcilerError as e:
        # The status of the servers is useful without DNS, so a missing resolver is only a note.
        problems |= {s.domain: e.message for s in subjects}
    pills = {r.domain: {check.id: check.status for check in r.checks} for r in reports}
    return [replace(r, pills=pills.get(r.domain, {}), dns_problem=problems.get(r.domain, "")) for r in rows]
