"""Unique secrets, and the search for them in all files and outputs of a program."""

import base64
import html
import json
import re
import secrets
import stat
import threading
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from urllib.parse import quote, quote_plus

TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{16,}\.")
"""The prefix of the API's access tokens."""


def canary() -> str:
    """A password that every policy accepts, with characters that encodings change."""
    return f'{secrets.token_hex(8)}"Zé\\/+%&<7!'


def weak_canary() -> str:
    """A password that a policy rejects: no upper-case letter, no special character."""
    return f"weak{secrets.token_hex(8)}"


_TEXTS = ("plain", "JSON", "JSON, not ASCII", "repr")


@cache
def forms(value: str) -> dict[str, bytes]:
    """The encodings in which a secret may be written."""
    data = value.encode()
    found = {
        "plain": data,
        "latin-1": value.encode("latin-1"),
        "JSON": json.dumps(value)[1:-1].encode(),
        "JSON, not ASCII": json.dumps(value, ensure_ascii=False)[1:-1].encode(),
        "repr": repr(value)[1:-1].encode(),
        "URL": quote(value, safe="").encode(),
        "URL path": quote(value).encode(),
        "form": quote_plus(value).encode(),
        "hex": data.hex().encode(),
        "HEX": data.hex().upper().encode(),
    }
    found |= {f"HTML of {name}": html.escape(text.decode()).encode() for name, text in found.items() if name in _TEXTS}
    for shift in range(3):  # base64 of a longer text holds it in one of three ways
        whole = base64.b64encode(b"\0" * shift + data)
        inner = whole[4 if shift else 0 : -4]
        found[f"base64 {shift}"] = inner
        found[f"base64url {shift}"] = inner.translate(bytes.maketrans(b"+/", b"-_"))
    return found


class Canaries:
    """All secrets of a test by their place."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def new(self, name: str) -> str:
        return self.add(name, canary())

    def add(self, name: str, value: str) -> str:
        self.values[name] = value
        return value

    def found_in(self, *blobs: bytes | str) -> list[tuple[str, str, str]]:
        """(secret, form, surrounding text) of all occurrences, including tokens of the API."""
        each = {b.encode("utf-8", "surrogatepass") if isinstance(b, str) else b for b in blobs}
        data = b"\n".join(sorted(each))
        hits = [
            (name, form, _around(data, data.index(text), len(text)))
            for name, value in self.values.items()
            for form, text in forms(value).items()
            if text in data
        ]
        return hits + [("token", "plain", _around(data, m.start(), 20)) for m in TOKEN.finditer(data)]

    def found_below(self, folder: Path, *, but: Iterable[str] = ()) -> list[tuple[str, str, str]]:
        """The same for names and contents of all files below a folder, but those in the folders given."""
        skipped = [folder / name for name in but]
        hits = []
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not any(file.is_relative_to(s) for s in skipped):
                hits += [(str(file), *hit) for hit in self.found_in(file.read_bytes(), str(file))]
        return [(f"{file}: {name}", form, around) for file, name, form, around in hits]


def _around(blob: bytes, start: int, length: int) -> str:
    return blob[max(0, start - 60) : start + length + 20].decode("utf-8", "replace")


def is_private(file: Path) -> bool:
    """Whether only its owner can read or change a file."""
    return stat.S_IMODE(file.stat().st_mode) == 0o600


class CommandLines(threading.Thread):
    """Watches the command lines of a process and its children, which every user of the machine can read."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.seen, self.ended = pid, set[bytes](), threading.Event()
        self.start()

    def run(self) -> None:
        while not self.ended.is_set():
            self._look(self.pid)
            time.sleep(0.005)

    def _look(self, pid: int) -> None:
        """The process, and then its children: the kernel lists them for each thread that started some."""
        try:
            self.seen.add(Path(f"/proc/{pid}/cmdline").read_bytes())
            for thread in Path(f"/proc/{pid}/task").iterdir():
                for child in (thread / "children").read_text("ascii").split():
                    self._look(int(child))
        except OSError:
            return  # it has ended meanwhile
