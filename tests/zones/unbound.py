"""A real validating resolver, Unbound, in front of a Knot; and zones that a real Knot signs."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.query
import dns.zone
from dns.rdtypes.dnskeybase import Flag

NOBODY = 65534
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
UNBOUND = shutil.which("unbound", path=_PATH)
REVERSE = ("2.0.192.in-addr.arpa.", "100.51.198.in-addr.arpa.", "113.0.203.in-addr.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa.")
"""Reverse zones of the documentation addresses. By default, Unbound answers that they are empty (RFC 6303)."""

_CONFIG = """\
server:
    interface: 127.0.0.1
    port: {port}
    outgoing-interface: 127.0.0.1
    do-ip6: no
    num-threads: 1
    chroot: ""
    username: "{user}"
    directory: "{folder}"
    pidfile: ""
    use-syslog: no
    do-daemonize: no
    module-config: "validator iterator"
    do-not-query-localhost: no
    target-fetch-policy: "0 0 0 0 0"
{lines}
{stubs}
remote-control:
    control-enable: no
"""
_STUB = 'stub-zone:\n    name: "{zone}"\n    stub-addr: {address}\n'

_SIGNING = """\
server:
    rundir: "{folder}"
    # Only root can change the user.
    {user}
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{folder}"
log:
  - target: stderr
    any: warning
policy:
  - id: tests
    algorithm: ECDSAP256SHA256
    nsec3: off
template:
  - id: default
    storage: "{folder}"
    journal-content: none
    zonefile-sync: 0
    dnssec-signing: on
    dnssec-policy: tests
zone:
{zones}"""


def why_not(unbound: str | None) -> str:
    """The reason why no resolver can start here. Empty if one can."""
    if unbound is None:
        return "unbound is not installed (Debian and Ubuntu: apt install unbound)"
    with tempfile.TemporaryDirectory(prefix="unbound-") as name:
        # Not a valid configuration: an Unbound that can read it reports a syntax error and ends.
        config = Path(name) / "unbound.conf"
        config.write_text("nonsense\n", "utf-8")
        done = subprocess.run([unbound, "-d", "-c", str(config)], capture_output=True, text=True, timeout=60)
    if "ermission denied" in done.stderr:
        # AppArmor in Debian and Ubuntu lets Unbound read only its own folders.
        return f"{unbound} may not read {config.parent} (AppArmor: aa-complain {unbound}): {done.stderr.strip()[:200]}"
    return ""


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A zone that Knot signed.

    Attributes:
        text: the zone file, with keys, signatures and NSEC records.
        anchor: the DS record of the key-signing key, as a line of a zone file. The parent zone or a resolver needs it.
    """

    text: str
    anchor: str


@contextmanager
def unbound(
    port: int, stubs: Mapping[str, tuple[str, int]], *, anchors: Iterable[str] = (), at: str | None = None
) -> Iterator[None]:
    """Runs a resolver on a port of 127.0.0.1 until the end of the block.

    Args:
        stubs: address and port of the server of each zone, because a delegation has no port. `.` = all other zones.
        anchors: trusted DS records, as lines of a zone file. Without any, every zone counts as not signed.
        at: the time at which signatures must be valid, as `YYYYMMDDHHMMSS`. None = now.

    Raises:
        AssertionError: the resolver does not start. The message has its log.
    """
    assert UNBOUND is not None
    with tempfile.TemporaryDirectory(prefix="unbound-") as name:
        folder = Path(name)
        lines = [f'    local-zone: "{zone}" nodefault' for zone in REVERSE]
        lines += [f"    trust-anchor: '{anchor}'" for anchor in anchors]
        lines += [f'    val-override-date: "{at}"'] * (at is not None)
        config = _CONFIG.format(
            port=port,
            user="" if os.geteuid() else "nobody",
            folder=folder,
            lines="\n".join(lines),
            stubs="".join(
                _STUB.format(zone=zone, address=f"{host}@{stub}") for zone, (host, stub) in sorted(stubs.items())
            ),
        )
        (folder / "unbound.conf").write_text(config, "utf-8")
        _give_to_nobody(folder)
        with _running([UNBOUND, "-d", "-p", "-c", str(folder / "unbound.conf")], folder, port):
            yield


def signed(knotd: str, port: int, zones: Mapping[str, str]) -> dict[str, Signed]:
    """Signs zones with Knot. Knot makes a pair of ECDSAP256SHA256 keys for each zone.

    Raises:
        AssertionError: Knot does not start or does not sign. The message has its log.
    """
    with tempfile.TemporaryDirectory(prefix="signing-") as name:
        folder = Path(name)
        files = {zone: folder / f"{place}.zone" for place, zone in enumerate(sorted(zones))}
        for zone, file in files.items():
            file.write_text(zones[zone], "utf-8")
        rows = "".join(f'  - domain: "{zone}"\n    file: "{file.name}"\n' for zone, file in files.items())
        user = "" if os.geteuid() else "user: nobody"
        config = _SIGNING.format(folder=folder, port=port, zones=rows, user=user)
        (folder / "knot.conf").write_text(config, "utf-8")
        _give_to_nobody(folder)
        with _running([knotd, "-c", str(folder / "knot.conf")], folder, port):
            return {zone: _read(zone, file) for zone, file in files.items()}


def _read(zone: str, file: Path) -> Signed:
    """Waits until the server has written the signed zone, and reads it."""
    deadline = time.monotonic() + 60
    while "RRSIG" not in (text := file.read_text("utf-8")):
        assert time.monotonic() < deadline, f"knotd has not signed {zone}"
        time.sleep(0.01)
    origin = dns.name.from_text(zone)
    keys = dns.zone.from_text(text, origin, relativize=False).find_rdataset(origin, "DNSKEY")
    (entry,) = [key for key in keys if key.flags & Flag.SEP]
    return Signed(text=text, anchor=f"{origin} 300 IN DS {dns.dnssec.make_ds(origin, entry, 'SHA256')}")


def _give_to_nobody(folder: Path) -> None:
    """If this process is root, the servers change to the user `nobody`, who then needs the folder."""
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, NOBODY, NOBODY)


@contextmanager
def _running(command: Sequence[str], folder: Path, port: int) -> Iterator[None]:
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait(process, command, folder, port)
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _wait(process: subprocess.Popen[bytes], command: Sequence[str], folder: Path, port: int) -> None:
    """Waits until the server answers anything. The tests judge the answers."""
    deadline = time.monotonic() + 60
    name = Path(command[0]).name
    query = dns.message.make_query(".", "SOA")
    while True:
        try:
            dns.query.udp(query, "127.0.0.1", port=port, timeout=0.05)
            return
        except (dns.exception.Timeout, OSError):
            log = (folder / "log").read_text("utf-8")
            assert process.poll() is None, f"{name} ended: {log}"
            assert time.monotonic() < deadline, f"{name} does not answer: {log}"
            time.sleep(0.01)
