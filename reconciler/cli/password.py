"""`reconciler password`."""

import sys
from pathlib import Path

import click

from reconciler.app.exits import Exit
from reconciler.cli.console import Console, common
from reconciler.cli.plan_options import AddressType


@click.command("password", short_help="Make passwords by a product's policy.")
@click.option("--product", metavar="NAME", help="The product whose policy holds [default: the default policy].")
@click.option("--count", type=click.IntRange(1, 10_000), default=1, show_default=True, help="How many.")
@click.option(
    "--length",
    type=click.IntRange(8, 256),
    metavar="N",
    help="Characters [default: 20, or as many as the policy asks].",
)
@click.option(
    "--for", "address", type=AddressType(), metavar="ADDRESS", help="The mailbox, whose name must not be in it."
)
@click.option("--check", is_flag=True, help="Read a password from standard input, and list the rules that it breaks.")
@common
def command(
    console: Console, product: str | None, count: int, length: int | None, address: str | None, check: bool
) -> int:
    """Make passwords that satisfy a product's policy, from the system's random source: one a line, on standard output.

    None has characters that are mistaken for others, such as 0 and O. With --check a password is read from standard
    input, on a terminal without showing it, and each rule that it breaks is printed; the exit code is 3 if there is
    one. Only --product needs a workspace.
    """
    from reconciler.app.password import faults_of, make_password, policy_of
    from reconciler.config.secrets.generate import MIN_GENERATED

    if check and (length is not None or count != 1):
        raise click.UsageError("--check makes no password: --count and --length do not go with it")
    policy = policy_of(Path.cwd(), console.workspace, product)
    if check:
        faults = faults_of(policy, address, _typed())
        console.results(faults)
        if not faults:
            console.say("It satisfies the policy.")
        return Exit.INVALID if faults else Exit.DONE
    wanted = max(MIN_GENERATED, policy.min_length) if length is None else length
    console.results(make_password(policy, address, wanted).reveal() for _ in range(count))
    return Exit.DONE


def _typed() -> str:
    """The password on standard input, without its line end; on a terminal it is asked for, and never shown."""
    if not sys.stdin.isatty():
        from reconciler.config.secrets.text import MAX_BYTES, one_line

        return one_line(sys.stdin.buffer.read(MAX_BYTES + 2)) or ""
    import getpass
    import warnings

    from reconciler.core.errors import PasswordUnusable

    with warnings.catch_warnings():
        # Where the terminal cannot be kept from showing what is typed, getpass warns and reads it all the same.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass("Password (it is not shown): ", stream=sys.stderr)
        except getpass.GetPassWarning:
            pass
        except EOFError:
            return ""
    raise PasswordUnusable(
        "this terminal would show the password", hint="give it on standard input: … | reconciler password --check"
    )
