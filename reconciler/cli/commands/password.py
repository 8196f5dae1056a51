"""`reconciler password`."""

import sys
from pathlib import Path

import click

from reconciler.app.exits import Exit
from reconciler.cli.console import Console, common
from reconciler.cli.options.plan import AddressType


@click.command("password", short_help="Generate or check passwords.")
@click.option("--product", metavar="NAME", help="Use the policy of this product [default: the default policy].")
@click.option("--count", type=click.IntRange(1, 10_000), default=1, show_default=True, help="The number of passwords.")
@click.option(
    "--length",
    type=click.IntRange(8, 256),
    metavar="N",
    help="The length [default: 20, or the minimum of the policy].",
)
@click.option(
    "--for",
    "address",
    type=AddressType(),
    metavar="ADDRESS",
    help="The mailbox. Its name must not be part of the password.",
)
@click.option("--check", is_flag=True, help="Check a password from standard input, and list the rules that it breaks.")
@common
def command(
    console: Console, product: str | None, count: int, length: int | None, address: str | None, check: bool
) -> int:
    """Generate passwords for the policy of a product, one per line, from the random source of the system.

    Passwords contain no characters that look alike, such as 0 and O. With --check, the program reads a password from
    standard input (hidden on a terminal) and prints each rule that it breaks. The exit code is then 3 if it breaks any.
    Only --product requires a workspace.
    """
    from reconciler.app.password import faults_of, make_password, policy_of
    from reconciler.config.secrets.generate import MIN_GENERATED

    if check and (length is not None or count != 1):
        raise click.UsageError("--check generates no password: it excludes --count and --length")
    policy = policy_of(Path.cwd(), console.workspace, product)
    if check:
        faults = faults_of(policy, address, _typed())
        console.results(faults)
        if not faults:
            console.say("The password satisfies the policy.")
        return Exit.INVALID if faults else Exit.DONE
    wanted = max(MIN_GENERATED, policy.min_length) if length is None else length
    console.results(make_password(policy, address, wanted).reveal() for _ in range(count))
    return Exit.DONE


def _typed() -> str:
    """The password from standard input, without its line end. A terminal does not show it."""
    # The read is bounded, so that an endless input cannot exhaust the memory. Two more bytes allow for the line end.
    if not sys.stdin.isatty():
        from reconciler.config.secrets.text import MAX_BYTES, one_line

        return one_line(sys.stdin.buffer.read(MAX_BYTES + 2)) or ""
    import getpass
    import warnings

    from reconciler.core.errors import PasswordUnusable

    with warnings.catch_warnings():
        # If getpass cannot hide the input, it warns and reads it anyway.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass("Password (hidden): ", stream=sys.stderr)
        except getpass.GetPassWarning:
            pass
        except EOFError:
            return ""
    raise PasswordUnusable(
        "this terminal would show the password", hint="Pass it on standard input: … | reconciler password --check"
    )
