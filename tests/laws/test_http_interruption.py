"""Laws 7 and 8 against the HTTP sandbox: faults at any write, and kills at any moment."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import stamina
from http_values import WRITES, declared, delivered, faults_of, servers, written_down
from http_world import HttpWorld, start, stop
from hypothesis import HealthCheck, Phase, assume, event, given, settings
from hypothesis import strategies as st
from law_strategies import Situation, situations

from reconciler.app.apply.run import ApplyResult
from reconciler.core.plan import Result

BEFORE = ("500", "502", "503", "429", "drop-before", "html", "expired-token")
AFTER = ("500-after", "502-after", "drop-after", "drop-mid-body", "html-after", "truncated-json")
few = settings(deadline=None, max_examples=8, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    made = start(tmp_path_factory.mktemp("interruption"))
    with stamina.set_testing(True, attempts=4, cap=True):
        yield made
    stop(made)


def fresh(world: HttpWorld, there: Situation, names: list[str]) -> Path:
    early = {"forward-flag-off-default"} & set(names)
    world.load(there.current, early, set(names) - early)
    return world.begin(there)


def undisturbed(world: HttpWorld, there: Situation, names: list[str]) -> tuple[dict, dict, int]:
    """State and effects after a run without faults, and its number of writes."""
    done = world.apply(there, fresh(world, there, names))
    assert faults_of(done) == []
    sent = [r for r in world.log() if re.search(WRITES, r["path"])]
    return world.state(), world.effects(), len(sent)


def dependants(done: ApplyResult, failed: set[str]) -> set[str]:
    found: set[str] = set()
    for change in done.plans[0].changes:
        if {*failed, *found} & set(change.depends_on):
            found.add(change.key)
    return found


def check_end(world: HttpWorld, there: Situation, root: Path, ideal: tuple[dict, dict, int]) -> None:
    """A run without faults finishes the work, and no resource was created, renamed or deleted twice or by mistake."""
    world.heal()
    second = world.apply(there, root)
    assert faults_of(second) == []
    assert second.converged
    assert world.state() == ideal[0]
    assert world.effects() == ideal[1]
    assert all(n == 1 for counts in world.effects().values() for n in counts.values())
    for name in declared(there.desired):
        assert "delete" not in world.effects().get(f"user {name}@{there.desired.domain}", {})
    for address, password in delivered(root).items():
        assert world.fits(address, password)


@few
@given(situations(tight_limits=False), servers, st.sampled_from(BEFORE + AFTER), st.integers(1, 3), st.data())
def test_laws_7_and_8_after_any_fault_of_a_write_the_next_run_reaches_the_undisturbed_state(
    world: HttpWorld, there: Situation, names: list[str], fault: str, times: int, data: st.DataObject
) -> None:
    ideal = undisturbed(world, there, names)
    assume(ideal[2])
    k = data.draw(st.integers(1, ideal[2]), label="the write")
    root = fresh(world, there, names)
    world.fault(fault, path=WRITES, skip=k - 1, times=times)
    first = world.apply(there, root)
    results = {o.change.key: o.result for row in first.outcomes.values() for o in row}
    failed = {key for key, result in results.items() if result is Result.FAILED}
    event(f"{len(failed)} failed")
    assert {key for key, result in results.items() if result is Result.NOT_TRIED} == dependants(first, failed)
    assert first.converged is not bool(failed)
    check_end(world, there, root, ideal)


@few
@given(situations(), servers, st.sampled_from(AFTER), st.data())
def test_law_8_a_lost_response_is_resolved_by_a_read(
    world: HttpWorld, there: Situation, names: list[str], fault: str, data: st.DataObject
) -> None:
    ideal = undisturbed(world, there, names)
    assume(ideal[2])
    root = fresh(world, there, names)
    world.fault(fault, path=WRITES, skip=data.draw(st.integers(0, ideal[2] - 1), label="before"), times=1)
    first = world.apply(there, root)
    assert faults_of(first) == []
    assert first.converged
    check_end(world, there, root, ideal)


@settings(deadline=None, max_examples=4, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(situations(), st.integers(0, 2**32))
def test_law_8_killed_at_any_moment_and_run_again_the_final_state_is_the_same(
    world: HttpWorld, there: Situation, seed: int
) -> None:
    dice = random.Random(seed)
    # As files can express it: only mailboxes are deleted in stages, and the date is today.
    removed = tuple(r if r.kind == "mailbox" else replace(r, purge_after=None) for r in there.desired.removed)
    today = replace(there.options, today=datetime.now(UTC).date())
    there = replace(there, desired=replace(there.desired, removed=removed), options=today)
    ideal = undisturbed(world, there, [])
    assume(ideal[2] > 1)
    root = fresh(world, there, [])
    written_down(world.url, there, root)
    world.fault("latency", param=15, path=WRITES, times=-1)
    words = ["apply", "--yes", *(["--prune"] if there.options.prune else [])]
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", *words],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "NO_COLOR": "1"},
        start_new_session=True,
    )
    k, deadline = dice.randrange(ideal[2]), time.monotonic() + 20
    while len(world.writes()) < k and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(dice.random() * 0.03)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    _, said = process.communicate(timeout=20)
    event("killed" if process.returncode == -signal.SIGKILL else "it was done before")
    assert process.returncode in (0, -signal.SIGKILL), said.decode()
    time.sleep(0.1)  # the request that was under way is carried out; a read during that is refused as incomplete
    check_end(world, there, root, ideal)
