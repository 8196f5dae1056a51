"""The questions of `init --from`: the account, the domains, the CI files. Options and the environment replace each."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from reconciler.app.onboarding.ci_files import CI_FILES
from reconciler.app.onboarding.selection import BadChoice, selected_names
from reconciler.cli.terminal.messages import show, wrapped
from reconciler.core.errors import SecretUnavailable
from reconciler.core.names import display_domain
from reconciler.core.secret import Secret

USER, PASSWORD = "SMARTERMAIL_USER", "SMARTERMAIL_PASSWORD"
NONE = "none"

T = TypeVar("T")


def can_ask() -> bool:
    """Whether a terminal can show a question and read the answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def credentials(server: str) -> tuple[str, Secret]:
    """User name and password, from the environment or from a prompt. Arguments would appear in the list of processes.

    Raises:
        SecretUnavailable: the environment lacks one, and there is no terminal.
    """
    return _given(USER, lambda: _asked_user(server)), Secret(_given(PASSWORD, _asked_password))


def _given(name: str, ask: Callable[[], str]) -> str:
    value = os.environ.get(name)
    if value:
        return value
    # Without a terminal nobody can answer, so the error names the variable to set.
    if not can_ask():
        text = f"environment variable {name} is not set, and there is no terminal to ask on"
        raise SecretUnavailable(text, hint=f"Set it for this run: export {name}=…")
    return ask()


def _asked_user(server: str) -> str:
    what = f"User name on {server} (for an account of a domain: its address)"
    # Questions go to standard error, so that standard output contains only results.
    answer: str = click.prompt(wrapped(what), type=str, err=True)
    return answer.strip()


def _asked_password() -> str:
    answer: str = click.prompt("Password (hidden, not stored)", type=str, hide_input=True, err=True)
    return answer


def domains(known: Sequence[str]) -> tuple[str, ...]:
    """The domains that the user chooses from a numbered list. A single domain needs no choice."""
    if len(known) == 1:
        return tuple(known)
    width = len(str(len(known)))
    for number, name in enumerate(known, 1):
        click.echo(f"  {number:>{width}}  {display_domain(name)}", err=True)
    return _until(
        "Which domains? Numbers, ranges like 2-5, names, or all", lambda text: selected_names(text, known), None
    )


def ci_names(folder: Path, usual: str) -> tuple[str, ...]:
    """The CI files that the user chooses."""
    title = f"CI files for {folder}: {', '.join(CI_FILES)} or {NONE}, separated by commas"
    return _until(title, ci_choice, usual)


def ci_choice(text: str) -> tuple[str, ...]:
    """The CI files of an answer like `github, pre-commit`.

    Raises:
        BadChoice: a name is unknown.
    """
    names = tuple(dict.fromkeys(text.replace(",", " ").split()))
    wrong = next((name for name in names if name != NONE and name not in CI_FILES), None)
    if wrong is not None or not names:
        raise BadChoice(f"{wrong or ''!r} is not one of {', '.join(CI_FILES)}, {NONE}")
    if NONE in names and len(names) > 1:
        raise BadChoice(f"{NONE} excludes all other values")
    return tuple(name for name in CI_FILES if name in names)


def _until(question: str, understood: Callable[[str], T], default: str | None) -> T:
    """Ask until the answer is valid. The end of the input and Ctrl-C end the run."""
    from reconciler.output.terminal import safe

    while True:
        text: str = click.prompt(wrapped(question), type=str, default=default, err=True)
        try:
            return understood(text)
        except BadChoice as e:
            show(safe(str(e)))
