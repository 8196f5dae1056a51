"""DNS compliance of the selected domains and their domain aliases."""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from reconciler.app.exits import Exit
from reconciler.app.plan.planner import Planner, PlanRequest
from reconciler.app.plan.reading import observe_selected
from reconciler.app.servers import open_servers
from reconciler.compliance.gather import check_subjects
from reconciler.compliance.resolver.resolver import cached_resolver
from reconciler.compliance.subject import Subject
from reconciler.config.workspace import Configuration
from reconciler.core.errors import NoHostName, ReconcilerError
from reconciler.core.expectations import Expected, expectation
from reconciler.core.findings import Report, Threshold
from reconciler.core.lookups import Fetcher
from reconciler.core.model import CurrentDomain, DesiredDomain, Unset
from reconciler.core.ports import Progress
from reconciler.core.workspace import ServerSettings
from reconciler.engine.observe import Observation


def expected_of(config: Configuration, desired: DesiredDomain) -> Expected:
    """What DNS should say for a domain: the product's expectations, the domain's overrides, the server's host name.

    Raises:
        NoHostName: a record would have to lead to an address, or to this machine.
    """
    product = config.products.get(desired.product or "")
    layers = (product.dns, desired.dns) if product else (desired.dns,)
    server = config.workspace.servers[desired.server]
    expected = expectation(server.hostname, *layers)
    if server.hostname in (*expected.mx_hosts, expected.autodiscover_host, expected.autodiscover_srv_target):
        _require_name(server)
    return expected


def _require_name(server: ServerSettings) -> None:
    try:
        ipaddress.ip_address(server.hostname)
    except ValueError:
        if server.hostname != "localhost":
            return
    raise NoHostName(
        f"DNS cannot point at {server.hostname}: server {server.name} has no `hostname`, and its url no name to use",
        hint="add `hostname:` to the server: the name under which others reach it",
        span=server.origin,
    )


def subjects(
    config: Configuration, selected: Sequence[DesiredDomain], seen: Mapping[str, Observation]
) -> list[Subject]:
    """What to check: each selected domain and its domain aliases, declared ones and those that the server has.

    A domain whose server could not be asked is checked all the same; only its DKIM key is unknown then, and why.
    """
    found: list[Subject] = []
    for desired in selected:
        current = seen.get(desired.domain)
        expected = expected_of(config, desired)
        known = current if isinstance(current, CurrentDomain) else None
        found.append(
            Subject(
                domain=desired.domain,
                server=desired.server,
                expected=expected,
                dkim=known.dkim if known else None,
                dkim_problem=current.message if isinstance(current, ReconcilerError) else "",
            )
        )
        declared = () if isinstance(desired.domain_aliases, Unset) else desired.domain_aliases
        served = known.domain_aliases if known else ()
        found += [
            Subject(domain=name, server=desired.server, expected=expected, dkim=None, alias_of=desired.domain)
            for name in sorted({*declared, *served})
        ]
    return found


async def check_dns(
    config: Configuration,
    request: PlanRequest,
    progress: Progress,
    *,
    ask_servers: bool,
    everything: bool = False,
    https: bool = False,
    cache: Path | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> tuple[Report, tuple[ReconcilerError, ...]]:
    """The report, and what kept us from asking mail servers for their keys and domain aliases.

    Args:
        everything, https, cache, warn: see `ask_dns`.

    Raises:
        Unreachable: there is no resolver to ask.
        NoHostName: see `expected_of`; said before anything is asked.
    """
    planner = Planner(config, request)
    selected = planner.selected()
    for desired in selected:
        expected_of(config, desired)
    seen: Mapping[str, Observation] = {}
    if ask_servers:
        async with open_servers(config.workspace, (d.server for d in selected), config.root) as servers:
            seen = await observe_selected(planner, servers, progress, guards=False)
    todo = subjects(config, selected, seen)
    report = await ask_dns(config, todo, progress, everything=everything, https=https, cache=cache, warn=warn)
    return report, tuple(e for e in seen.values() if isinstance(e, ReconcilerError))


async def ask_dns(
    config: Configuration,
    todo: Sequence[Subject],
    progress: Progress,
    *,
    everything: bool = False,
    https: bool = False,
    cache: Path | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> Report:
    """What DNS says of some subjects.

    Args:
        everything: also the checks that ask much, which are not usual.
        https: also what web servers say: the policy of MTA-STS, the certificate of the autodiscover host.
        cache: a file that keeps answers between runs, as long as their TTLs allow.
        warn: told why that file is not used, or cannot be written.

    Raises:
        Unreachable: there is no resolver to ask.
    """
    dns = config.workspace.dns
    with cached_resolver(dns.resolvers, dns.timeout, cache, warn) as resolver:
        progress.begin("Asking DNS", len(todo))
        fetcher: Fetcher | None = None
        if https:
            from reconciler.compliance.resolver.https import HttpsFetcher

            fetcher = HttpsFetcher(resolver, dns.timeout)
        reports = await check_subjects(todo, resolver, everything=everything, fetcher=fetcher, on_done=progress.step)
        progress.end()
    return Report(tuple(reports), resolver.servers)


def report_exit(report: Report, fail_on: Threshold) -> Exit:
    """7 if a check is at or above the threshold; 6 where nothing at all could be looked up."""
    count = report.count()
    if count["error"] and not (count["pass"] or count["warn"] or count["fail"]):
        return Exit.UNREACHABLE
    return Exit.NOT_COMPLIANT if report.reaches(fail_on) else Exit.DONE
