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
    """The expected DNS records: the product's expectations, the domain's overrides and the server's host name.

    Raises:
        NoHostName: a record would have to name an IP address or this machine.
    """
    product = config.products.get(desired.product or "")
    layers = (product.dns, desired.dns) if product else (desired.dns,)
    server = config.workspace.servers[desired.server]
    expected = expectation(server.hostname, *layers)
    # Only records that use the default host name need one.
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
        f"DNS cannot point at {server.hostname}: server {server.name} has no `hostname`, and its url has no host name",
        hint="add `hostname:` to the server, with the name that other servers use",
        span=server.origin,
    )


def subjects(
    config: Configuration, selected: Sequence[DesiredDomain], seen: Mapping[str, Observation]
) -> list[Subject]:
    """The domains to check: each selected domain and its domain aliases, both declared and on the server.

    A domain whose server does not answer is checked too. Its DKIM key is unknown then, with the reason.
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
        # A domain alias on the server receives mail, whether a file declares it or not.
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
    """The report, and the errors of mail servers that did not return their keys and domain aliases.

    Args:
        everything, https, cache, warn: see `ask_dns`.

    Raises:
        Unreachable: no resolver is configured or found.
        NoHostName: see `expected_of`; raised before any query.
    """
    planner = Planner(config, request)
    selected = planner.selected()
    # A host name that is missing in the configuration is found before the first request.
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
    """The DNS results of some subjects.

    Args:
        everything: run also the checks that need many queries.
        https: query also web servers: the MTA-STS policy, the certificate of the autodiscover host.
        cache: a file that keeps answers between runs until their TTLs expire.
        warn: receives the reason if that file cannot be used or written.

    Raises:
        Unreachable: no resolver is configured or found.
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
    """7 if a check is at or above the threshold; 6 if no lookup succeeded."""
    count = report.count()
    # With at least one result the report is useful, so single failed lookups do not give exit code 6.
    if count["error"] and not (count["pass"] or count["warn"] or count["fail"]):
        return Exit.UNREACHABLE
    return Exit.NOT_COMPLIANT if report.reaches(fail_on) else Exit.DONE
