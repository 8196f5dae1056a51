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
from reconciler.cli.options.plan import plan_formats_option, plan_lines, plan_options, request
from reconciler.cli.terminal.ended import Ended
from reconciler.cli.terminal.signals import Signals, ending_at_once
from reconciler.cli.terminal.streams import silence
from reconciler.config.workspace import Configuration
from reconciler.core.errors import ReconcilerError
from reconciler.core.plan import Outcome, Plan, Result
from reconciler.core.ports import Progress

# The log of outcomes is imported only when a run prints text, so that other formats do not pay for it at start-up.
if TYPE_CHECKING:
    from reconciler.output.plan.outcomes import OutcomeLog


@click.command("apply", short_help="Plan, confirm, apply, verify.")
@plan_options
@plan_formats_option
@click.option(
    "--plan",
    "saved",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Apply this saved plan. Changes whose target changed since the plan are refused; changes already in place are "
    "skipped.",
)
@click.option(
    "--verify-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PUB.pem",
    help="Refuse a saved plan without a signature of this key. Requires --plan.",
)
@click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=0,
    show_default=True,
    metavar="SECONDS",
    help="Wait up to this time for another run that works on the same domains.",
)
@click.option("--yes", is_flag=True, help="Apply without confirmation.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if the run made changes.")
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
    """Make the servers match the files: plan, confirm, apply, then read back and verify.

    If a guard refuses any selected domain, the run writes nothing. If a change fails, the run skips the changes that
    depend on it and makes the others.

    With --plan, `apply` makes the saved changes, each only if its object is the same as in the plan. Exit code 4 then
    also means that objects changed since the plan, and 5 that a change failed.

    Ctrl-C or SIGTERM during the changes: `apply` finishes the change in progress, skips the rest and exits with 5. A
    second signal, or one before the first change, ends the run at once (130, 143).
    """
    if verify_key and not saved:
        raise click.UsageError("--verify-key requires --plan")
    # A saved plan is exactly what a person approved. An option that changed its content would break that promise.
    if saved and (selection or any(options.values()) or options["allow_deletions"] is not None):
        raise click.UsageError("--plan excludes domains and options of planning, because the saved plan contains them")
    config = configured(console, selection)
    progress = console.progress()
    session = _Session(console, config, formats, yes)
    # An outcome printed over the progress line would be unreadable, so the session erases that line first.
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
    # A server may have received the change in progress, so the user must learn where to find what was done.
    except (Ended, KeyboardInterrupt):
        session.interrupted()
        raise
    try:
        session.summary(result)
    except (OSError, ReconcilerError):
        if not result.stopped:
            raise
        # The reader of the output is gone, which may be why the run stopped. The exit code still matters.
        silence()
    code = result.exit_code
    # Only a complete success becomes 2. A failed or refused run keeps its own code, because CI acts on it.
    return Exit.CHANGES if detailed_exitcode and code is Exit.DONE and result.changed else code


def _saved_run(
    config: Configuration, path: Path, verify_key: Path | None, hooks: ApplyHooks, progress: Progress
) -> Coroutine[Any, Any, ApplyResult]:
    """The apply of a saved plan. A fault of the file ends the run before the program contacts a server."""
    from reconciler.app.saved.apply import run_saved
    from reconciler.app.saved.plan_file import SavedPlan
    from reconciler.app.saved.signing import load_verify_key

    # The key is loaded before the plan: a plan without a valid signature must not reach a server.
    key = load_verify_key(verify_key) if verify_key else None
    return run_saved(config, SavedPlan.load(path, config, key=key), hooks, progress)


