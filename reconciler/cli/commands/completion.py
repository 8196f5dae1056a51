"""`reconciler completion`."""

import click

from reconciler.cli.console import Console, common

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", short_help="Print the completion script of a shell.")
@click.argument("shell", metavar="SHELL", type=click.Choice(SHELLS))
@common
def command(console: Console, shell: str) -> int:
    """Print the completion script for SHELL: bash, zsh or fish.

    The script completes commands, options, domains, formats, run ids and codes. To load it at each start of the shell,
    add one line to its configuration:

    \b
      ~/.bashrc                  eval "$(reconciler completion bash)"
      ~/.zshrc                   eval "$(reconciler completion zsh)"
      ~/.config/fish/config.fish reconciler completion fish | source

    bash must be version 4.4 or later. In zsh, the line must follow `compinit`.
    """
    from click.shell_completion import ShellComplete, get_completion_class

    from reconciler.cli.main import cli

    made = get_completion_class(shell)
    assert made is not None, f"click completes {shell}"
    # Not `made.source`, which starts bash to find out its version and writes warnings.
    text = ShellComplete.source(made(cli, {}, "reconciler", "_RECONCILER_COMPLETE"))
    console.results(text.rstrip("\n").split("\n"))
    return 0
