"""What `init --from` asks on a terminal: the account, the domains, the CI files. Each has a way without a terminal."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from reconciler.app.onboarding.ci_files import CI_FILES
from reconciler.app.onboarding.selection import BadChoice, selected_names
from reconciler.core.errors import SecretUnavailable
from reconciler.core.names import display_domain
from reconciler.core.secret import Secret

USER, PASSWORD = "SMARTERMAIL_USER", "SMARTERMAIL_PASSWORD"
NONE = "none"

T = TypeVar("T")


def can_ask() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def credentials(server: str) -> tuple[str, Secret]:
    """User name and password, from the environment or from whoever is there; neither is ever an argument.

    Raises:
        SecretUnavailable: neither knows them.
    """
    return _given(USER, lambda: _asked_user(server)), Secret(_given(PASSWORD, _asked_password))


def _given(name: str, ask: Callable[[], str]) -> str:
    value = os.environ.get(name)
    if value:
        return value
    if not can_ask():
        text = f"environment variable {name} is not set, and nobody can be asked here"
        raise SecretUnavailable(text, hint=f"set it for this run: export {name}=…")
    return ask()


def _asked_user(server: str) -> str:
    what = f"User name on {server} (a domain's account with its whole address)"
    answer: str = click.prompt(what, type=str, err=True)
    return answer.strip()


def _asked_password() -> str:
    answer: str = click.prompt("Password (not shown, not kept)", type=str, hide_input=True, err=True)
    return answer


def domains(known: Sequence[str]) -> tuple[str, ...]:
    """The domains that somebody chooses from a numbered list; the only one there is goes without saying."""
    if len(known) == 1:
        return tuple(known)
    width = len(str(len(known)))
    for number, name in enumerate(known, 1):
        click.echo(f"  {number:>{width}}  {display_domain(name)}", err=True)
    return _until(
        "Which domains? Numbers, ranges like 2-5, names, or all", lambda text: selected_names(text, known), None
    )


def ci_names(folder: Path, usual: str) -> tuple[str, ...]:
    """The CI files that somebody wants."""
    title = f"CI files for {folder}: {', '.join(CI_FILES)} or {NONE}; several with commas"
    return _until(title, ci_choice, usual)


def ci_choice(text: str) -> tuple[str, ...]:
    """The CI files of an answer like `github, pre-commit`.

    Raises:
        BadChoice: one of them is none.
    """
    names = tuple(dict.fromkeys(text.replace(",", " ").split()))
    wrong = next((name for name in names if name != NONE and name not in CI_FILES), None)
    if wrong is not None or not names:
        raise BadChoice(f"{wrong or 'nothing'!r} is none of {', '.join(CI_FILES)}, {NONE}")
    if NONE in names and len(names) > 1:
        raise BadChoice(f"{NONE} goes with nothing else")
    return tuple(name for name in CI_FILES if name in names)


def _until(question: str, understood: Callable[[str], T], default: str | None) -> T:
    """Asks until the answer can be understood; the end of the input and Ctrl-C end the run."""
    from reconciler.output.terminal import safe

    while True:
        text: str = click.prompt(question, type=str, default=default, err=True)
        try:
            return understood(text)
        except BadChoice as e:
            click.echo(safe(str(e)), err=True)
