"""Passwords that are made here, and the file in which they are handed over."""

import json
import os
import secrets
import stat
import string
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from reconciler.config.secrets.age import Recipients
from reconciler.core.errors import ReconcilerError
from reconciler.core.product import PasswordPolicy, password_faults
from reconciler.core.secret import Secret

MIN_GENERATED = 20
"""At about 5.9 bits a character, 20 of them are beyond guessing."""

MAX_GENERATED = 256
"""Whatever a policy asks, for it may be a server's that is none of ours."""

_SPECIAL = "!#%+=?@*-"
_LOWER = "".join(c for c in string.ascii_lowercase if c not in "lo")
_UPPER = "".join(c for c in string.ascii_uppercase if c not in "IO")
_DIGITS = "23456789"


def generate_password(
    policy: PasswordPolicy, local_part: str = "", domain: str = "", *, length: int = MIN_GENERATED
) -> Secret:
    """A password out of the system's random source that satisfies the policy for this mailbox, or for any.

    At least `length` characters, and as many as the policy asks up to 256; none that are mistaken for others (0 O 1 l
    I o), and at least one of each class, whatever the policy asks, for a server may ask more than the product says.
    """
    avoid = {local_part.lower(), local_part.upper()} if len(local_part) == 1 else set()
    classes = ["".join(c for c in chars if c not in avoid) for chars in (_LOWER, _UPPER, _DIGITS, _SPECIAL)]
    everything = "".join(classes)
    assert length >= len(classes), "a character of each class has to have a place"
    length = max(length, min(policy.min_length, MAX_GENERATED))
    policy = replace(policy, min_length=min(policy.min_length, MAX_GENERATED))
    while True:
        # Drawn whole and thrown away whole: replacing single characters would favour some passwords.
        text = "".join(secrets.choice(everything) for _ in range(length))
        if all(any(c in chars for c in text) for chars in classes) and not password_faults(
            policy, text, local_part=local_part, domain=domain
        ):
            return Secret(text)


def deliver(
    path: Path, address: str, secret: Secret, *, recipients: Recipients | None = None, now: datetime | None = None
) -> None:
    """Appends a made password to a file that only its owner can read, and waits until it is on the disk.

    One JSON object a line: `address`, `password`, `time` (ISO 8601, UTC); with recipients `age` in place of `password`:
    an armoured age message that holds it. Call it BEFORE the password goes to the
    server: a password in the file that was never set does no harm, one that was set and is in no file locks its owner
    out. A folder that is missing is made with mode 0700 and hidden from git; in one that exists and lies in a git
    work tree the file's name is added to `.gitignore`.

    Raises:
        ReconcilerError: the file cannot be written, is a link or no plain file, or is open to others.
    """
    time = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    try:
        _prepare_folder(path)
        handle = _open_private(path)
        try:
            _check_private(path, handle)
            held = {"age": recipients.encrypt(secret)} if recipients else {"password": secret.reveal()}
            line = json.dumps({"address": address, **held, "time": time}, ensure_ascii=False)
            _append(handle, f"{line}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as e:
        raise ReconcilerError(f"the passwords file {path} cannot be written: {e.strerror}") from e


def _prepare_folder(path: Path) -> None:
    folder = path.parent
    ignore = folder / ".gitignore"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)  # another domain may have made it in the meantime
        ignore.write_text("*\n", encoding="utf-8")
        return
    lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    if not path.exists() and {"*", path.name, f"/{path.name}"}.isdisjoint(lines) and _in_work_tree(folder):
        text = "\n".join([*lines, f"/{path.name}"])
        ignore.write_text(f"{text}\n", encoding="utf-8")


def _in_work_tree(folder: Path) -> bool:
    return any((parent / ".git").exists() for parent in (folder.absolute(), *folder.absolute().parents))


def _open_private(path: Path) -> int:
    """A descriptor to append to; the file is made exclusively, or is there already, and is never a link."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags | os.O_NONBLOCK)


def _check_private(path: Path, handle: int) -> None:
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise ReconcilerError(f"the passwords file {path} is no plain file of its own")
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        text = f"the passwords file {path} is open to others, or another user's (mode {mode:04o})"
        raise ReconcilerError(text, hint=f"chmod 600 {path}, or name another file")


def _append(handle: int, data: bytes) -> None:
    """Writes all of it or, where the disk is full, nothing: the next password would stand behind half a line."""
    before = os.fstat(handle).st_size
    try:
        while data:
            data = data[os.write(handle, data) :]
    except OSError:
        os.ftruncate(handle, before)
        raise
