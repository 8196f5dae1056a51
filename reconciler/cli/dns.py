"""`reconciler dns`: check, records; dmarc is in a file of its own."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from reconciler.cli.candidates import selection_argument
from reconciler.cli.configured import configured
from reconciler.cli.console import Console, Format, common, emit, formats_option
from reconciler.cli.dns_dmarc import command as dmarc_command
from reconciler.config.workspace import Configuration
from reconciler.core.findings import Report


@click.group("dns", short_help="Check DNS compliance.")
def command() -> None:
    """Check DNS compliance, and print the records to publish."""


def _report(
    console: Console,
    config: Configuration,
    *,
    ask_servers: bool,
    everything: bool = False,
    https: bool = False,
    cache: Path | None = None,
) -> Report:
    """The report; what kept a mail server from telling its key is said on standard error, once each."""
    from reconciler.app.dns import check_dns
    from reconciler.app.plan.planner import PlanRequest
    from reconciler.output.terminal import safe

    request = PlanRequest(today=datetime.now(UTC).date())
    said: list[str] = []
    report, problems = asyncio.run(
        check_dns(
            config,
            request,
            console.progress(),
            ask_servers=ask_servers,
            everything=everything,
            https=https,
            cache=cache,
            warn=said.append,
        )
    )
    for message in sorted({*said, *(p.message for p in problems)}):
        console.warn(f"warning: {safe(message)}")
    return report


_offline = click.option(
    "--no-server", is_flag=True, help="Do not ask the mail servers; DKIM keys are then unknown and not checked."
)


@command.command("check", short_help="The compliance report.")
@selection_argument
@formats_option("text", "json", "markdown", "sarif", "junit")
@click.option(
    "--fail-on",
    type=click.Choice(("warn", "fail", "error", "never")),
    default="fail",
    show_default=True,
    help="From which status on the exit code is 7.",
)
@_offline
@click.option("--all", "everything", is_flag=True, help="Also the checks that ask much: dane, autoconfig, delegation.")
@click.option(
    "--https", is_flag=True, help="Also fetch the MTA-STS policy, and try the autodiscover host's certificate."
)
@click.option(
    "--dns-cache",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep what DNS answers in this file for later runs, as long as the TTLs allow.",
)
@common
def check(
    console: Console,
    selection: tuple[str, ...],
    formats: tuple[Format, ...],
    fail_on: Any,
    no_server: bool,
    everything: bool,
    https: bool,
    dns_cache: Path | None,
) -> int:
    """Compare what DNS says with what it should: MX, SPF, DKIM, Autodiscover and DMARC, and what goes beyond.

    Each check says what was found, what was expected, and the exact record to publish. What could not be looked up is
    an error of its own, never a missing record.
    """
    from reconciler.app.dns import report_exit

    config = configured(console, selection)
    report = _report(console, config, ask_servers=not no_server, everything=everything, https=https, cache=dns_cache)

    emit(console, formats, lambda name: [_rendered(console, config, report, name).rstrip("\n")])
    return report_exit(report, fail_on)


def _rendered(console: Console, config: Configuration, report: Report, name: str) -> str:
    """The report in one format."""
    match name:
        case "json":
            from reconciler.app.header import generated
            from reconciler.output.report.json import render_json

            return render_json(report, generated(config.root))
        case "markdown":
            from reconciler.output.report.markdown import render_markdown

            return render_markdown(report)
        case "sarif":
            from reconciler.app.git import declared_at, repository_paths
            from reconciler.output.sarif import render_report_sarif

            return render_report_sarif(report, declared_at(config), repository_paths(config))
        case "junit":
            from reconciler.output.junit import render_report_junit

            return render_report_junit(report)
        case _:
            from reconciler.output.report.text import render_text

            return render_text(report, color=console.color, width=console.width, trees=console.verbose > 0)


@command.command("records", short_help="The records to publish.")
@selection_argument
@formats_option("zone", "json", "octodns", "dnscontrol")
@_offline
@common
def records(console: Console, selection: tuple[str, ...], formats: tuple[Format, ...], no_server: bool) -> int:
    """Print the records that each domain should have, ready to publish.

    What is there already is taken into account: an SPF record is merged, not replaced.
    """
    from reconciler.output.records import render_records

    config = configured(console, selection)
    report = _report(console, config, ask_servers=not no_server)
    emit(console, formats, lambda name: [render_records(report.domains, name).rstrip("\n")])
    return 0


command.add_command(dmarc_command)
