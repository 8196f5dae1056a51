"""`reconciler init`."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from reconciler.app.onboarding.ci_files import CI_FILES, usual_ci
from reconciler.cli.console import Console, common

if TYPE_CHECKING:
    from reconciler.app.onboarding.onboard import Onboarded, ServerAccount

ONLY_FROM = ("domain", "all", "hostname", "role", "ca_bundle")


@click.command("init", short_help="Make a workspace: a starter, or one from a server.")
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path(file_okay=False, path_type=Path))
@click.option("--from", "url", metavar="URL", help="Bring in the domains of this server; asks for the account.")
@click.option("--domain", multiple=True, metavar="NAME", help="With --from: bring in this domain; repeatable.")
@click.option("--all", is_flag=True, help="With --from: bring in every domain that the account reaches.")
@click.option("--hostname", metavar="NAME", help="With --from: what DNS should point at [default: the host in URL].")
@click.option(
    "--role",
    type=click.Choice(("admin", "customer")),
    help="With --from: what the account is [default: customer where the user name is an address, else admin].",
)
@click.option(
    "--ca-bundle",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --from: the certificates to trust, for a server with a private authority.",
)
@click.option(
    "--ci",
    multiple=True,
    type=click.Choice((*CI_FILES, "none")),
    help="Write these CI files, too; repeatable [default with --from: asked for on a terminal, else github, or gitlab "
    "where the repository's remote is at one].",
)
@common
def command(console: Console, folder: Path | None, url: str | None, ci: tuple[str, ...], **options: Any) -> int:
    """Make a workspace in DIR that passes `validate`. Existing files are never overwritten.

    Without --from it is a starter with an example in it. With --from it is what the server has: signs in with
    SMARTERMAIL_USER and SMARTERMAIL_PASSWORD from the environment, or asks for them on a terminal, lets you choose from
    the domains, writes a file for each, and proves with a plan that the files say what is there. No password is
    written anywhere. DIR is then the current folder unless it is given.

    Exit codes with --from: 0 the plan is empty; 2 it is not; 3 the files are not valid; 4 a file is there already, or
    the plan is refused; 5 a domain could not be read and has no file; 6 the server cannot be reached or refused the
    account.
    """
    names = _ci_names(ci)
    if url is not None:
        return _from_server(console, folder or Path(), url, names, options)
    if folder is None:
        raise click.UsageError("name a folder for the workspace: init DIR; or a server: init --from URL")
    used = next((name for name in ONLY_FROM if options[name]), None)
    if used:
        raise click.UsageError(f"--{used.replace('_', '-')} goes with --from URL only")
    from reconciler.app.onboarding.starter import init_workspace

    console.results(str(_shown(path)) for path in init_workspace(folder, names or ()))
    console.say("")
    console.say(f"Next: edit {folder}/reconciler.yaml, export SMARTERMAIL_USER and SMARTERMAIL_PASSWORD, and")
    console.say(f"  reconciler -w {quote(str(folder))} validate")
    console.say(f"  reconciler -w {quote(str(folder))} plan")
    return 0


def _ci_names(given: Sequence[str]) -> tuple[str, ...] | None:
    """The CI files asked for; None where nothing was said about them."""
    from reconciler.app.onboarding.selection import BadChoice
    from reconciler.cli.prompts import ci_choice

    try:
        return ci_choice(",".join(given)) if given else None
    except BadChoice as e:
        raise click.UsageError(f"--ci: {e}") from e


def _from_server(console: Console, folder: Path, url: str, ci: tuple[str, ...] | None, options: dict[str, Any]) -> int:
    """Asks, signs in, asks again, and writes."""
    from reconciler.app.onboarding import onboard as onboarding
    from reconciler.app.onboarding.server import BadAddress, server_settings
    from reconciler.cli import prompts as asking
    from reconciler.cli.configured import log_requests

    named: tuple[str, ...] = options["domain"]
    if options["all"] and named:
        raise click.UsageError("--all and --domain exclude each other")
    if not (options["all"] or named or asking.can_ask()):
        raise click.UsageError("nobody can be asked here which domains are meant: give --domain NAME, or --all")
    given = {"hostname": options["hostname"], "ca_bundle": options["ca_bundle"], "folder": folder}
    try:
        settings, text = server_settings(url, role=options["role"] or "admin", **given)
        if ci is None:
            ci = asking.ci_names(folder, usual_ci(folder)) if asking.can_ask() else (usual_ci(folder),)
        today = datetime.now(UTC).date()
        onboarding.check_new_folder(onboarding.Onboarding(folder=folder, workspace_text=text, today=today, ci=ci))
        username, password = asking.credentials(settings.url)
        role = options["role"] or onboarding.role_of(username)
        settings, text = server_settings(url, role=role, **given)
    except BadAddress as e:
        raise click.UsageError(f"--from: {e.message}" + (f" ({e.hint})" if e.hint else "")) from e
    if console.verbose > 1:
        log_requests()
    account = onboarding.ServerAccount(settings=settings, username=username, password=password)
    known = asyncio.run(onboarding.domains_of(account))
    names = _domains(account, known, named, everything=options["all"])
    asked = onboarding.Onboarding(folder=folder, workspace_text=text, today=today, ci=ci)
    done = asyncio.run(onboarding.onboard(account, names, asked, console.progress()))
    return _tell(console, folder, done)


def _domains(
    account: "ServerAccount", known: Sequence[str], named: Sequence[str], *, everything: bool
) -> tuple[str, ...]:
    """The domains that are meant, of those that there are."""
    from reconciler.app.onboarding.selection import BadChoice
    from reconciler.app.onboarding.selection import named as one
    from reconciler.cli import prompts as asking
    from reconciler.core.errors import RefusedByServer

    if not known:
        raise RefusedByServer(
            f"{account.settings.hostname}: the account reaches no domain; nothing was written",
            hint="domains are created on the server, by the host; then run this again",
        )
    if everything:
        return tuple(known)
    if not named:
        return asking.domains(known)
    try:
        return tuple(dict.fromkeys(one(text, known) for text in named))
    except BadChoice as e:
        raise click.UsageError(f"--domain: {e}") from e


def _tell(console: Console, folder: Path, done: "Onboarded") -> int:
    """The files, what is not in them, what is wrong with them, and the plan."""
    from reconciler.cli.plan_options import plan_lines
    from reconciler.output.diagnostics_text import render_diagnostics
    from reconciler.output.terminal import safe

    console.results(str(_shown(path)) for path in done.written)
    for domain, lines in done.left_out.items():
        for line in lines:
            console.warn(safe(f"warning: left out of {domain}: {line}"))
    for domain, error in done.unread.items():
        console.warn(safe(f"warning: {domain} could not be read and has no file: {error.message}"))
        if error.hint:
            console.warn(safe(f"  hint: {error.hint}"))
    said = render_diagnostics(
        done.config.diagnostics,
        done.config.texts,
        color=console.messages_color,
        snippets=console.messages_terminal,
        width=console.width,
    )
    for line in said if done.config.diagnostics else ():
        console.warn(line)
    console.results(plan_lines(console, done.config, done.plans, "text") if done.plans else ())
    console.say("")
    console.say(f"Next: put {folder} into git, and give the CI the two secrets. From then on every change is a merge:")
    console.say(f"  reconciler -w {quote(str(folder))} plan")
    return int(done.exit_code)


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
