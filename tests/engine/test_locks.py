"""Locks: one run at a time per server and domain, on one machine and in a folder that several share."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.app.apply.locking import private_folder
from reconciler.core.errors import Locked
from reconciler.engine.locks import locks as module
from reconciler.engine.locks.locks import Held, LockFolder
from reconciler.engine.locks.record import LockRecord, record_of, server_key

NOON = datetime(2026, 6, 15, 12, 0, 0, tzinfo=UTC)
MAIL = "https://mail1.example.net"
TTL, BEAT = 1.0, 0.1
BOTH = pytest.mark.parametrize("shared", [False, True], ids=["local", "shared"])


def record(run: str, *domains: str, server: str = MAIL, **more: Any) -> LockRecord:
    known = {"user": "alice", "host": "build7", "pid": 4242, "since": NOON, "command": "apply"} | more
    return LockRecord(run=run, places=frozenset((server, d) for d in domains), **known)


def folder(path: Path, shared: bool) -> LockFolder:
    return LockFolder(path, shared=shared, ttl=TTL, heartbeat=BEAT)


def take(path: Path, mine: LockRecord, *, shared: bool, patience: float = 0.0, say: Any = lambda _: None) -> Held:
    return asyncio.run(folder(path, shared).take(mine, patience, say))


@BOTH
def test_a_second_run_of_the_same_domain_is_refused_and_the_message_shows_the_first(
    tmp_path: Path, shared: bool
) -> None:
    mine = record("a", "example.com", "second.example", job="https://ci.example/jobs/7")
    held = take(tmp_path, mine, shared=shared)
    with pytest.raises(Locked) as caught:
        take(tmp_path, record("b", "third.example", "example.com"), shared=shared)
    for part in (
        "alice@build7",
        "4242",
        "https://ci.example/jobs/7",
        "2026-06-15T12:00:00Z",
        "`apply`",
        f"example.com on {MAIL}",
    ):
        assert part in caught.value.message
    assert "second.example" not in caught.value.message, "only what collides is named"
    assert "--lock-timeout" in caught.value.hint
    assert held.release() == ""
    assert take(tmp_path, record("b", "example.com"), shared=shared).release() == ""
    assert {p.name for p in tmp_path.iterdir()} <= {"register"}


@BOTH
def test_runs_of_other_domains_or_other_servers_do_not_conflict(tmp_path: Path, shared: bool) -> None:
    held = [
        take(tmp_path, record("a", "example.com"), shared=shared),
        take(tmp_path, record("b", "second.example"), shared=shared),
        take(tmp_path, record("c", "example.com", server="https://mail2.example.net"), shared=shared),
    ]
    assert [h.fault() for h in held] == ["", "", ""]
    assert len(list(tmp_path.glob("*.json"))) == 3
    for one in held:
        one.release()


@BOTH
def test_ten_thousand_domains_are_two_files(tmp_path: Path, shared: bool) -> None:
    before = len([*Path("/proc/self/fd").iterdir()])
    held = take(tmp_path, record("a", *(f"d{n}.example" for n in range(10_000))), shared=shared)
    assert len([p for p in tmp_path.iterdir() if p.name != "register"]) == 2
    assert len([*Path("/proc/self/fd").iterdir()]) <= before + 2
    held.release()


@BOTH
def test_a_waiting_run_gets_the_released_lock_and_reports_the_other_run_once(tmp_path: Path, shared: bool) -> None:
    held = take(tmp_path, record("a", "example.com"), shared=shared)
    said: list[str] = []

    async def story() -> Held:
        async def later() -> None:
            while not said:
                await asyncio.sleep(0.01)
            held.release()

        ending = asyncio.create_task(later())
        got = await folder(tmp_path, shared).take(record("b", "example.com"), 30, said.append)
        await ending
        return got

    got = asyncio.run(story())
    assert got.fault() == ""
    assert len(said) == 1
    assert "alice@build7" in said[0]
    got.release()


@BOTH
def test_a_lock_is_released_once(tmp_path: Path, shared: bool) -> None:
    held = take(tmp_path, record("a", "example.com"), shared=shared)
    held.release()
    other = take(tmp_path, record("b", "example.com"), shared=shared)
    assert held.release() == ""
    assert other.fault() == ""
    other.release()


HOLDER = """
import asyncio, sys, time
from datetime import UTC, datetime
from pathlib import Path
from reconciler.engine.locks.record import LockRecord
from reconciler.engine.locks.locks import LockFolder
path, shared, ttl, beat, run, domain = sys.argv[1:]
mine = LockRecord(run=run, user="bob", host="other", pid=1, since=datetime.now(UTC), command="apply",
                  places=frozenset({("https://mail1.example.net", domain)}))
