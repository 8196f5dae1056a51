"""`reconciler apply`."""

import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.app.apply.run import ApplyHooks, ApplyResult, run_apply
from reconciler.app.exits import Exit
from reconciler.cli.configured import configured
from reconciler.cli.console import Console, Format, common, emit
from reconciler.cli.ended import Ended
from reconciler.cli.plan_options import plan_formats_option, plan_lines, plan_options, request
from reconciler.cli.signals import Signals, ending_at_once
from reconciler.cli.streams import silence
from reconciler.config.workspace import Configuration
from reconciler.core.errors import ReconcilerError
from reconciler.core.plan import Outcome, Plan, Result
from reconciler.core.ports import Progress

if TYPE_CHECKING:
    from reconciler.output.plan.outcomes import OutcomeLog


@click.command("apply", short_help="Plan, ask, apply, read back.")
@plan_options
@plan_formats_option
@click.option(
    "--plan",
    "saved",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Apply this saved plan: what has moved since is refused, what is as wanted already skipped.",
)
@click.option(
    "--verify-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PUB.pem",
    help="Refuse a saved plan that is not signed with this key's private half; goes with --plan.",
)
@click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=0,
    show_default=True,
    metavar="SECONDS",
    help="Wait so long for another run that works on the same domains.",
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
    verify_key: Path | None,
    lock_timeout: float,
    yes: bool,
    detailed_exitcode: bool,
    **options: Any,
) -> int:
    """Make the servers as the files say: plan, ask, apply, read back, and show that nothing is left to do.

    A guard's refusal in any selected domain stops the run before the first write. A change that fails does not stop
    those that do not depend on it.

    With --plan nothing is planned: the saved changes are made, each only if its object is as the plan found it.
    Exit code 4 then also says that some had moved, 5 that something failed.

    Ctrl-C or SIGTERM in the middle: the change in flight is finished, the rest is not tried, the exit code is 5. A
    second one ends at once, as one before the first change does (130, 143).
    """
    if verify_key and not saved:
        raise click.UsageError("--verify-key is for saved plans, and without --plan there is none to verify")
    if saved and (selection or any(options.values()) or options["allow_deletions"] is not None):
        raise click.UsageError("--plan takes a saved plan as it is: it says which domains, and what was asked for")
    config = configured(console, selection)
    progress = console.progress()
    session = _Session(console, config, formats, yes)
    session.clear = progress.clear
    hooks = ApplyHooks(
        agree=session.agree,
        on_outcome=session.on_outcome,
        on_decided=session.on_decided,
        lock_timeout=lock_timeout,
        on_wait=session.note,
    )
    run = _saved_run(config, saved, verify_key, hooks, progress) if saved else None
    try:
        result = Signals(hooks.stop, session.stopping).run(
            run or run_apply(config, request(**options), hooks, progress)
        )
    except (Ended, KeyboardInterrupt):
        session.interrupted()
        raise
    try:
        session.summary(result)
    except (OSError, ReconcilerError):
        if not result.stopped:
            raise
        # Where the output went is gone, which may be why it stopped; the exit code is still to be told.
        silence()
    code = result.exit_code
    return Exit.CHANGES if detailed_exitcode and code is Exit.DONE and result.changed else code


def _saved_run(
    config: Configuration, path: Path, verify_key: Path | None, hooks: ApplyHooks, progress: Progress
) -> Coroutine[Any, Any, ApplyResult]:
    """The apply of a saved plan; whatever is wrong with the file is said before any server is asked."""
    from reconciler.app.saved.apply import run_saved
    from reconciler.app.saved.plan_file import SavedPlan
    from reconciler.app.saved.signing import load_verify_key

    key = load_verify_key(verify_key) if verify_key else None
    return run_saved(config, SavedPlan.load(path, config, key=key), hooks, progress)


