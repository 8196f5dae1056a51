"""Applying one plan to one domain: in order, one outcome a change, and never a second write on a doubt."""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType

from reconciler.core.errors import AmbiguousWrite, ReconcilerError, RefusedByServer, RefusedCredentials, Unreachable
from reconciler.core.plan import Change, Outcome, Plan, Result
from reconciler.core.ports import Journal, Passwords, Writer
from reconciler.core.secret import Secret
from reconciler.engine.readback import Effect, activations_are, effect_of, looked_up
from reconciler.engine.stopping import Stop

TRIES = 2
"""How often a write is made at most: a second time only after a read showed that the first had no effect."""

OnOutcome = Callable[[Outcome], None]
Decided = Mapping[str, Outcome]
"""The outcomes of changes that are not to be made, by key: as wanted already, or refused."""
NOTHING_DECIDED: Decided = MappingProxyType({})


async def apply_plan(
    plan: Plan,
    writer: Writer,
    passwords: Passwords,
    journal: Journal,
    on_outcome: OnOutcome,
    settled: Decided = NOTHING_DECIDED,
    stop: Stop | None = None,
) -> tuple[Outcome, ...]:
    """Makes the changes of a plan, one after the other, and says of each what became of it.

    A change that fails does not stop those that do not depend on it. When the server is gone or shuts us out, the
    rest is not tried. Seats (EAS, MAPI) are set at the end, in bulk, those to be freed first.

    Nothing is written that is not written down first: a journal that fails asks to stop, which ends all domains.

    Args:
        settled: of changes in the plan that were decided on beforehand; nothing is written for these.
        stop: once it is asked, the change in flight is finished, its seats included, and the rest is not tried.
    """
    assert not plan.refused, "a refused plan is not applied"
    run = _Run(plan, writer, passwords, journal, on_outcome, settled, stop or Stop())
    for change in plan.changes:
        await run.make(change)
    await run.activations()
    return tuple(run.outcomes[c.key] for c in plan.changes)


