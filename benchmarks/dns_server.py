"""Run a Knot name server on loopback (Debian package `knot`), pinned to the first core."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_CONFIG = """\
server:
    rundir: "{root}"
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{root}"
template:
  - id: default
    storage: "{root}"
    journal-content: none
    zonefile-sync: -1
zone:
  - domain: .
    file: "root.zone"
"""
_START = 20.0
"""Seconds until the server must answer."""


def pinned(core: int, words: list[str]) -> list[str]:
    """Return the command pinned to one core, if the machine has two cores and `taskset`."""
    if shutil.which("taskset") is None or len(os.sched_getaffinity(0)) < 2:
        return words
    return ["taskset", "-c", str(sorted(os.sched_getaffinity(0))[core]), *words]


def installed() -> str | None:
    """Return the path of knotd, or None."""
    # Debian installs knotd in /usr/sbin, which is not on the path of ordinary users.
    return shutil.which("knotd", path=os.environ.get("PATH", "") + ":/usr/sbin")


@contextmanager
def knot(root: Path, lines: Iterable[str]) -> Iterator[int]:
    """Start a server with one root zone. Yields its port on 127.0.0.1."""
    program = installed()
    if program is None:
        raise SystemExit("knotd is not installed (Debian: apt install knot)")
    root.mkdir()
    (root / "root.zone").write_text("".join(lines))
    # Knot cannot report a port that it chose itself.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (root / "knot.conf").write_text(_CONFIG.format(root=root, port=port))
    words = pinned(0, [program, "-c", str(root / "knot.conf")])
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(port, process)
            yield port
        finally:
            process.terminate()


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    # A query for the SOA record of the root.
    ask = b"\0\1\0\0\0\1\0\0\0\0\0\0\0\0\6\0\1"
    deadline = time.monotonic() + _START
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        client.connect(("127.0.0.1", port))
        while time.monotonic() < deadline and process.poll() is None:
            try:
                client.send(ask)
                # The low four bits of the fourth byte are the response code. 0 means that the zone is loaded.
                if client.recv(4096)[3] & 15 == 0:
                    return
            except OSError:
                time.sleep(0.05)
    raise SystemExit("knotd does not answer")
