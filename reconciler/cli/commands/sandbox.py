"""`reconciler sandbox`."""

import json
import os
from pathlib import Path

import click

from reconciler.cli.console import Console, common


@click.command("sandbox", short_help="Run the embedded servers.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port for HTTP; 0 is any free port.")
@click.option("--dns-port", type=click.IntRange(0, 65535), default=0, help="The port for DNS; 0 is any free port.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep the state here (SQLite) instead of in memory.",
)
@click.option(
    "--seed",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="WORKSPACE",
    help="Create the domains of this workspace, empty, and its DNS zones.",
)
@click.option("--server", metavar="NAME", help="With --seed: only the domains of this server.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME",
    help="Simulate a fault. Repeatable. --list-faults lists the names.",
)
@click.option(
    "--quirk",
    "quirks",
    multiple=True,
    metavar="NAME",
    help="Behave like another build. Repeatable. --list-quirks lists the names.",
)
@click.option("--list-faults", is_flag=True, help="List the faults and exit.")
@click.option("--list-quirks", is_flag=True, help="List the quirks and exit.")
@click.option(
    "--access-token-seconds", type=click.FloatRange(min=1), default=900, help="The lifetime of access tokens."
)
@click.option("--json", "as_json", is_flag=True, help="Print only the JSON line.")
@common
def command(
    console: Console,
    port: int,
    dns_port: int,
    data: Path | None,
    seed: Path | None,
    server: str | None,
    faults: tuple[str, ...],
    quirks: tuple[str, ...],
    list_faults: bool,
    list_quirks: bool,
    access_token_seconds: float,
    as_json: bool,
) -> int:
    """Run the embedded mail server API and DNS server, on loopback only. The sandbox cannot handle real mail.

    When it listens, it prints one line of JSON: url, dns, and the username and password of its system administrator.
    The password is random, unless RECONCILER_SANDBOX_PASSWORD is set. With --seed the line also has the administrators
    of the domains. The sandbox runs until you press Ctrl-C.
    """
    from reconciler.app.sandbox import load_seed, require_sandbox, seed_domains, seed_zones

    require_sandbox()
    from reconciler.sandbox import FAULTS, PARAMETERISED_QUIRKS, QUIRKS, Endpoint, SandboxConfig, SandboxError, serve

    if list_faults or list_quirks:
        table = {**(FAULTS if list_faults else {}), **({**QUIRKS, **PARAMETERISED_QUIRKS} if list_quirks else {})}
        console.results(f"{name:<34} {text}" for name, text in table.items())
        return 0
    if server is not None and seed is None:
        raise click.UsageError("--server requires --seed")
    config = load_seed(seed) if seed else None
    settings = SandboxConfig(
        port=port,
        dns_port=dns_port,
        data=data,
        # A password in an argument would appear in the list of processes, so only the environment can set it.
        password=os.environ.get("RECONCILER_SANDBOX_PASSWORD"),
        faults=faults,
        quirks=frozenset(quirks),
        seed=seed_domains(config, server) if config else (),
        zones=seed_zones(config) if config else {},
        access_token_seconds=access_token_seconds,
    )

    def announce(endpoint: Endpoint) -> None:
        console.results([json.dumps(endpoint.as_json())])
        if not as_json:
            console.say("The sandbox cannot handle real mail. Press Ctrl-C to stop it.")

    try:
        serve(settings, announce)
    except ValueError as e:
        raise click.UsageError(str(e)) from e
    except (SandboxError, OSError) as e:
        raise click.ClickException(str(e)) from e
    return 0
