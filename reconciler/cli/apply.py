"""`reconciler apply`."""

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.app.applying import ApplyHooks, ApplyResult, run_apply
from reconciler.app.exits import Exit
from reconciler.cli.configured import configured
from reconciler.cli.console import Console, Format, common, emit
from reconciler.cli.planning import formats_option, plan_lines, plan_options, request
from reconciler.config.workspace import Configuration
from reconciler.core.plan import Outcome, Plan

if TYPE_CHECKING:
    from reconciler.app.saved import SavedPlan


@click.command("apply", short_help="Plan, ask, apply, read back.")
@plan_options
@formats_option
@click.option(
    "--plan",
    "saved",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Apply this saved plan, and refuse if a new one would differ.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 2 if there was something to change and it was changed."
)
@common
def command(
    console: Console,
    selection: tuple[str, ...],
    formats: tuple[Format, ...],
    saved: Path | None,
    yes: bool,
    detailed_exitcode: bool,
    **options: Any,
) -> int:
    """Make the servers as the files say: plan, ask, apply, read back, and show that nothing is left to do.

    A guard's refusal in any selected domain stops the run before the first write. A change that fails does not stop
    those that do not depend on it.
    """
    if saved and (selection or any(options.values()) or options["allow_deletions"] is not None):
        raise click.UsageError("--plan takes a saved plan as it is: it says which domains, and what was asked for")
    config = configured(console, selection)
    asked = request(**options)
    progress = console.progress()
    session = _Session(console, config, formats, yes)
    if saved:
        from reconciler.app.saved import SavedPlan

        session.saved = approved = SavedPlan.load(saved, config)
        asked, config = approved.request(asked), approved.selection(config)
    hooks = ApplyHooks(agree=session.agree, on_outcome=session.on_outcome)
    session.clear = progress.clear
    try:
        result = asyncio.run(run_apply(config, asked, hooks, progress))
    except KeyboardInterrupt:
        session.interrupted()
        raise
    session.summary(result)
    code = result.exit_code
    changed = any(result.outcomes.values())
    return Exit.CHANGES if detailed_exitcode and code is Exit.DONE and changed else code


class _Session:
    """What is shown and asked during one apply."""

    def __init__(self, console: Console, config: Configuration, formats: tuple[Format, ...], yes: bool) -> None:
        self.console, self.config, self.formats, self.yes = console, config, formats, yes
        self.saved: SavedPlan | None = None
        self.agreed = False
        self.clear: Callable[[], None] = lambda: None
        self.text = any(f.name == "text" and f.path is None for f in formats)

    def agree(self, plans: tuple[Plan, ...]) -> bool:
        """Shows the plans, and asks if there is something to ask."""
        self.agreed = self._agreed(plans)
        return self.agreed

    def _agreed(self, plans: tuple[Plan, ...]) -> bool:
        shown = tuple(f for f in self.formats if f.name != "json")
        emit(self.console, shown, lambda name: plan_lines(self.console, self.config, plans, name))
        if any(p.refused for p in plans if p.complete):
            self.console.warn("Refused: nothing was changed. See the errors above.")
            return False
        if self.saved is not None:
            moved = self.saved.moved(plans)
            if moved:
                self.console.warn(f"Refused: the saved plan is stale for {', '.join(moved)}; nothing was changed.")
                self.console.warn("  hint: plan again, and have the new plan reviewed")
                return False
        if not any(p.changes for p in plans) or self.yes:
            return True
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            self.console.warn("Refused: nobody can be asked here; nothing was changed.")
            self.console.warn("  hint: --yes applies without asking")
            return False
        if _is_confirmed():
            return True
        self.console.warn("Not applied: nothing was changed.")
        return False

    def on_outcome(self, outcome: Outcome) -> None:
        """Prints each outcome as it happens."""
        if self.text:
            from reconciler.output.outcomes_text import render_outcome

            self.clear()
            self.console.results([render_outcome(outcome, color=self.console.color)])

    def interrupted(self) -> None:
        """Where one finds what was done until then."""
        if self.agreed:
            from reconciler.app.planning import state_folder

            self.clear()
            self.console.warn("The change under way may have been made; `reconciler plan` shows what is left to do.")
            self.console.warn(f"The journal and generated passwords are in {state_folder(self.config.root)}.")

    def summary(self, result: ApplyResult) -> None:
        """The end: counts, what failed, whether a new plan is empty."""
        emit(self.console, tuple(f for f in self.formats if f.name == "json"), lambda _: [self._document(result)])
        if result.agreed and self.text:
            from reconciler.output.outcomes_text import render_apply_summary

            self.console.results(
                render_apply_summary(
                    result.outcomes,
                    result.left,
                    converged=result.converged,
                    color=self.console.color,
                    left_out=result.left_out,
                )
            )
        if result.passwords_file:
            self.console.warn(f"Generated passwords are in {result.passwords_file} (readable by you only).")

    def _document(self, result: ApplyResult) -> str:
        from reconciler.app.header import generated
        from reconciler.output.apply_json import render_apply_json

        document = render_apply_json(
            result.plans,
            result.outcomes,
            generated(self.config.root),
            agreed=result.agreed,
            converged=result.converged,
            files=self.config.files,
        )
        return document.rstrip("\n")


def _is_confirmed() -> bool:
    """Asks; only `yes` is yes. The end of the input and Ctrl-C are a no, and end the question at once.

    The event loop's own handler of Ctrl-C would only take note of it until the question was answered.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        answer = click.prompt("Apply these changes? Only 'yes' will do", default="no", show_default=False, err=True)
    except click.Abort:
        click.echo(err=True)
        return False
    finally:
        signal.signal(signal.SIGINT, before)
    return bool(answer.strip() == "yes")
