"""Applies one plan to one domain: in order, one outcome per change, no second write while the first is ambiguous."""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType

from reconciler.core.errors import AmbiguousWrite, ReconcilerError, RefusedByServer, RefusedCredentials, Unreachable
from reconciler.core.plan import Change, Outcome, Plan, Result
from reconciler.core.ports import Journal, Passwords, Writer
from reconciler.core.secret import Secret
from reconciler.engine.readback import Effect, activations_are, effect_of, read_back
from reconciler.engine.stopping import Stop

TRIES = 2
"""The maximum number of attempts of a write. The second one needs a read that shows that the first had no effect."""

OnOutcome = Callable[[Outcome], None]
Decided = Mapping[str, Outcome]
"""Key -> outcome of a change that must not be applied: it is already in place, or refused."""
NOTHING_DECIDED: Decided = MappingProxyType({})


async def apply_plan(
    plan: Plan,
    writer: Writer,
    passwords: Passwords,
    journal: Journal,
    on_outcome: OnOutcome,
    decided: Decided = NOTHING_DECIDED,
    stop: Stop | None = None,
) -> tuple[Outcome, ...]:
    """Applies the changes of a plan one after the other, and returns one outcome for each.

    A failed change stops only the changes that depend on it. After a lost connection or a rejected login the rest is
    not tried. Activations (EAS, MAPI) are set at the end in bulk; those to turn off come first and make room.

    The journal records every change before the write. A journal failure stops the run in all domains.

    Args:
        decided: outcomes of changes that were decided before; nothing is written for these.
        stop: after a request to stop, the current change is finished including its activations; the rest is not tried.
    """
    assert not plan.refused, "a refused plan is not applied"
    run = _Run(plan, writer, passwords, journal, on_outcome, decided, stop or Stop())
    for change in plan.changes:
        await run.make(change)
    await run.activations()
    return tuple(run.outcomes[c.key] for c in plan.changes)


