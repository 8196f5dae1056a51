"""`reconciler dns dmarc`: makes DMARC records."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import click

from reconciler.cli.candidates import selection_argument
from reconciler.cli.configured import configured
from reconciler.cli.console import Console, Format, common, emit, formats_option

_policy = click.Choice(("none", "quarantine", "reject"), case_sensitive=False)
_mode = click.Choice(("r", "s"), case_sensitive=False)


@click.command("dmarc", short_help="Make a DMARC record.")
@selection_argument
@click.option("--policy", type=_policy, help="What receivers do with mail that is not the domain's own.")
@click.option("--subdomain-policy", type=_policy, help="The same for subdomains.")
@click.option("--np", type=_policy, help="The same for subdomains that do not exist.")
@click.option("--adkim", type=_mode, help="How closely the signing domain must match: relaxed or strict.")
@click.option("--aspf", type=_mode, help="How closely the return path's domain must match: relaxed or strict.")
@click.option("--rua", multiple=True, metavar="ADDRESS", help="Who gets daily reports; repeatable, '' for nobody.")
@click.option(
    "--ruf", multiple=True, metavar="ADDRESS", help="Who gets reports on messages; repeatable, '' for nobody."
)
@click.option("--fo", metavar="0|1|d|s|d:s", help="When reports on messages are wanted; only with --ruf.")
@click.option("--testing/--no-testing", default=None, help="Ask receivers to apply the policy one step weaker (t=y).")
@click.option("--offline", is_flag=True, help="Do not ask DNS what is published: start from the product alone.")
@formats_option("text", "zone", "json", "octodns", "dnscontrol")
@common
def command(
    console: Console, selection: tuple[str, ...], offline: bool, formats: tuple[Format, ...], **wanted: Any
) -> int:
    """Make a DMARC record (RFC 9989) for each domain, and say what comes next on the way to reject.

    It starts from the published record and the product's dns.dmarc; options change that. Shown are the record, what it
    changes, what operators of other domains must publish for the reports to arrive, and the next stage.
    """
    from reconciler.app.dns_dmarc import DmarcOptions, Refused, proposal_exit, propose_dmarc
    from reconciler.output.report.dmarc_proposals import render_proposals, side_notes
    from reconciler.output.terminal import safe

    for field in ("rua", "ruf"):
        wanted[field] = wanted[field] or None
    config = configured(console, selection)
    try:
        proposals = asyncio.run(
            propose_dmarc(config, datetime.now(UTC).date(), DmarcOptions(**wanted), offline=offline)
        )
    except Refused as e:
        reasons = "; ".join(f"--{r.field.replace('_', '-')}: {safe(r.reason)}" for r in e.refusals)
        raise click.UsageError(reasons) from e
    emit(console, formats, lambda name: [render_proposals(proposals, name).rstrip("\n")])
    if not {"text", "json"} & {wanted_format.name for wanted_format in formats}:
        for line in side_notes(proposals):
            console.say(f"note: {line}")
        for proposal in proposals:
            if proposal.problem:
                console.warn(f"warning: {proposal.domain}: {safe(proposal.problem)}")
    return proposal_exit(proposals)
