"""One run with a fault at one place, and a second one without: what must hold of the two, and what did not.

Whatever does not hold is a surprise, in words; nothing is raised, so that a whole enumeration can be counted.
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
"""Seconds that the client waits for an answer while `latency` faults are injected; else they would take minutes."""
LATE = 1200.0
"""Milliseconds of latency: more than the client waits. Both are so long that a busy machine is not taken for a fault."""

DOUBT = "whether the write took effect"
"""What an outcome says (in its hint) where the effect of a change that has failed is not known."""

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
"""Faults after which nothing was done (by `latency`: not yet), with the sandbox's parameter."""
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
"""Faults of the answer alone: the request was carried out."""
LISTS: Mapping[str, float | None] = {"empty-list": None, "cut-list": None}
"""An answer that is proper but for rows that are not in it."""
FAULTS = {**BEFORE, **AFTER, **LISTS}
SPOILS_READS = ("html", "html-after", "truncated-json", "drop-mid-body", *LISTS)

_COUNTED = ("settings/domain/list-users", "settings/domain/aliases", "settings/domain/domain-aliases")
"""Lists of which the server tells elsewhere how long they are."""
_ACTIVATIONS = ("GET settings/domain/active-sync-mailboxes", "GET settings/domain/mapi-ews-mailboxes")
"""Lists of which it does not."""
_ADVICE = "settings/domain/password-settings"
"""What passwords the server would refuse: without it they are sent all the same, and the server refuses them itself."""
_READS = "a new read shows"
"""How an outcome says that the read after the apply contradicts the server's answer."""


@dataclass(frozen=True)
class Strike:
    """A fault (a name of FAULTS) at `times` requests, from the `at`-th of the run on (from 1); ALWAYS: to its end."""

    fault: str
    at: int
    times: int = 1

    def __str__(self) -> str:
        often = {1: "", ALWAYS: " and ever after"}.get(self.times, f", {self.times} times in a row")
        return f"{self.fault} at request {self.at}{often}"


