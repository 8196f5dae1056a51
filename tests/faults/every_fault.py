"""One run with a fault at one request, then a second run without faults, and the checks of both runs.

A failed check becomes a surprise: a sentence. Nothing is raised, so that one failure does not end an enumeration.
"""

import json
import shutil
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import stamina
from domain_builders import DOMAIN
from effects import Effect, Replay, addresses, effect_of
from http_values import NEW_PASSWORD, SISTER, delivered, faults_of
from http_world import HttpWorld
from law_strategies import Situation

from reconciler.app.apply.run import ApplyResult
from reconciler.app.exits import Exit
from reconciler.core.plan import Outcome, Result
from reconciler.engine.journal.reader import read_run
from reconciler.smartermail import connect

ALWAYS = -1
TIMEOUT = 0.8
"""Seconds that the client waits for an answer during `latency` faults; with the default they would take minutes."""
LATE = 1200.0
"""Milliseconds of latency: more than the client waits. Both are so long that a busy machine does not look like a fault."""

AMBIGUOUS = "whether the write took effect"
"""Words in the hint of a failed outcome whose effect is unknown."""

BEFORE: Mapping[str, float | None] = {
    "429": None,
    "429 Retry-After": 0.02,
    "500": None,
    "502": None,
    "503": None,
    "503 Retry-After": 0.02,
    "drop-before": None,
    "html": None,
    "expired-token": None,
    "latency": LATE,
}
"""Faults that prevent the effect (`latency` delays it), with the sandbox's parameter."""
AFTER: Mapping[str, float | None] = {
    "500-after": None,
    "502-after": None,
    "503-after": None,
    "drop-after": None,
    "drop-mid-body": None,
    "html-after": None,
    "truncated-json": None,
    "latency-after": LATE,
}
"""Faults of the answer only: the server executes the request."""
LISTS: Mapping[str, float | None] = {"empty-list": None, "cut-list": None}
"""Faults that return a valid answer with missing rows."""
FAULTS = {**BEFORE, **AFTER, **LISTS}
SPOILS_READS = ("html", "html-after", "truncated-json", "drop-mid-body", *LISTS)

_COUNTED = ("settings/domain/list-users", "settings/domain/aliases", "settings/domain/domain-aliases")
"""Lists whose length another answer of the server contains."""
_ACTIVATIONS = ("GET settings/domain/active-sync-mailboxes", "GET settings/domain/mapi-ews-mailboxes")
"""Lists whose length no other answer contains."""
_ADVICE = "settings/domain/password-settings"
"""The password policy. Without it the client sends every password, and the server rejects the weak ones itself."""
_READS = "a new read shows"
"""Words of an outcome whose read after the apply contradicts the server's answer."""


@dataclass(frozen=True)
class Strike:
    """A fault (a name of FAULTS) at `times` requests, from request number `at` on (from 1); ALWAYS: until the run ends."""

    fault: str
    at: int
    times: int = 1

    def __str__(self) -> str:
        often = {1: "", ALWAYS: " and all later ones"}.get(self.times, f", {self.times} times in a row")
        return f"{self.fault} at request {self.at}{often}"