class _Run:
    """What is known while one plan is applied."""

    def __init__(
        self,
        plan: Plan,
        writer: Writer,
        passwords: Passwords,
        journal: Journal,
        on_outcome: OnOutcome,
        settled: Decided,
        stop: Stop,
    ) -> None:
        self.plan, self.writer, self.passwords, self.journal = plan, writer, passwords, journal
        self.on_outcome, self.settled, self.stop = on_outcome, settled, stop
        self.outcomes: dict[str, Outcome] = {}
        self.activated: dict[str, Change] = {}
        self.gone: ReconcilerError | None = None

    async def make(self, change: Change) -> None:
        """One change, up to its seats."""
        known = self.settled.get(change.key)
        if known is not None:
            self._end(change, known.result, known.detail, known.hint)
            return
        blocker = next((k for k in change.depends_on if not self._is_made(k)), None)
        if why := self.stop.due():
            self._end(change, Result.NOT_TRIED, why)
            return
        if self.gone is not None:
            self._end(change, Result.NOT_TRIED, f"after: {self.gone.message}", self.gone.hint)
            return
        if blocker is not None:
            self._end(change, Result.NOT_TRIED, f"it depends on {blocker}, which was not applied")
            return
        try:
            self.journal.intent(self.plan.server, change)
        except ReconcilerError as e:
            self.stop.ask(e.message)
            self._end(change, Result.NOT_TRIED, e.message, e.hint)
            return
        try:
            await self._write(change)
        except (Unreachable, RefusedCredentials) as e:
            self.gone = e
            self._end(change, Result.FAILED, e.message, e.hint)
        except ReconcilerError as e:
            self._end(change, Result.FAILED, e.message, e.hint)
        else:
            if change.values(activations=True):
                self.activated[change.key] = change
            else:
                self._end(change, Result.APPLIED)

    async def activations(self) -> None:
        """EAS and MAPI of all changes that have come so far: those to be turned off first.

        After a stop only changes of which something was written get their seats.
        """
        faults: dict[str, ReconcilerError] = {}
        tried: set[str] = set()
        stopped: dict[str, str] = {}
        for protocol in ("eas", "mapi"):
            for wanted in (False, True):
                activated = [c for c in self.activated.values() if c.values(activations=True).get(protocol) is wanted]
                if reason := self.stop.due():
                    stopped |= {
                        c.key: reason for c in activated if self.stop.lost or not (_is_begun(c) or c.key in tried)
                    }
                activations = {c.name: c.key for c in activated if c.key not in stopped}
                if not activations:
                    continue
                fault = self.gone
                if fault is None:
                    tried |= set(activations.values())
                    fault = await self._set_activations(protocol, dict.fromkeys(activations, wanted))
                if fault is not None:
                    faults = dict.fromkeys(activations.values(), fault) | faults
        for change in self.activated.values():
            begun = change.key in tried or _is_begun(change)
            fault, why = faults.get(change.key), stopped.get(change.key)
            if fault is None and why is None:
                self._end(change, Result.APPLIED)
            elif begun:
                hint = "its seats (EAS, MAPI) were not set; see `reconciler plan`"
                self._end(change, Result.FAILED, *((fault.message, fault.hint) if fault else (why or "", hint)))
            elif fault:
                self._end(change, Result.NOT_TRIED, f"after: {fault.message}", fault.hint)
            else:
                self._end(change, Result.NOT_TRIED, why or "")

    async def _set_activations(self, protocol: str, activations: dict[str, bool]) -> ReconcilerError | None:
        """One request for several mailboxes, and a second one as `_write` makes it; what was wrong in the end."""
        domain = self.plan.domain
        try:
            for attempt in range(1, TRIES + 1):
                try:
                    await self.writer.set_activations(domain, protocol, activations)
                    return None
                except AmbiguousWrite as doubt:
                    if await looked_up(doubt, activations_are(self.writer, domain, protocol, activations)):
                        return None
                    if attempt == TRIES or (self.stop.due() and self.stop.lost):
                        return doubt
        except (Unreachable, RefusedCredentials) as e:
            self.gone = e
            return e
        except ReconcilerError as e:
            return e
        return None

    def _is_made(self, key: str) -> bool:
        """Whether a change that another depends on is there; its seats, which nothing depends on, may still come."""
        outcome = self.outcomes.get(key)
        return key in self.activated if outcome is None else outcome.result in (Result.APPLIED, Result.SKIPPED)

    def _end(self, change: Change, result: Result, detail: str = "", hint: str = "") -> None:
        # What waits for its seats, or ended applied, was written whole, its password included.
        written = result is Result.APPLIED or change.key in self.activated
        password_set = written and change.password is not None
        outcome = Outcome(change=change, result=result, detail=detail, hint=hint, password_set=password_set)
        self.outcomes[change.key] = outcome
        try:
            self.journal.outcome(self.plan.server, outcome)
        except ReconcilerError as e:
            self.stop.ask(e.message)
        self.on_outcome(outcome)

    async def _write(self, change: Change) -> None:
        """One write, and a second one only where a read shows that the first had no effect.

        The first one may still come late, after that read: then it is what the server refuses the second one for.
        """
        # In a thread: a command that gives the password may take its time, and other domains go on.
        password = await asyncio.to_thread(self.passwords.password_for, change) if change.password else None
        for attempt in range(1, TRIES + 1):
            try:
                await _send(self.writer, change, password)
                return
            except AmbiguousWrite as doubt:
                effect = await looked_up(doubt, effect_of(self.writer, change))
                if effect is Effect.AS_WANTED:
                    return
                if effect is Effect.OTHER or attempt == TRIES or (self.stop.due() and self.stop.lost):
                    raise
            except RefusedByServer as refusal:
                if attempt == 1 or await looked_up(refusal, effect_of(self.writer, change)) is not Effect.AS_WANTED:
                    raise
                return


def _is_begun(change: Change) -> bool:
    """Whether a change with seats, once it was made, has written something besides them."""
    return change.action != "update" or bool(change.values(activations=False)) or change.password is not None


async def _send(writer: Writer, change: Change, password: Secret | None) -> None:
    """Calls the writer's method for a change."""
    domain, name = change.domain, change.name
    written = change.values(activations=False)
    match (change.kind, change.action):
        case ("mailbox", "create"):
            assert password is not None, "the planner gives every new mailbox a password"
            await writer.create_mailbox(domain, name, written, password)
        case ("mailbox", "update"):
            if written or password:
                await writer.update_mailbox(domain, name, written, password)
        case ("mailbox", "delete"):
            await writer.delete_mailbox(domain, name)
        case ("mailbox", "rename"):
            await writer.rename_mailbox(domain, name, change.new_name or name)
        case ("alias", "create"):
            await writer.create_alias(domain, name, written)
        case ("alias", "update"):
            await writer.update_alias(domain, name, written)
        case ("alias", "delete"):
            await writer.delete_alias(domain, name)
        case ("alias", "rename"):
            await writer.rename_alias(domain, name, change.new_name or name)
        case ("domainAlias", "create"):
            await writer.create_domain_alias(domain, name)
        case ("domainAlias", "delete"):
            await writer.delete_domain_alias(domain, name)
        case _:
            raise AssertionError(f"no way to {change.action} a {change.kind}")
