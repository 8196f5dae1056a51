"""`apply` refuses an unwritable journal before the first write and never writes without a journal record.

The tests mount full and read-only file systems in a separate mount namespace, which leaves no traces.
"""

import json
import os
import resource
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import Sandbox

NAMES = [f"m{n:02}" for n in range(10)]
PATIENCE = 60.0


def unshare() -> list[str]:
    """The command prefix for a separate mount namespace; skips the test if the platform has none."""
    command = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    try:
        probe = subprocess.run([*command, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, timeout=30)
        fault = probe.stderr.decode() if probe.returncode else ""
    except OSError as e:
        fault = str(e)
    if fault:
        assert not os.environ.get("RECONCILER_REQUIRE_MOUNTS"), f"no disk can be mounted here: {fault}"
        pytest.skip(f"NO DISK CAN BE MOUNTED HERE, full and read-only ones are not tested: {fault.strip()}")
    return command


DRIVER = """
import shutil, subprocess, sys, time, urllib.request, json, os
state, options, fill, copy, faults, *words = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", options.replace("ro,", ""), "none", state], check=True)
if options.startswith("ro,"):
    subprocess.run(["mount", "-o", "remount,ro", state], check=True)
process = subprocess.Popen(words)
if fill == "fill":
    ask = urllib.request.Request(faults, headers={"X-Sandbox": "1"})
    while not json.load(urllib.request.urlopen(ask))["faults"][0]["struck"]:
        time.sleep(0.01)
    with open(state + "/filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass
code = process.wait()
shutil.copytree(state, copy)
sys.exit(code)
"""


@pytest.fixture
def two(sandbox: Sandbox, workspace: Callable[..., Any]) -> Any:
    """Two domains with ten mailboxes to create in each."""
    made = workspace(sandbox.endpoint)
    for domain in ("example.com", "second.example"):
        made.domain(domain, "mailboxes: {" + ", ".join(f"{n}: {{}}" for n in NAMES) + "}\n")
    return made


def on_a_disk(workspace: Any, sandbox: Sandbox, options: str, *, fill: bool = False) -> Any:
    """Runs `apply` with `.reconciler` on its own disk and copies the contents of the disk to the folder `left`."""
    (workspace.root / ".reconciler").mkdir()
    command = [
        *unshare(),
        sys.executable,
        "-c",
        DRIVER,
        str(workspace.root / ".reconciler"),
        options,
        "fill" if fill else "-",
        str(workspace.root / "left"),
        f"{sandbox.endpoint.url}/sandbox/faults",
        *(sys.executable, "-m", "reconciler", "apply", "--yes"),
    ]
    environment = {**os.environ, **workspace.run.environment}
    return subprocess.run(
        command, cwd=workspace.root, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )


def effects(sandbox: Sandbox) -> Any:
    request = urllib.request.Request(f"{sandbox.endpoint.url}/sandbox/requests", headers={"X-Sandbox": "1"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["effects"]


def slow(sandbox: Sandbox) -> None:
    fault = {"name": "latency", "param": 700, "path": "user-put", "skip": 4, "times": 1}
    request = urllib.request.Request(
        f"{sandbox.endpoint.url}/sandbox/faults", json.dumps(fault).encode(), {"X-Sandbox": "1"}
    )
    urllib.request.urlopen(request, timeout=10).close()


def lines(folder: Path) -> list[dict[str, Any]]:
    """The complete lines of the only journal."""
    (path,) = (folder / "journal").glob("*.jsonl")
    return [json.loads(line) for line in path.read_text("utf-8").split("\n")[:-1]]


@pytest.mark.parametrize(
    ("options", "why"), [("size=32k", "too little disk space for the journal"), ("ro,size=1m", "Read-only")]
)
def test_apply_refuses_a_full_or_read_only_disk_before_the_first_write(
    two: Any, sandbox: Sandbox, options: str, why: str
) -> None:
    done = on_a_disk(two, sandbox, options)
    assert done.returncode == 4, done.stdout + done.stderr
    assert why in done.stderr
    assert "nothing was changed" in done.stderr
    assert effects(sandbox) == {}


def check_every_write_is_journalled(two: Any, done: Any, inside: Callable[..., Any], left: Path, why: str) -> None:
    """Checks that each created mailbox has an intent and a delivered password and is in the output."""
    assert done.returncode == 5, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert f"cannot be written: {why}" in " ".join(done.stdout.split())
    records = lines(left)
    intents = {r["change"]["address"] for r in records if r["event"] == "intent"}
    declared = {f"{n}@{d}" for n in NAMES for d in ("example.com", "second.example")}
    plan = json.loads(inside(two, "plan", "--format", "json").out)
    made = declared - {c["address"] for d in plan["domains"] for c in d["changes"]}
    assert made < declared
    assert made == intents, "a change without a complete intent record is not made"
    flat = " ".join(done.stdout.split())
    reported = {a for a in declared if f"ok + mailbox {a}" in flat}
    assert reported == made, "including changes whose outcome could not be journalled"
    for address in declared - made:
        assert f"not tried + mailbox {address}" in flat
    delivered = "".join(p.read_text("utf-8") for p in (left / "passwords").glob("*.jsonl"))
    assert made <= {json.loads(row)["address"] for row in delivered.split("\n")[:-1]}


def test_a_disk_that_fills_up_during_apply_stops_all_domains_and_every_write_is_journalled(
    two: Any, sandbox: Sandbox, inside: Callable[..., Any]
) -> None:
    slow(sandbox)
    done = on_a_disk(two, sandbox, "size=1m", fill=True)
    assert done.returncode == 5, done.stdout + done.stderr
    check_every_write_is_journalled(two, done, inside, two.root / "left", "No space left on device")
    again = inside(two, "apply", "--yes")
    assert again.code == 0, again.out + again.err


def test_a_file_size_limit_stops_all_domains_and_every_write_is_journalled(
    two: Any, inside: Callable[..., Any]
) -> None:
    """A limit of 7,000 bytes per file replaces a full disk on platforms without mounts."""
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "apply", "--yes"],
        cwd=two.root,
        env={**os.environ, **two.run.environment, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (7_000, 7_000)),
    )
    check_every_write_is_journalled(two, done, inside, two.root / ".reconciler", "File too large")
    again = inside(two, "apply", "--yes")
    assert again.code == 0, again.out + again.err
    history = inside(two, "history")
    assert "interrupted" in history.out
