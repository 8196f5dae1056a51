"""`reconciler dns dmarc`."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import click

from reconciler.cli.configured import configured
from reconciler.cli.console import Console, Format, common, emit, formats_option
from reconciler.cli.options.candidates import selection_argument

_policy = click.Choice(("none", "quarantine", "reject"), case_sensitive=False)
_mode = click.Choice(("r", "s"), case_sensitive=False)


@click.command("dmarc", short_help="Build a DMARC record.")
@selection_argument
@click.option("--policy", type=_policy, help="The policy of receivers for mail that fails DMARC.")
@click.option("--subdomain-policy", type=_policy, help="The policy for subdomains.")
@click.option("--np", type=_policy, help="The policy for subdomains that do not exist.")
@click.option("--adkim", type=_mode, help="Alignment of the signing domain: r (relaxed) or s (strict).")
@click.option("--aspf", type=_mode, help="Alignment of the return path's domain: r (relaxed) or s (strict).")
@click.option("--rua", multiple=True, metavar="ADDRESS", help="Recipient of daily reports. Repeatable; '' for none.")
@click.option(
    "--ruf", multiple=True, metavar="ADDRESS", help="Recipient of reports on messages. Repeatable; '' for none."
)
@click.option("--fo", metavar="0|1|d|s|d:s", help="The failures that cause reports on messages. Requires --ruf.")
@click.option("--testing/--no-testing", default=None, help="Ask receivers to apply the policy one step weaker (t=y).")
@click.option("--offline", is_flag=True, help="Make no DNS queries: start from the product only.")
@formats_option("text", "zone", "json", "octodns", "dnscontrol")
@common
def command(
    console: Console, selection: tuple[str, ...], offline: bool, formats: tuple[Format, ...], **wanted: Any
) -> int:
    """Build a DMARC record (RFC 9989) for each domain, and show the next stage on the way to the policy reject.

    The record starts from the published record and from dns.dmarc of the product; options override both. The output
    shows the record, its changes, and the records that other domains must publish so that reports arrive.
    """
    from reconciler.app.dns_dmarc import DmarcOptions, Refused, proposal_exit, propose_dmarc
    from reconciler.output.report.dmarc_proposals import render_proposals, side_notes
    from reconciler.output.terminal import safe

    # Without the option, the published recipients stay. None means "keep", but click returns an empty tuple.
    for field in ("rua", "ruf"):
        wanted[field] = wanted[field] or None
    config = configured(console, selection)
    try:
        proposals = asyncio.run(
            propose_dmarc(config, datetime.now(UTC).date(), DmarcOptions(**wanted), offline=offline)
        )
    # A refused value came from the command line, so it is a usage error (64), not a compliance failure.
    except Refused as e:
        reasons = "; ".join(f"--{r.field.replace('_', '-')}: {safe(r.reason)}" for r in e.refusals)
        raise click.UsageError(reasons) from e
    emit(console, formats, lambda name: [render_proposals(proposals, name).rstrip("\n")])
    # Zone, octoDNS and DNSControl output is input for other programs and cannot carry notes. They go to standard error.
    if not {"text", "json"} & {wanted_format.name for wanted_format in formats}:
        for line in side_notes(proposals):
            console.say(f"note: {line}")
        for proposal in proposals:
            if proposal.problem:
                console.warn(f"warning: {proposal.domain}: {safe(proposal.problem)}")
    return proposal_exit(proposals)