class _Session:
    """The output and the confirmation of one apply."""

    def __init__(self, console: Console, config: Configuration, formats: tuple[Format, ...], yes: bool) -> None:
        self.console, self.config, self.formats, self.yes = console, config, formats, yes
        self.agreed = False
        self.decided: tuple[Outcome, ...] = ()
        self.clear: Callable[[], None] = lambda: None
        self.log: OutcomeLog | None = None
        self.text = any(f.name == "text" and f.path is None for f in formats)

    def agree(self, plans: tuple[Plan, ...]) -> bool:
        """Show the plans, and ask for confirmation if there are changes."""
        self.agreed = self._agreed(plans)
        if self.agreed and self.text:
            from reconciler.output.plan.outcomes import OutcomeLog

            self.log = OutcomeLog({p.domain: len(p.changes) for p in plans}, color=self.console.color)
        return self.agreed

    def _agreed(self, plans: tuple[Plan, ...]) -> bool:
        # The JSON document contains the outcomes, so it cannot be written before the run ends. `summary` writes it.
        shown = tuple(f for f in self.formats if f.name != "json")
        emit(self.console, shown, lambda name: plan_lines(self.console, self.config, plans, name))
        # One refused domain stops the run before the first write. A domain that could not be read is incomplete
        # instead, and does not stop the others.
        if any(p.refused for p in plans if p.complete):
            self.console.warn("Refused: nothing was changed. See the errors above.")
            return False
        self._show_decided()
        if sum(len(p.changes) for p in plans) == len(self.decided) or self.yes:
            return True
        # CI has no terminal. A question there would wait until the job times out, so the run refuses instead.
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            self.console.warn("Refused: no terminal to confirm on; nothing was changed.")
            self.console.warn("  hint: Use --yes to apply without confirmation.")
            return False
        if _is_confirmed():
            return True
        self.console.warn("Not applied: nothing was changed.")
        return False

    def on_decided(self, outcomes: tuple[Outcome, ...]) -> None:
        """Keep the outcomes of saved changes that the run does not make."""
        self.decided = outcomes

    def _show_decided(self) -> None:
        """Print, before the confirmation, how many of the shown changes the run does not make."""
        stale = sum(o.result is Result.REFUSED for o in self.decided)
        if stale:
            self.console.warn(f"{stale} of these changes are refused: they, or changes that they depend on, are stale.")
        if len(self.decided) > stale:
            self.console.say(f"{len(self.decided) - stale} of these changes are already in place and are skipped.")

    def on_outcome(self, outcome: Outcome) -> None:
        """Print outcomes as they happen, grouped by domain."""
        if self.log:
            lines = list(self.log.add(outcome.change.domain, outcome))
            self.clear()
            self.console.results(lines)

    def stopping(self, name: str) -> None:
        """Confirm a signal at once, because the change in progress may take a while."""
        self.note(f"{name}: stopping after the change in progress. A second signal ends the run.")

    def note(self, text: str) -> None:
        """Print a message. A closed terminal must not stop the run."""
        from reconciler.output.terminal import safe

        self.clear()
        with suppress(OSError):
            # The text may describe a run on another machine, from a file in the shared lock folder, so it is untrusted.
            self.console.warn(safe(text))

    def interrupted(self) -> None:
        """Print where the user finds what was done until then."""
        if self.agreed:
            from reconciler.app.plan.planner import state_folder

            self.clear()
            if self.log:
                # A broken output must replace neither the signal's exit code nor the two messages below.
                with suppress(OSError, ReconcilerError):
                    self.console.results(self.log.rest())
            self.console.warn("The change in progress may have been made. `reconciler plan` shows what remains.")
            self.console.warn(f"The journal and generated passwords are in {state_folder(self.config.root)}.")

    def summary(self, result: ApplyResult) -> None:
        """Print the end: counts, failed changes, and whether a new plan is empty."""
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
        # The text summary already reports the stop. Other formats go to programs, so a person needs this message.
        if result.stopped and not self.text:
            self.console.warn(f"Not completed: {result.stopped}. `reconciler plan` shows the remaining changes.")
        if result.passwords_file:
            count = len(self.config.workspace.secrets.recipients)
            access = f"encrypted to {count} age recipient{'s' * (count > 1)}" if count else "readable by you only"
            self.console.warn(f"Generated passwords are in {result.passwords_file} ({access}).")

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
    """Ask for confirmation. Only `yes` confirms. The end of the input and Ctrl-C refuse at once."""
    try:
        # The handlers of the run only request a stop, which would act after the answer. During the question they must
        # act at once.
        with ending_at_once():
            answer = click.prompt(
                "Apply these changes? Only 'yes' confirms", default="no", show_default=False, err=True
            )
    except click.Abort:
        click.echo(err=True)
        return False
    # A stray Enter or a `y` meant for another program must not delete mail, so the complete word is required.
    return bool(answer.strip() == "yes")
