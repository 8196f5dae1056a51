"""Generates passwords, and writes them to a file for their owners."""

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
"""Characters. At about 5.9 bits for each, 20 characters cannot be guessed."""

MAX_GENERATED = 256
"""Characters. A server's policy is untrusted input, so its minimum length is limited to this."""

# Without characters that people confuse (0 O o 1 l I).
_SPECIAL = "!#%+=?@*-"
_LOWER = "".join(c for c in string.ascii_lowercase if c not in "lo")
_UPPER = "".join(c for c in string.ascii_uppercase if c not in "IO")
_DIGITS = "23456789"


def generate_password(
    policy: PasswordPolicy, local_part: str = "", domain: str = "", *, length: int = MIN_GENERATED
) -> Secret:
    """A password from the system's random source that satisfies the policy for this mailbox, or for any mailbox.

    It has at least `length` characters, or the policy's minimum up to 256. It has a character of each class even if the
    policy does not ask for it, because the server may require more than the product says.
    """
    # A policy rejects a password that contains the name; for a one-letter name that is one character.
    avoid = {local_part.lower(), local_part.upper()} if len(local_part) == 1 else set()
    classes = ["".join(c for c in chars if c not in avoid) for chars in (_LOWER, _UPPER, _DIGITS, _SPECIAL)]
    everything = "".join(classes)
    assert length >= len(classes), "the password is too short for a character of each class"
    length = max(length, min(policy.min_length, MAX_GENERATED))
    # Otherwise no password of the limited length would satisfy the policy.
    policy = replace(policy, min_length=min(policy.min_length, MAX_GENERATED))
    while True:
        # A rejected password is discarded entirely: replacing single characters would make some passwords more likely.
        text = "".join(secrets.choice(everything) for _ in range(length))
        if all(any(c in chars for c in text) for chars in classes) and not password_faults(
            policy, text, local_part=local_part, domain=domain
        ):
            return Secret(text)


def deliver(
    path: Path, address: str, secret: Secret, *, recipients: Recipients | None = None, now: datetime | None = None
) -> None:
    """Appends a generated password to a file that only its owner can read, and waits until it is on the disk.

    The file has one JSON object per line: `address`, `password`, `time` (ISO 8601, UTC). With recipients, `age` (an
    armored age message) replaces `password`.
    Call this BEFORE sending the password to the server. A delivered password that was never set does no harm, but a
    password that was set and not delivered locks its owner out.
    A missing folder is created with mode 0700 and its own `.gitignore`. In an existing folder of a git work tree, the
    file's name is added to `.gitignore`.

    Raises:
        ReconcilerError: the file cannot be written, is a link or not a regular file, or other users can access it.
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
            # The password is set on the server right after this call; a crash must not lose it.
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
        folder.mkdir(mode=0o700, exist_ok=True)  # another domain of this run may have created it
        ignore.write_text("*\n", encoding="utf-8")
        return
    lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    if not path.exists() and {"*", path.name, f"/{path.name}"}.isdisjoint(lines) and _in_work_tree(folder):
        text = "\n".join([*lines, f"/{path.name}"])
        ignore.write_text(f"{text}\n", encoding="utf-8")


def _in_work_tree(folder: Path) -> bool:
    return any((parent / ".git").exists() for parent in (folder.absolute(), *folder.absolute().parents))


def _open_private(path: Path) -> int:
    """A descriptor for appending. The file is created exclusively, or already exists, and is never a link."""
    # O_NOFOLLOW: another user could put a link there and receive the passwords.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags | os.O_NONBLOCK)


def _check_private(path: Path, handle: int) -> None:
    found = os.fstat(handle)
    # A second hard link could be in a folder of another user.
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise ReconcilerError(f"the passwords file {path} is not a regular file, or has several names")
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        text = f"the passwords file {path} belongs to another user, or other users can access it (mode {mode:04o})"
        raise ReconcilerError(text, hint=f"run `chmod 600 {path}`, or name another file")


def _append(handle: int, data: bytes) -> None:
    """Writes all of the data or, if the disk is full, none: half a line would make the next password unreadable."""
    before = os.fstat(handle).st_size
    try:
        while data:
            data = data[os.write(handle, data) :]
    except OSError:
        os.ftruncate(handle, before)
        raise
