"""Secrets, fetched late from where a file says they are: an environment variable, a file, or a command.

A value exists only inside `Secret`. No exception that leaves this room carries one, not even as its cause.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from threading import RLock

from reconciler.config.secrets_command import run_command
from reconciler.config.secrets_generate import deliver, generate_password
from reconciler.core.errors import SecretUnavailable
from reconciler.core.secret import Secret, SecretRef
from reconciler.core.source import Span

__all__ = ["SecretExposed", "SecretStore", "deliver", "generate_password", "read_file", "resolve"]

MAX_BYTES = 64 * 1024
"""More than this is no password or token: somebody named the wrong file."""

_OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH


class SecretExposed(SecretUnavailable):
    """A file with a secret can be read or changed by others than its owner, so it is not used."""


def resolve(
    ref: SecretRef, base: Path, *, environ: Mapping[str, str] | None = None, span: Span | None = None
) -> Secret:
    """The value that a reference of kind `env`, `file` or `command` stands for.

    `base` is the workspace: relative files are in it, commands run in it. `span` is where the reference was written.

    Raises:
        SecretUnavailable: the source gave nothing; the message names the source and never holds a value.
        SecretExposed: the file can be read by others.
    """
    match ref.kind:
        case "env":
            return Secret(_environment(ref.target, os.environ if environ is None else environ, span))
        case "file":
            return Secret(read_file(base / ref.target, span=span))
        case "command":
            return Secret(run_command(ref.argv, base, span=span))
        case "generate":
            raise SecretUnavailable("a generated password is made for a mailbox, not fetched from a place", span=span)


def _environment(name: str, environ: Mapping[str, str], span: Span | None) -> str:
    value = environ.get(name)
    if value is None:
        text = f"environment variable {name} is not set"
        raise SecretUnavailable(text, hint=f"set it for this run: export {name}=…", span=span)
    if not value:
        raise SecretUnavailable(f"environment variable {name} is set, but empty", span=span)
    return value


def read_file(path: Path, *, span: Span | None = None) -> str:
    """The one line of a file with a secret; one line end is cut off.

    Raises:
        SecretExposed: its mode lets the group or others read or change it.
        SecretUnavailable: it is missing, no plain file, over 64 KiB, no text, empty, or has several lines.
    """
    value = _one_line(_bytes(path, span))
    if value is None:
        text = f"secret file {path} must hold one line of UTF-8 text, and not an empty one"
        raise SecretUnavailable(text, hint="check that it is the right file", span=span)
    return value


def _bytes(path: Path, span: Span | None) -> bytes:
    try:
        # Without O_NONBLOCK a pipe in place of the file would be waited for.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            _refuse_unsafe(path, os.fstat(handle).st_mode, span)
            data = os.read(handle, MAX_BYTES + 1)
        finally:
            os.close(handle)
    except (OSError, ValueError) as e:
        reason = e.strerror if isinstance(e, OSError) else "its name is no path"
        raise SecretUnavailable(f"secret file {path} cannot be read: {reason}", span=span) from e
    if len(data) > MAX_BYTES:
        raise SecretUnavailable(f"secret file {path} is larger than {MAX_BYTES // 1024} KiB", span=span)
    return data


def _refuse_unsafe(path: Path, mode: int, span: Span | None) -> None:
    if not stat.S_ISREG(mode):
        raise SecretUnavailable(f"secret file {path} is no plain file", span=span)
    if os.name == "posix" and mode & _OTHERS:
        text = f"secret file {path} can be read or changed by others (mode {stat.S_IMODE(mode):04o})"
        raise SecretExposed(text, hint=f"chmod 600 {path}, and change the secret if others could see it", span=span)


def _one_line(data: bytes) -> str | None:
    """None instead of an exception: a UnicodeDecodeError carries the bytes it failed on."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    text = text.removesuffix("\n").removesuffix("\r")
    return text if text and not any(c in text for c in "\n\r\0") else None


class SecretStore:
    """The secrets of one run: each reference is resolved once, also one that fails."""

    def __init__(self, base: Path, *, environ: Mapping[str, str] | None = None) -> None:
        self._base = base
        self._environ = environ
        self._found: dict[tuple[str, str, tuple[str, ...]], Secret | SecretUnavailable] = {}
        self._lock = RLock()

    def resolve(self, ref: SecretRef, *, span: Span | None = None) -> Secret:
        """The secret of a reference. Blocks while a command runs, so call it from a thread where that matters.

        Raises:
            SecretUnavailable: as `resolve`; the same failure is raised again, with the place of this reference.
        """
        key = (ref.kind, ref.target, ref.argv)
        with self._lock:
            if key not in self._found:
                try:
                    self._found[key] = resolve(ref, self._base, environ=self._environ)
                except SecretUnavailable as e:
                    self._found[key] = e
            found = self._found[key]
        if isinstance(found, SecretUnavailable):
            raise type(found)(found.message, hint=found.hint, span=span) from found
        return found