try:
    held = asyncio.run(LockFolder(Path(path), shared=shared == "True", ttl=float(ttl), heartbeat=float(beat)).take(mine))
except Exception as e:
    print(type(e).__name__, flush=True)
else:
    print("held", flush=True)
    sys.stdin.readline()
    print(held.fault() or "still mine", flush=True)
    held.release()
"""


def holder(path: Path, shared: bool, run: str, domain: str = "example.com") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), str(shared), str(TTL), str(BEAT), run, domain],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ended(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@BOTH
def test_the_files_of_a_killed_run_are_removed(tmp_path: Path, shared: bool) -> None:
    process = holder(tmp_path, shared, "dead")
    assert line(process) == "held"
    with pytest.raises(Locked):
        take(tmp_path, record("b", "example.com"), shared=shared)
    ended(process)
    held = take(tmp_path, record("b", "example.com"), shared=shared)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "register") == ["b.alive", "b.json"]
    held.release()


@BOTH
def test_one_of_many_simultaneous_runs_gets_the_lock(tmp_path: Path, shared: bool) -> None:
    rivals = [holder(tmp_path, shared, f"r{n}") for n in range(3)]
    said = [line(r) for r in rivals]
    assert sorted(said) == ["Locked", "Locked", "held"]
    for one in rivals:
        one.communicate("\n")


def elsewhere(text: str) -> str:
    """A marker of another machine: the kernel knows the processes of this machine only, so others are watched."""
    return "".join("host=elsewhere\n" if r.startswith("host=") else r for r in text.splitlines(keepends=True))


def foreign(path: Path, run: str) -> None:
    """The files of a run that was killed on another machine."""
    held = take(path, record(run, "example.com", user="bob", host="other"), shared=True)
    left = {p: elsewhere(p.read_text("utf-8")) for p in (path / f"{run}.alive", path / f"{run}.json")}
    held.release()
    for one, text in left.items():
        one.write_text(text, "utf-8")


def test_in_a_shared_folder_a_run_of_another_machine_is_dead_after_a_time_without_heartbeat(
    tmp_path: Path,
) -> None:
    foreign(tmp_path, "dead")
    said: list[str] = []
    began = time.monotonic()
    held = take(tmp_path, record("b", "example.com"), shared=True, say=said.append)
    assert time.monotonic() - began >= TTL, "it was watched by this machine's clock first"
    assert "whether it is alive" in said[0]
    assert "bob@other" in said[0]
    held.release()


@pytest.mark.parametrize("hours", [-1, 24 * 365])
def test_wrong_time_stamps_neither_keep_a_dead_run_alive_nor_make_a_live_one_dead(tmp_path: Path, hours: int) -> None:
    """The clocks of two machines differ, or one of them jumps."""
    foreign(tmp_path, "dead")
    stamp = time.time() + 3600 * hours
    os.utime(tmp_path / "dead.alive", (stamp, stamp))
    began = time.monotonic()
    take(tmp_path, record("b", "example.com"), shared=True).release()
    assert time.monotonic() - began >= TTL

    alive = take(tmp_path, record("a", "example.com"), shared=True)
    os.utime(tmp_path / "a.alive", (stamp, stamp))
    with pytest.raises(Locked):
        take(tmp_path, record("b", "example.com"), shared=True)
    assert alive.fault() == ""
    alive.release()


def test_one_of_two_runs_that_find_a_dead_run_takes_over(tmp_path: Path) -> None:
    foreign(tmp_path, "dead")
    rivals = [holder(tmp_path, True, f"r{n}") for n in range(3)]
    said = [line(r) for r in rivals]
    assert sorted(said) == ["Locked", "Locked", "held"]
    for one in rivals:
        one.communicate("\n")
    assert not (tmp_path / "dead.json").exists()


def test_a_run_that_slept_too_long_detects_the_lost_lock_before_it_writes(tmp_path: Path) -> None:
    """Like a suspended machine or a frozen container."""
    process = holder(tmp_path, True, "slept")
    assert line(process) == "held"
    marker = tmp_path / "slept.alive"
    process.send_signal(signal.SIGSTOP)
    fd = os.open(marker, os.O_RDWR)
    text = elsewhere(marker.read_text("utf-8")).encode()
    os.ftruncate(fd, 0)
    os.pwrite(fd, text, 0)
    os.close(fd)
    held = take(tmp_path, record("b", "example.com"), shared=True)
    process.send_signal(signal.SIGCONT)
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    assert line(process).startswith("the lock was lost: ")
    process.communicate()
    assert held.fault() == "", "who lost it takes nothing away from who has it"
    assert (tmp_path / "b.json").exists()
    held.release()


def test_a_missing_folder_is_a_lost_lock_and_a_thread_reports_it(tmp_path: Path) -> None:
    place = tmp_path / "store"
    place.mkdir()
    heard = threading.Event()
    shared = folder(place, True)
    shared.lost = lambda why: heard.set()
    held = asyncio.run(shared.take(record("a", "example.com")))
    assert held.fault() == ""
    for path in place.iterdir():
        path.unlink()
    place.rmdir()
    assert "lost" in held.fault()
    assert heard.wait(10), "the heartbeat notices by itself"
    held.release()


def test_a_local_lock_without_its_file_is_lost(tmp_path: Path) -> None:
    held = take(tmp_path, record("a", "example.com"), shared=False)
    (tmp_path / "a.alive").unlink()
    assert "lost" in held.fault()
    held.release()


@BOTH
def test_an_unreadable_record_locks_as_long_as_its_run_is_alive(tmp_path: Path, shared: bool) -> None:
    held = take(tmp_path, record("a", "example.com"), shared=shared)
    (tmp_path / "a.json").write_text("{", "utf-8")
    with pytest.raises(Locked, match="somebody@unknown"):
        take(tmp_path, record("b", "third.example"), shared=shared)
    held.release()
    take(tmp_path, record("b", "third.example"), shared=shared).release()


def test_a_missing_or_unwritable_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Locked, match="cannot take a lock") as caught:
        take(tmp_path / "not there" / "at all", record("a", "example.com"), shared=True)
    assert "nothing was changed" in caught.value.hint


def test_a_register_that_is_never_released_is_an_error_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REGISTER_PATIENCE", 0.1)
    other = folder(tmp_path, False).lock_of("register")
    other.acquire()
    with pytest.raises(Locked, match="busy"):
        take(tmp_path, record("a", "example.com"), shared=False)
    other.release()


def test_the_first_writable_folder_is_used_with_access_for_its_owner_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    good = tmp_path / "state" / "reconciler" / "locks"
    assert private_folder((tmp_path / "file" / "locks", good, tmp_path / "other")) == good
    assert good.stat().st_mode & 0o077 == 0
    assert not (tmp_path / "other").exists()
    with pytest.raises(Locked):
        private_folder((tmp_path / "file" / "locks",))


@pytest.mark.parametrize(
    "url",
    [
        "https://mail1.example.net/",
        "https://MAIL1.example.NET",
        "HTTPS://mail1.example.net:443",
        "https://mail1.example.net.",
    ],
)
def test_spellings_of_one_server_address_have_the_same_key(url: str) -> None:
    assert server_key(url) == MAIL


def test_servers_that_differ_in_port_path_or_scheme_are_not_the_same() -> None:
    urls = [MAIL, f"{MAIL}:8443", f"{MAIL}/mail", "http://mail1.example.net", "http://[::1]:80", "http://[::1]:81"]
    assert len({server_key(u) for u in urls}) == len(urls)
    assert server_key("https://münchen.example") == server_key("https://xn--mnchen-3ya.example")


texts = st.text(max_size=20)


@settings(max_examples=40)
@given(
    run=texts,
    user=texts,
    job=texts,
    places=st.frozensets(st.tuples(texts, texts), max_size=5),
    since=st.integers(0, 10**10).map(lambda s: datetime.fromtimestamp(s, UTC)),
)
def test_a_record_that_was_written_is_read_back(run: str, user: str, job: str, places: Any, since: datetime) -> None:
    mine = replace(record(run), user=user, job=job, places=places, since=since)
    assert record_of(mine.to_json()) == mine


@settings(max_examples=40)
@given(st.recursive(st.none() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)))
def test_an_invalid_record_is_not_read(value: Any) -> None:
    assert record_of(json.dumps(value)) is None
    assert record_of(json.dumps({"formatVersion": 1, "servers": value})) is None


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(seconds=1), " (for 1 second),"),
        (timedelta(minutes=12, seconds=3), " (for 12 minutes),"),
        (timedelta(hours=2), " (for 2 hours),"),
        (timedelta(days=3), " (for 3 days),"),
        (timedelta(hours=-1), "12:00:00Z,"),
    ],
)
def test_the_start_is_shown_with_an_age_unless_the_clocks_disagree(age: timedelta, said: str) -> None:
    assert said in record("a").describe([(MAIL, "example.com")], NOON + age)


def test_only_the_first_of_many_domains_are_shown() -> None:
    mine = record("a", *(f"d{n}.example" for n in range(5)))
    assert f"d0.example, d1.example, d2.example and 2 more on {MAIL}" in mine.describe(mine.places, NOON)
