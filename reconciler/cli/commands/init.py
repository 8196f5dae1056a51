"""`reconciler init`."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
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


@click.command("init", short_help="Create a workspace: a starter, or from a server's domains.")
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path(file_okay=False, path_type=Path))
@click.option("--from", "url", metavar="URL", help="Import the domains of this server. Asks for the account.")
@click.option("--domain", multiple=True, metavar="NAME", help="With --from: import this domain. Repeatable.")
@click.option("--all", is_flag=True, help="With --from: import all domains that the account can access.")
@click.option(
    "--hostname", metavar="NAME", help="With --from: the host that DNS should point to [default: the host in URL]."
)
@click.option(
    "--role",
    type=click.Choice(("admin", "customer")),
    help="With --from: the role of the account [default: customer if the user name is an address, else admin].",
)
@click.option(
    "--ca-bundle",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --from: the certificates to trust, for a server with a private certificate authority.",
)
@click.option(
    "--ci",
    multiple=True,
    type=click.Choice((*CI_FILES, "none")),
    help="Write the files of this CI, also into an existing workspace. Repeatable [default with --from: asks on a "
    "terminal, else gitlab if the remote of the repository is a GitLab, else github].",
)
@click.option(
    "--install",
    metavar="SPEC",
    help="With --ci: the source from which the jobs install this program, such as `smartermail-reconciler @ "
    "git+https://HOST/PATH@COMMIT` or the URL of a wheel with #sha256=HASH [default: the source of this installation].",
)
@common
def command(
    console: Console,
    folder: Path | None,
    url: str | None,
    ci: tuple[str, ...],
    install: str | None,
    **options: Any,
) -> int:
    """Create a workspace in DIR that passes `validate`. `init` never overwrites a file.

    Without --from, the workspace contains an example. With --ci and an existing workspace, `init` writes only the CI
    files.

    With --from URL, `init` imports domains of a server. It logs in with SMARTERMAIL_USER and SMARTERMAIL_PASSWORD from
    the environment, or asks for them on a terminal. You choose the domains. `init` writes one file per domain and then
    plans, to show that the files match the server. It writes no password. DIR defaults to the current folder.

    Exit codes with --from: 0 the plan is empty; 2 the plan has changes; 3 the files are invalid; 4 a file exists, or a
    guard refuses the plan; 5 a domain could not be read and has no file; 6 the server is unreachable or rejected the
    credentials.
    """
    names = _ci_names(ci)
    # The option has an effect only on CI files. An ignored option would suggest a pinned source that no job uses.
    if install is not None and not names:
        raise click.UsageError("--install requires --ci KIND")
    if url is not None:
        return _from_server(console, folder or Path(), url, names, install, options)
    if folder is None:
        raise click.UsageError("missing folder: use `init DIR`, or `init --from URL` for the domains of a server")
    used = next((name for name in ONLY_FROM if options[name]), None)
    if used:
        raise click.UsageError(f"--{used.replace('_', '-')} requires --from URL")
    source = _source(console, names, install)
    if names and (folder / "reconciler.yaml").is_file():
        return _only_ci(console, folder, names, source)
    from reconciler.app.onboarding.starter import init_workspace

    console.results(str(_shown(path)) for path in init_workspace(folder, names or (), source))
    console.say("")
    console.say(f"Next: edit {folder}/reconciler.yaml, export SMARTERMAIL_USER and SMARTERMAIL_PASSWORD, and run")
    console.say(f"  reconciler -w {quote(str(folder))} validate")
    console.say(f"  reconciler -w {quote(str(folder))} plan")
    return 0


def _ci_names(given: Sequence[str]) -> tuple[str, ...] | None:
    """The values of `--ci`; None without the option."""
    from reconciler.app.onboarding.selection import BadChoice
    from reconciler.cli.terminal.prompts import ci_choice

    try:
        return ci_choice(",".join(given)) if given else None
    except BadChoice as e:
        raise click.UsageError(f"--ci: {e}") from e


def _source(console: Console, names: Sequence[str] | None, given: str | None) -> str:
    """The source of the program for the CI files; empty if it is unknown, which a warning reports."""
    from reconciler.app.onboarding.install_source import EXAMPLES, BadSource, checked_spec, running_source
    from reconciler.output.terminal import safe

    if not names:
        return ""
    if given is not None:
        try:
            return checked_spec(given)
        except BadSource as e:
            raise click.UsageError(f"--install: {e}") from e
    found = running_source()
    for text in found.warnings:
        console.warn(f"warning: {safe(text)}")
    if found.spec:
        console.say(f"The jobs install {found.spec}")
    else:
        # A guessed source could install the package of another project. A step that fails is safer.
        console.warn("warning: the source of this program is unknown, so the CI files contain a step that fails")
        console.warn(f"  hint: Fill in RECONCILER_SOURCE, or run again with --install '{EXAMPLES[0]}'.")
    return found.spec


def _only_ci(console: Console, folder: Path, names: Sequence[str], source: str) -> int:
    """Add CI files to an existing workspace."""
    from reconciler.app.onboarding.starter import add_ci

    written = add_ci(folder, names, source)
    console.results(str(_shown(path)) for path in written)
    if not written:
        console.say("The CI files exist already, with the same content.")
    return 0


def _from_server(
    console: Console,
    folder: Path,
    url: str,
    ci: tuple[str, ...] | None,
    install: str | None,
    options: dict[str, Any],
) -> int:
    """Ask, log in, ask again, and write the files."""
    from reconciler.app.onboarding import onboard as onboarding
    from reconciler.app.onboarding.server import BadAddress, server_settings
    from reconciler.cli.configured import log_requests
    from reconciler.cli.terminal import prompts

    named: tuple[str, ...] = options["domain"]
    if options["all"] and named:
        raise click.UsageError("--all and --domain exclude each other")
    # These checks run before the login, so that a user does not type a password for a run that cannot succeed.
    if not (options["all"] or named or prompts.can_ask()):
        raise click.UsageError("no terminal to choose the domains on: use --domain NAME or --all")
    given = {"hostname": options["hostname"], "ca_bundle": options["ca_bundle"], "folder": folder}
    try:
        settings, text = server_settings(url, role=options["role"] or "admin", **given)
        if ci is None:
            ci = prompts.ci_names(folder, usual_ci(folder)) if prompts.can_ask() else (usual_ci(folder),)
        asked = onboarding.Onboarding(
            folder=folder,
            workspace_text=text,
            today=datetime.now(UTC).date(),
            ci=ci,
            ci_source=_source(console, ci, install),
        )
        # An existing file ends the run before the user types a password.
        onboarding.check_new_folder(asked)
        username, password = prompts.credentials(settings.url)
        # The role of an account is known only now. It is a line of reconciler.yaml.
        settings, text = server_settings(url, role=options["role"] or onboarding.role_of(username), **given)
    except BadAddress as e:
        raise click.UsageError(f"--from: {e.message}" + (f" ({e.hint})" if e.hint else "")) from e
    if console.verbose > 1:
        log_requests()
    account = onboarding.ServerAccount(settings=settings, username=username, password=password)
    known = asyncio.run(onboarding.domains_of(account))
    names = _domains(account, known, named, everything=options["all"])
    asked = replace(asked, workspace_text=text)
    done = asyncio.run(onboarding.onboard(account, names, asked, console.progress()))
    return _report(console, folder, done)


def _domains(
    account: "ServerAccount", known: Sequence[str], named: Sequence[str], *, everything: bool
) -> tuple[str, ...]:
    """The domains to import."""
    from reconciler.app.onboarding.selection import BadChoice
    from reconciler.app.onboarding.selection import named as one
    from reconciler.cli.terminal import prompts
    from reconciler.core.errors import RefusedByServer

    if not known:
        raise RefusedByServer(
            f"{account.settings.hostname}: the account has no domain; nothing was written",
            hint="Ask the host to create the domain on the server, then run this command again.",
        )
    if everything:
        return tuple(known)
    if not named:
        return prompts.domains(known)
    try:
        return tuple(dict.fromkeys(one(text, known) for text in named))
    except BadChoice as e:
        raise click.UsageError(f"--domain: {e}") from e


def _report(console: Console, folder: Path, done: "Onboarded") -> int:
    """Print the files, the settings that they leave out, their diagnostics, and the plan."""
    from reconciler.cli.options.plan import plan_lines
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
    if done.config.diagnostics:
        for line in render_diagnostics(
            done.config.diagnostics,
            done.config.texts,
            color=console.messages_color,
            snippets=console.messages_terminal,
            width=console.width,
        ):
            console.warn(line)
    console.results(plan_lines(console, done.config, done.plans, "text") if done.plans else ())
    console.say("")
    console.say(f"Next: put {folder} into git and give the two secrets to the CI. Then change the files in git and run")
    console.say(f"  reconciler -w {quote(str(folder))} plan")
    return int(done.exit_code)


def _shown(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
