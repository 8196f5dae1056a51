"""A real DNS server for the tests: Knot, without privileges, on a free port of a loopback address."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode

NOBODY = 65534
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
KNOTD = shutil.which("knotd", path=_PATH)

_CONFIG = """\
server:
    rundir: "{folder}"
    listen: [ {listen} ]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{folder}"
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: "{folder}"
    journal-content: none
    zonefile-sync: -1
zone:
{zones}"""


def why_not(knotd: str | None, addresses: Sequence[str]) -> str:
    """The reason why no server can start here. Empty if one can."""
    if knotd is None:
        return "knotd is not installed (Debian and Ubuntu: apt install knot)"
    for address in addresses:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((address, 0))
        except OSError:
            return f"{address} is not an address of this machine (macOS: ifconfig lo0 alias {address})"
    return ""


def free_port(addresses: Sequence[str]) -> int:
    """A port that is free for UDP and TCP on all addresses. Another process can still take it first."""
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first:
            first.bind((addresses[0], 0))
            port: int = first.getsockname()[1]
        try:
            for address in addresses:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    with socket.socket(socket.AF_INET, kind) as probe:
                        probe.bind((address, port))
        except OSError:
            continue
        return port
    raise AssertionError(f"no port is free on all of {addresses}")


@contextmanager
def knot(zones: Mapping[str, str | None], port: int, address: str = "127.0.0.1") -> Iterator[None]:
    """Serves zones until the end of the block.

    Args:
        zones: zone files by name (`.` is the root). None = the file is missing, so the server answers SERVFAIL.

    Raises:
        AssertionError: the server does not start, or rejects a zone. The message has the server's log.
    """
    assert KNOTD is not None
    # As root, the tests start the server as another user, who may not read the temporary folder of pytest.
    with tempfile.TemporaryDirectory(prefix="zones-") as name:
        folder = Path(name)
        _write(folder, zones, port, address)
        with (folder / "log").open("w", encoding="utf-8") as log:
            command = [*_as_nobody(folder), KNOTD, "-c", str(folder / "knot.conf")]
            process = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                _wait(process, folder, [zone for zone, text in zones.items() if text is not None], port, address)
                yield
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(10)


def _write(folder: Path, zones: Mapping[str, str | None], port: int, address: str) -> None:
    rows = []
    for place, (name, text) in enumerate(sorted(zones.items())):
        rows.append(f'  - domain: "{name}"\n    file: "{place}.zone"\n')
        if text is not None:
            (folder / f"{place}.zone").write_text(text, "utf-8")
    config = _CONFIG.format(folder=folder, listen=f"{address}@{port}", zones="".join(rows))
    (folder / "knot.conf").write_text(config, "utf-8")


def _as_nobody(folder: Path) -> list[str]:
    """If this process is root: gives the folder to `nobody`, and gives the command that changes to this user."""
    setpriv = shutil.which("setpriv", path=_PATH)
    if os.geteuid() or setpriv is None:
        return []
    for path in (folder, *folder.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    return [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def _wait(process: subprocess.Popen[bytes], folder: Path, names: Sequence[str], port: int, address: str) -> None:
    # Long enough for a busy machine; a server that ended is noticed at once.
    deadline = time.monotonic() + 60
    for name in names:
        query = dns.message.make_query(name, "SOA")
        while True:
            try:
                if dns.query.udp(query, address, port=port, timeout=0.1).rcode() == dns.rcode.NOERROR:
                    break
            except (dns.exception.Timeout, OSError):
                pass
            log = (folder / "log").read_text("utf-8")
            assert process.poll() is None, f"knotd ended: {log}"
            assert time.monotonic() < deadline, f"knotd does not serve {name}: {log}"
            time.sleep(0.01)