@dataclass(frozen=True)
class Ideal:
    """A run in which nothing goes wrong."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]
    sister: Mapping[str, Any]
    effects: Mapping[str, Mapping[str, int]]
    log: tuple[Mapping[str, Any], ...]
    done: ApplyResult


@dataclass
class Point:
    """What came of one strike.

    Attributes:
        struck: requests that were hit; 0 where the fault had nothing to hit.
        where: the first of them.
        undetectable: outcomes that were wrong because a list of seats was short, of which the server tells no length.
    """

    strike: Strike
    struck: int = 0
    where: str = ""
    exit_code: int | None = None
    undetectable: int = 0
    surprises: list[str] = field(default_factory=list)


@contextmanager
def hurried() -> Iterator[None]:
    """No pauses between the tries of a request; as many tries as ever."""
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


class Bench:
    """A server with a domain, its sister, and the undisturbed run to compare with."""

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
        """How many requests an undisturbed run takes."""
        return len(self.ideal.log)

    def strike(self, strike: Strike) -> Point:
        """The run with the fault, then one without."""
        world, point = self.world, Point(strike)
        world.heal()
        world.own("POST", "restore")
        root = world.begin(self.there)
        name, _, _ = strike.fault.partition(" ")
        world.fault(name, param=FAULTS[strike.fault], skip=strike.at - 1, times=strike.times)
        try:
            with self._impatient(name):
                first = world.apply(self.there, root)
        except Exception:  # noqa: BLE001 - whatever comes is a surprise
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
        except Exception:  # noqa: BLE001 - whatever comes is a surprise
            point.surprises.append(f"exception in the second run: {traceback.format_exc()}")
            return point
        point.surprises += self.second(second, root, point.struck)
        if not point.surprises:
            shutil.rmtree(root)
        return point

    @contextmanager
    def _impatient(self, fault: str) -> Iterator[None]:
        """A client that does not wait as long as usual, where answers are late."""
        if not fault.startswith("latency"):
            yield
            return
        with mock.patch.dict(connect.__kwdefaults__, {"timeout": TIMEOUT}):
            yield
        self.world.settle()

    # What must hold of the first run

    def first(
        self, first: ApplyResult, log: list[dict[str, Any]], between: Mapping[str, Any], point: Point
    ) -> Iterator[str]:
        """What did not hold of the run with the fault."""
        yield from self.outcomes(first, between, point)
        yield from self._exit(first, between)
        yield from self._journal(first)
        yield from _incomplete(log, {r["path"] for r in self.ideal.log if r["mutated"]})

    def outcomes(self, first: ApplyResult, between: Mapping[str, Any], point: Point) -> Iterator[str]:
        """Applied means that the effect is there; anything else that it is not, or that this is said to be unknown."""
        fault, struck = point.strike.fault, point.where
        said = {(o.change.action, o.change.key): o for row in first.outcomes.values() for o in row}
        for change in self.ideal.done.plans[0].changes:
            outcome = said.get((change.action, change.key))
            # A short list of seats can be told by nothing: the change is then planned with fewer fields.
            effect = effect_of(outcome.change if outcome else change, self.ideal.before, between, NEW_PASSWORD)
            if not _honest(outcome, effect):
                if outcome and fault in LISTS and struck in _ACTIVATIONS and _READS in outcome.detail:
                    point.undetectable += 1
                    continue
                result = f"{outcome.result.value} ({outcome.detail})" if outcome else "nothing"
                yield f"outcome: {change.action} {change.key} is said to be: {result}; its effect is there: {effect}"
        known = {(c.action, c.key) for c in self.ideal.done.plans[0].changes}
        for extra in sorted(said.keys() - known):
            yield f"outcome: {extra} was never planned in an undisturbed run"

    def _exit(self, first: ApplyResult, between: Mapping[str, Any]) -> Iterator[str]:
        results = {o.result for row in first.outcomes.values() for o in row}
        if first.exit_code is Exit.DONE and (not first.converged or between != self.ideal.after):
            yield "exit code: 0, and the state is not the one that was asked for"
        if results & {Result.FAILED, Result.NOT_TRIED} and first.exit_code is not Exit.PARTIAL:
            yield f"exit code: {first.exit_code}, though some changes were not made"
        if not results and first.exit_code not in (Exit.REFUSED, Exit.UNREACHABLE):
            yield f"exit code: {first.exit_code}, though nothing could be planned"
        if first.converged and between != self.ideal.after:
            yield "converged, it says; the state is another"

    def _journal(self, first: ApplyResult) -> Iterator[str]:
        """The journal says the same as the run, holds an intent before every effect, and is a whole chain."""
        if first.journal is None:
            if first.outcomes:
                yield "journal: there is none"
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
        said = {(o.change.action, o.change.key): o.result.value for row in first.outcomes.values() for o in row}
        if last != said:
            yield f"journal: it says {last}, the run says {said}"
        tried = {k for k, result in said.items() if result != Result.NOT_TRIED.value}
        if tried - intents:
            yield f"journal: no intent of {sorted(tried - intents)}"

    # What must hold of both runs together

    def second(self, second: ApplyResult, root: Path, struck: int) -> Iterator[str]:
        """What did not hold in the end; `struck`: how often a password may have been set again, to the same."""
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
            # A password cannot be read: after a doubt it is set again, to the same.
            if not wanted.get("password", 0) <= seen.get("password", 0) <= wanted.get("password", 0) + struck:
                yield f"effects: {key} {seen}, in an undisturbed run {wanted}"
        for address, password in delivered(root).items():
            if not world.fits(address, password):
                yield f"password: the one that was delivered for {address} does not fit"
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
        """Our domain as it is compared, and its sister with everything that the server holds of it."""
        domains = self.world.own("GET", "state")["domains"]
        return self.world.projected(DOMAIN, domains[DOMAIN]), domains[SISTER]

    def _effects(self) -> dict[str, dict[str, int]]:
        """All that was done, and how often; writes that changed nothing left out."""
        rows = self.world.own("GET", "requests")["effects"].items()
        kept = {key: {a: n for a, n in counts.items() if a != "noop"} for key, counts in rows}
        return {key: counts for key, counts in kept.items() if counts}


_LOGGED = {"mailbox": "user", "alias": "alias", "domainAlias": "domainAlias"}


def _honest(outcome: Outcome | None, effect: Effect) -> bool:
    if outcome is None:
        return effect == "none"
    match outcome.result:
        case Result.APPLIED:
            return effect == "whole"
        case Result.FAILED:
            return effect != "whole" or DOUBT in outcome.hint
        case _:
            return effect == "none"


def _incomplete(log: list[dict[str, Any]], writes: set[str]) -> Iterator[str]:
    """While a run only plans, an answer that was spoiled has to come again, whole, before the first write."""
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
            yield f"incomplete: a write followed request {entry['number']} ({entry['path']}), which was not read whole"


def _differences(wanted: Any, found: Any, at: str = "") -> list[str]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        keys = [k for k in sorted({*wanted, *found}) if wanted.get(k) != found.get(k)]
        return [d for k in keys for d in _differences(wanted.get(k), found.get(k), f"{at}/{k}")]
    return [f"{at} is {json.dumps(found)}, not {json.dumps(wanted)}"]