class _Run:
    """The state while one plan is applied."""

    def __init__(
        self,
        plan: Plan,
        writer: Writer,
        passwords: Passwords,
        journal: Journal,
        on_outcome: OnOutcome,
        decided: Decided,
        stop: Stop,
    ) -> None:
        self.plan, self.writer, self.passwords, self.journal = plan, writer, passwords, journal
        self.on_outcome, self.decided, self.stop = on_outcome, decided, stop
        self.outcomes: dict[str, Outcome] = {}
        self.activated: dict[str, Change] = {}
        self.server_fault: ReconcilerError | None = None

    async def make(self, change: Change) -> None:
        """Applies one change, except for its activations."""
        # Decided changes get their outcome even after a failure: nothing is written for them.
        known = self.decided.get(change.key)
        if known is not None:
            self._end(change, known.result, known.detail, known.hint)
            return
        blocker = next((k for k in change.depends_on if not self._is_made(k)), None)
        if why := self.stop.due():
            self._end(change, Result.NOT_TRIED, why)
            return
        if self.server_fault is not None:
            self._end(change, Result.NOT_TRIED, f"after: {self.server_fault.message}", self.server_fault.hint)
            return
        # Last, because a lost server is the better explanation: it is often why the other change was not applied.
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
        # Every later request would fail too, and repeated logins with a wrong password can lock the account.
        except (Unreachable, RefusedCredentials) as e:
            self.server_fault = e
            self._end(change, Result.FAILED, e.message, e.hint)
        except ReconcilerError as e:
            self._end(change, Result.FAILED, e.message, e.hint)
        else:
            if change.values(activations=True):
                self.activated[change.key] = change
            else:
                self._end(change, Result.APPLIED)

    async def activations(self) -> None:
        """Sets EAS and MAPI of all changes that got this far; those to turn off come first, because limits count them.

        After a request to stop, only changes with a completed write get their activations: a mailbox without them
        would be half a change.
        """
        # Key of a change -> its first fault. Both protocols of a mailbox are tried, but the change has one outcome.
        faults: dict[str, ReconcilerError] = {}
        tried: set[str] = set()
        stopped: dict[str, str] = {}
        for protocol in ("eas", "mapi"):
            # Off before on: at the limit the server accepts an activation only after another one was removed.
            for wanted in (False, True):
                activated = [c for c in self.activated.values() if c.values(activations=True).get(protocol) is wanted]
                # The first of the two protocols may be set already, so the second one follows even after a stop.
                if reason := self.stop.due():
                    stopped |= {
                        c.key: reason for c in activated if self.stop.lost or not (_is_begun(c) or c.key in tried)
                    }
                activations = {c.name: c.key for c in activated if c.key not in stopped}
                if not activations:
                    continue
                fault = self.server_fault
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
                hint = "its activations (EAS, MAPI) were not set; run `reconciler plan` to see them"
                self._end(change, Result.FAILED, *((fault.message, fault.hint) if fault else (why or "", hint)))
            elif fault:
                self._end(change, Result.NOT_TRIED, f"after: {fault.message}", fault.hint)
            else:
                self._end(change, Result.NOT_TRIED, why or "")

    async def _set_activations(self, protocol: str, activations: dict[str, bool]) -> ReconcilerError | None:
        """One request for several mailboxes, and a second one under the conditions of `_write`; returns the fault."""
        domain = self.plan.domain
        try:
            for attempt in range(1, TRIES + 1):
                try:
                    await self.writer.set_activations(domain, protocol, activations)
                    return None
                except AmbiguousWrite as ambiguous:
                    if await read_back(ambiguous, activations_are(self.writer, domain, protocol, activations)):
                        return None
                    # Without the lock another run may be writing, so this run must not write again.
                    if attempt == TRIES or (self.stop.due() and self.stop.lost):
                        return ambiguous
        except (Unreachable, RefusedCredentials) as e:
            self.server_fault = e
            return e
        except ReconcilerError as e:
            return e
        return None

    def _is_made(self, key: str) -> bool:
        """Whether a change is applied, apart from its activations: no other change depends on these."""
        outcome = self.outcomes.get(key)
        return key in self.activated if outcome is None else outcome.result in (Result.APPLIED, Result.SKIPPED)

    def _end(self, change: Change, result: Result, detail: str = "", hint: str = "") -> None:
        # A change that waits for its activations has been written completely, including its password.
        written = result is Result.APPLIED or change.key in self.activated
        password_set = written and change.password is not None
        outcome = Outcome(change=change, result=result, detail=detail, hint=hint, password_set=password_set)
        self.outcomes[change.key] = outcome
        # The write has happened, so its outcome is still reported; only further writes need a journal.
        try:
            self.journal.outcome(self.plan.server, outcome)
        except ReconcilerError as e:
            self.stop.ask(e.message)
        self.on_outcome(outcome)

    async def _write(self, change: Change) -> None:
        """One write, and a second one only if a read shows that the first had no effect.

        A slow server may process the first write after that read, and then reject the second one as a duplicate. So a
        rejection of the second write is followed by another read.
        """
        # In a thread, because a `command` may take long to print the password while other domains continue.
        password = await asyncio.to_thread(self.passwords.password_for, change) if change.password else None
        for attempt in range(1, TRIES + 1):
            try:
                await _send(self.writer, change, password)
                return
            except AmbiguousWrite as ambiguous:
                effect = await read_back(ambiguous, effect_of(self.writer, change))
                if effect is Effect.IN_PLACE:
                    return
                # Another state may be the work of somebody else, which a second write would overwrite.
                if effect is Effect.OTHER or attempt == TRIES or (self.stop.due() and self.stop.lost):
                    raise
            except RefusedByServer as refusal:
                if attempt == 1 or await read_back(refusal, effect_of(self.writer, change)) is not Effect.IN_PLACE:
                    raise
                return


def _is_begun(change: Change) -> bool:
    """Whether a change with activations has already written something else when only these are left."""
    return change.action != "update" or bool(change.values(activations=False)) or change.password is not None


async def _send(writer: Writer, change: Change, password: Secret | None) -> None:
    """Calls the method of the writer for a change."""
    domain, name = change.domain, change.name
    written = change.values(activations=False)
    match (change.kind, change.action):
        case ("mailbox", "create"):
            assert password is not None, "the planner sets a password for every new mailbox"
            await writer.create_mailbox(domain, name, written, password)
        case ("mailbox", "update"):
            # An update of activations only is written later, in bulk.
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
            raise AssertionError(f"the planner does not {change.action} a {change.kind}")
