"""`reconciler dns`: the commands check and records. The command dmarc is in `dns_dmarc`."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from reconciler.cli.commands.dns_dmarc import command as dmarc_command
from reconciler.cli.configured import configured, view_of
from reconciler.cli.console import Console, Format, common, emit, formats_option
from reconciler.cli.options.candidates import selection_argument
from reconciler.config.workspace import Configuration
from reconciler.core.findings import Report
from reconciler.output.formats import REPORT_FORMATS
from reconciler.output.records import RECORD_FORMATS


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
    """The report. A warning on standard error states each reason why a DKIM key of a server is unknown."""
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
    # Several domains of one server have the same problem. The set reports each text once.
    for message in sorted({*said, *(p.message for p in problems)}):
        console.warn(f"warning: {safe(message)}")
    return report


_offline = click.option(
    "--no-server", is_flag=True, help="Do not contact the mail servers. DKIM keys are then unknown and not checked."
)


@command.command("check", short_help="The compliance report.")
@selection_argument
@formats_option(*REPORT_FORMATS)
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
    help="Keep the answers of DNS in this file for later runs, until their TTLs expire.",
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
    """Compare the published records with the expected ones: MX, SPF, DKIM, Autodiscover, DMARC and further checks.

    Each check shows the found records, the expected records, and the exact record to publish. A failed lookup is an
    error, never a missing record.
    """
    # The DNS library is imported here, so that `--help` of the group starts without it.
    from reconciler.app.dns import report_exit

    config = configured(console, selection)
    report = _report(console, config, ask_servers=not no_server, everything=everything, https=https, cache=dns_cache)

    view = view_of(console, config)
    emit(console, formats, lambda name: REPORT_FORMATS[name](report, view))
    return report_exit(report, fail_on)


@command.command("records", short_help="Print the records to publish.")
@selection_argument
@formats_option(*RECORD_FORMATS)
@_offline
@common
def records(console: Console, selection: tuple[str, ...], formats: tuple[Format, ...], no_server: bool) -> int:
    """Print the records that each domain should publish.

    Existing records are preserved: an SPF record is merged, not replaced.
    """
    from reconciler.output.records import render_records

    # The command has no `--fail-on`: it prints what to publish and does not judge what is published.
    config = configured(console, selection)
    report = _report(console, config, ask_servers=not no_server)
    emit(console, formats, lambda name: [render_records(report.domains, name).rstrip("\n")])
    return 0


command.add_command(dmarc_command)