class _Session:
    """What is shown and asked during one apply."""

    def __init__(self, console: Console, config: Configuration, formats: tuple[Format, ...], yes: bool) -> None:
        self.console, self.config, self.formats, self.yes = console, config, formats, yes
        self.agreed = False
        self.settled: tuple[Outcome, ...] = ()
        self.clear: Callable[[], None] = lambda: None
        self.log: OutcomeLog | None = None
        self.text = any(f.name == "text" and f.path is None for f in formats)

    def agree(self, plans: tuple[Plan, ...]) -> bool:
        """Shows the plans, and asks if there is something to ask."""
        self.agreed = self._agreed(plans)
        if self.agreed and self.text:
            from reconciler.output.plan.outcomes import OutcomeLog

            self.log = OutcomeLog({p.domain: len(p.changes) for p in plans}, color=self.console.color)
        return self.agreed

    def _agreed(self, plans: tuple[Plan, ...]) -> bool:
        shown = tuple(f for f in self.formats if f.name != "json")
        emit(self.console, shown, lambda name: plan_lines(self.console, self.config, plans, name))
        if any(p.refused for p in plans if p.complete):
            self.console.warn("Refused: nothing was changed. See the errors above.")
            return False
        self._show_decided()
        if sum(len(p.changes) for p in plans) == len(self.settled) or self.yes:
            return True
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            self.console.warn("Refused: nobody can be asked here; nothing was changed.")
            self.console.warn("  hint: --yes applies without asking")
            return False
        if _is_confirmed():
            return True
        self.console.warn("Not applied: nothing was changed.")
        return False

    def on_decided(self, outcomes: tuple[Outcome, ...]) -> None:
        """Takes note of what in a saved plan is not to be made."""
        self.settled = outcomes

    def _show_decided(self) -> None:
        """Before the question: how much of the plan that was shown is not to be made."""
        moved = sum(o.result is Result.REFUSED for o in self.settled)
        if moved:
            self.console.warn(
                f"Of these, {moved} moved since the plan was made, or depend on one that did: left alone."
            )
        if len(self.settled) > moved:
            self.console.say(f"Of these, {len(self.settled) - moved} are already as wanted: nothing to do.")

    def on_outcome(self, outcome: Outcome) -> None:
        """Prints outcomes as they happen, grouped by domain."""
        if self.log:
            lines = list(self.log.add(outcome.change.domain, outcome))
            self.clear()
            self.console.results(lines)

    def stopping(self, name: str) -> None:
        """Says that a signal was heard, for the change in flight may take a while."""
        self.note(f"{name}: stopping after the change in flight. Once more ends at once.")

    def note(self, text: str) -> None:
        """A message that breaks nothing off where nobody is there any more to read it."""
        from reconciler.output.terminal import safe

        self.clear()
        with suppress(OSError):
            self.console.warn(safe(text))

    def interrupted(self) -> None:
        """Where one finds what was done until then."""
        if self.agreed:
            from reconciler.app.plan.planner import state_folder

            self.clear()
            if self.log:
                self.console.results(self.log.rest())
            self.console.warn("The change under way may have been made; `reconciler plan` shows what is left to do.")
            self.console.warn(f"The journal and generated passwords are in {state_folder(self.config.root)}.")

    def summary(self, result: ApplyResult) -> None:
        """The end: counts, what failed, whether a new plan is empty."""
        emit(self.console, tuple(f for f in self.formats if f.name == "json"), lambda _: [self._document(result)])
        if result.agreed and self.text:
            from reconciler.output.plan.outcomes import render_apply_summary

            if self.log:
                self.console.results(self.log.rest())
            self.console.results(
                render_apply_summary(
                    result.outcomes,
                    result.left,
                    converged=result.converged,
                    color=self.console.color,
                    left_out=result.left_out,
                    saved=result.saved,
                    stopped=result.stopped,
                )
            )
        if result.stopped and not self.text:
            self.console.warn(f"Not done: {result.stopped}. `reconciler plan` shows what is left.")
        if result.passwords_file:
            count = len(self.config.workspace.secrets.recipients)
            whom = f"encrypted to {count} age recipient{'s' * (count > 1)}" if count else "readable by you only"
            self.console.warn(f"Generated passwords are in {result.passwords_file} ({whom}).")

    def _document(self, result: ApplyResult) -> str:
        from reconciler.app.header import generated
        from reconciler.output.plan.apply_json import render_apply_json

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
    """Asks; only `yes` is yes. The end of the input and Ctrl-C are a no, and end the question at once."""
    try:
        with ending_at_once():
            answer = click.prompt("Apply these changes? Only 'yes' will do", default="no", show_default=False, err=True)
    except click.Abort:
        click.echo(err=True)
        return False
    return bool(answer.strip() == "yes")