@dataclass(frozen=True)
class Ideal:
    """A run without faults."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    sister: Mapping[str, Any]
    effects: Mapping[str, Mapping[str, int]]
    log: tuple[Mapping[str, Any], ...]
    done: ApplyResult


@dataclass
class Point:
    """The result of one strike.

    Attributes:
        struck: number of requests with the fault; 0 if the run had no such request.
        where: the first of them.
        undetectable: wrong outcomes because of a short list of EAS or MAPI accounts, whose length is unknown.
    """

    strike: Strike
    struck: int = 0
    where: str = ""
    exit_code: int | None = None
    undetectable: int = 0
    surprises: list[str] = field(default_factory=list)


@contextmanager
def hurried() -> Iterator[None]:
    """Retry without pauses, with the usual number of attempts."""
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


class Bench:
    """A server with a domain, a second domain, and the undisturbed run to compare with."""

    def __init__(self, world: HttpWorld, there: Situation) -> None:
        self.world, self.there = world, there
        world.load(there.current, sister=True)
        world.own("POST", "snapshot")
        before, sister = self.states()
        root = world.begin(there)
        done = world.apply(there, root)
        assert (faults_of(done), done.converged, done.exit_code) == ([], True, Exit.DONE), faults_of(done)
        log = tuple(world.log())
        after, _ = self.states()
        self.ideal = Ideal(before, after, sister, self._effects(), log, done)

    @property
    def requests(self) -> int:
        """The number of requests of an undisturbed run."""
        return len(self.ideal.log)

    def strike(self, strike: Strike) -> Point:
        """Run with the fault, then without it."""
        world, point = self.world, Point(strike)
        world.heal()
        world.own("POST", "restore")
        root = world.begin(self.there)
        name, _, _ = strike.fault.partition(" ")
        world.fault(name, param=FAULTS[strike.fault], skip=strike.at - 1, times=strike.times)
        try:
            with self._impatient(name):
                first = world.apply(self.there, root)
        except Exception:  # noqa: BLE001 - every exception is a surprise
            point.surprises.append(f"exception: {traceback.format_exc()}")
            return point
        world.heal()
        log = world.log()
        hit = [r for r in log if r["faults"]]
        point.struck, point.exit_code = len(hit), int(first.exit_code)
        point.where = f"{hit[0]['method']} {hit[0]['endpoint'] or hit[0]['path']}" if hit else ""
        between, _ = self.states()
        point.surprises += self.first(first, log, between, point)
        try:
            second = world.apply(self.there, root)
        except Exception:  # noqa: BLE001 - every exception is a surprise
            point.surprises.append(f"exception in the second run: {traceback.format_exc()}")
            return point
        point.surprises += self.second(second, root, point.struck)
        if not point.surprises:
            shutil.rmtree(root)
        return point

    @contextmanager
    def _impatient(self, fault: str) -> Iterator[None]:
        """Shorten the client's timeout for latency faults."""
        if not fault.startswith("latency"):
            yield
            return
        with mock.patch.dict(connect.__kwdefaults__, {"timeout": TIMEOUT}):
            yield
        self.world.settle()

    # Checks of the first run

    def first(
        self, first: ApplyResult, log: list[dict[str, Any]], between: Mapping[str, Any], point: Point
    ) -> Iterator[str]:
        """Yield the failed checks of the run with the fault."""
        yield from self.outcomes(first, between, point)
        yield from self._exit(first, between)
        yield from self._journal(first)
        yield from _incomplete(log, {r["path"] for r in self.ideal.log if r["mutated"]})

    def outcomes(self, first: ApplyResult, between: Mapping[str, Any], point: Point) -> Iterator[str]:
        """An applied change has its effect. Any other has none, or its hint reports that the effect is unknown."""
        fault, struck = point.strike.fault, point.where
        reported = {(o.change.action, o.change.key): o for row in first.outcomes.values() for o in row}
        for change in self.ideal.done.plans[0].changes:
            outcome = reported.get((change.action, change.key))
            # Nothing reveals a short list of activations. The plan then has fewer fields in this change.
            effect = effect_of(outcome.change if outcome else change, self.ideal.before, between, NEW_PASSWORD)
            if not _honest(outcome, effect):
                if outcome and fault in LISTS and struck in _ACTIVATIONS and _READS in outcome.detail:
                    point.undetectable += 1
                    continue
                result = f"{outcome.result.value} ({outcome.detail})" if outcome else "nothing"
                yield f"outcome: {change.action} {change.key} is reported as: {result}; its effect: {effect}"
        known = {(c.action, c.key) for c in self.ideal.done.plans[0].changes}
        for extra in sorted(reported.keys() - known):
            yield f"outcome: {extra} was never planned in an undisturbed run"

    def _exit(self, first: ApplyResult, between: Mapping[str, Any]) -> Iterator[str]:
        results = {o.result for row in first.outcomes.values() for o in row}
        if first.exit_code is Exit.DONE and (not first.converged or between != self.ideal.after):
            yield "exit code: 0, and the state is not the declared one"
        if results & {Result.FAILED, Result.NOT_TRIED} and first.exit_code is not Exit.PARTIAL:
            yield f"exit code: {first.exit_code}, although some changes were not applied"
        if not results and first.exit_code not in (Exit.REFUSED, Exit.UNREACHABLE):
            yield f"exit code: {first.exit_code}, although no plan was possible"
        if first.converged and between != self.ideal.after:
            yield "the run reports convergence, but the state differs"

    def _journal(self, first: ApplyResult) -> Iterator[str]:
        """The journal agrees with the run, has an intent before every effect, and has an intact chain."""
        if first.journal is None:
            if first.outcomes:
                yield "journal: missing"
            return
        run = read_run(first.journal)
        if run.chain != "ok" or run.torn or run.ended != ("converged" if first.converged else "not converged"):
            yield f"journal: {run.chain} {run.fault} ended: {run.ended}"
        last: dict[tuple[str, str], str] = {}
        intents: set[tuple[str, str]] = set()
        for _, record in run.records:
            if record["event"] in ("intent", "outcome"):
                key = (record["change"]["action"], f"{record['change']['kind']}:{record['change']['address']}")
                if record["event"] == "intent":
                    intents.add(key)
                else:
                    last[key] = record["result"]
        reported = {(o.change.action, o.change.key): o.result.value for row in first.outcomes.values() for o in row}
        if last != reported:
            yield f"journal: it reports {last}, the run reports {reported}"
        tried = {k for k, result in reported.items() if result != Result.NOT_TRIED.value}
        if tried - intents:
            yield f"journal: no intent of {sorted(tried - intents)}"

    # Checks of both runs together

    def second(self, second: ApplyResult, root: Path, struck: int) -> Iterator[str]:
        """Yield the failed checks of the end state; `struck`: how often the same password may have been set again."""
        world, ideal = self.world, self.ideal
        left = faults_of(second)
        if left or not second.converged or second.exit_code is not Exit.DONE:
            yield f"second run: exit {second.exit_code}, {left}, {[p.diagnostics for p in second.plans]}"
        state, sister = self.states()
        if state != ideal.after:
            yield f"end state: {_differences(ideal.after, state)}"
        if sister != ideal.sister:
            yield f"another domain: {_differences(ideal.sister, sister)}"
        effects = self._effects()
        for key in sorted(effects.keys() | ideal.effects.keys()):
            wanted, seen = ideal.effects.get(key, {}), effects.get(key, {})
            once = {k: v for k, v in seen.items() if k != "password"}
            if once != {k: v for k, v in wanted.items() if k != "password"}:
                yield f"effects: {key} {seen}, in an undisturbed run {wanted}"
            # A password cannot be read. After an ambiguous write the client sets the same password again.
            if not wanted.get("password", 0) <= seen.get("password", 0) <= wanted.get("password", 0) + struck:
                yield f"effects: {key} {seen}, in an undisturbed run {wanted}"
        for address, password in delivered(root).items():
            if not world.fits(address, password):
                yield f"password: the delivered one for {address} is wrong"
        yield from self._missing()

    def _missing(self) -> list[str]:
        renamed = {
            f"{_LOGGED[c.kind]} {c.address}": f"{_LOGGED[c.kind]} {replace(c, name=c.new_name or '').address}"
            for c in self.ideal.done.plans[0].changes
            if c.action == "rename"
        }
        start, end = addresses(DOMAIN, self.ideal.before), addresses(DOMAIN, self.ideal.after)
        replay = Replay(start, end, renamed)
        replay.run(self.world.log())
        return replay.surprises

    # The server

    def states(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return our domain in comparable form, and the second domain with all its data."""
        domains = self.world.own("GET", "state")["domains"]
        return self.world.projected(DOMAIN, domains[DOMAIN]), domains[SISTER]

    def _effects(self) -> dict[str, dict[str, int]]:
        """Return the number of each effect, without writes that changed nothing."""
        rows = self.world.own("GET", "requests")["effects"].items()
        kept = {key: {a: n for a, n in counts.items() if a != "noop"} for key, counts in rows}
        return {key: counts for key, counts in kept.items() if counts}


_LOGGED = {"mailbox": "user", "alias": "alias", "domainAlias": "domainAlias"}


def _honest(outcome: Outcome | None, effect: Effect) -> bool:
    if outcome is None:
        return effect == "none"
    match outcome.result:
        case Result.APPLIED:
            return effect == "complete"
        case Result.FAILED:
            return effect != "complete" or AMBIGUOUS in outcome.hint
        case _:
            return effect == "none"


def _incomplete(log: list[dict[str, Any]], writes: set[str]) -> Iterator[str]:
    """Before the first write, the client must repeat every read whose answer had a fault, and get a complete one."""
    first_write = next((n for n, r in enumerate(log) if r["path"] in writes), None)
    if first_write is None:
        return
    reads = log[:first_write]
    for number, entry in enumerate(reads):
        spoiled = set(entry["faults"]) & set(SPOILS_READS)
        if not spoiled or _ADVICE in entry["path"] or (spoiled <= set(LISTS) and entry["endpoint"] not in _COUNTED):
            continue
        again = [r for r in reads[number + 1 :] if (r["method"], r["path"]) == (entry["method"], entry["path"])]
        if all(r["faults"] for r in again):
            yield f"incomplete: a write followed request {entry['number']} ({entry['path']}), which had no complete answer"


def _differences(wanted: Any, found: Any, at: str = "") -> list[str]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        keys = [k for k in sorted({*wanted, *found}) if wanted.get(k) != found.get(k)]
        return [d for k in keys for d in _differences(wanted.get(k), found.get(k), f"{at}/{k}")]
    return [f"{at} is {json.dumps(found)}, not {json.dumps(wanted)}"]
