"""Secrets, fetched late from where a file says they are; each source but the two simplest has a module of its own.

A value exists only inside `Secret`. No exception that leaves this room carries one, not even as its cause.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from reconciler.config.secrets.command import run_command
from reconciler.config.secrets.generate import deliver, generate_password
from reconciler.config.secrets.keyring import read_keyring
from reconciler.config.secrets.sops import SopsOutside, read_sops, sops_file
from reconciler.config.secrets.text import MAX_BYTES, one_line
from reconciler.core.errors import SecretUnavailable
from reconciler.core.secret import Secret, SecretRef
from reconciler.core.source import Span

if TYPE_CHECKING:
    from reconciler.config.secrets.vault import Vault

__all__ = [
    "ALLOW_COMMANDS",
    "CommandsNotAllowed",
    "SecretExposed",
    "SecretStore",
    "SopsOutside",
    "deliver",
    "generate_password",
    "read_file",
    "sops_file",
]

ALLOW_COMMANDS = (
    "`secrets: {commands: true}` in reconciler.yaml allows them: then whoever may change the files says what runs"
)

_OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH


class SecretExposed(SecretUnavailable):
    """A file with a secret can be read or changed by others than its owner, so it is not used."""


class CommandsNotAllowed(SecretUnavailable):
    """A secret would come from a command, and the workspace does not allow these."""


def _environment(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if value is None:
        text = f"environment variable {name} is not set"
        raise SecretUnavailable(text, hint=f"set it for this run: export {name}=…")
    if not value:
        raise SecretUnavailable(f"environment variable {name} is set, but empty")
    return value


def read_file(path: Path, *, span: Span | None = None) -> str:
    """The one line of a file with a secret; one line end is cut off.

    Raises:
        SecretExposed: its mode lets the group or others read or change it.
        SecretUnavailable: it is missing, no plain file, over 64 KiB, no text, empty, or has several lines.
    """
    value = one_line(_bytes(path, span))
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


class SecretStore:
    """The secrets of one run: each reference is resolved once, also one that fails.

    Args:
        base: the workspace: relative files are in it, commands run in it.
        environ: None = the environment.
        commands: whether the workspace allows `command` references.
    """

    def __init__(self, base: Path, *, environ: Mapping[str, str] | None = None, commands: bool = False) -> None:
        self._base = base
        self._environ = os.environ if environ is None else environ
        self._commands = commands
        self._vault: Vault | None = None
        self._found: dict[tuple[str, str, tuple[str, ...]], Secret | SecretUnavailable] = {}
        self._lock = RLock()

    def resolve(self, ref: SecretRef, *, span: Span | None = None) -> Secret:
        """The secret of a reference. Blocks while its source is asked, so call it from a thread where that matters.

        Raises:
            SecretUnavailable: the source gave nothing; the message names the source and never holds a value. The same
                failure is raised again, with the place of this reference.
            SecretExposed: the file can be read by others.
            CommandsNotAllowed: see there.
        """
        key = (ref.kind, ref.target, ref.parts)
        with self._lock:
            if key not in self._found:
                try:
                    self._found[key] = Secret(self._fetch(ref))
                except SecretUnavailable as e:
                    self._found[key] = e
            found = self._found[key]
        if isinstance(found, SecretUnavailable):
            raise type(found)(found.message, hint=found.hint, span=span) from found
        return found

    def _fetch(self, ref: SecretRef) -> str:
        match ref.kind:
            case "env":
                return _environment(ref.target, self._environ)
            case "file":
                return read_file(self._base / ref.target)
            case "command":
                if not self._commands:
                    text = (
                        f"the secret comes from the command `{ref.target}`, and the workspace does not allow commands"
                    )
                    raise CommandsNotAllowed(text, hint=ALLOW_COMMANDS)
                return run_command(ref.parts, self._base)
            case "sops":
                return read_sops(ref.parts[0], ref.parts[1:], self._base)
            case "vault":
                return self._open_vault().read(*ref.parts)
            case "keyring":
                return read_keyring(*ref.parts)
            case "generate":
                raise SecretUnavailable("a generated password is made for a mailbox, not fetched from a place")

    def _open_vault(self) -> "Vault":
        """One sign-in a run."""
        if self._vault is None:
            from reconciler.config.secrets.vault import Vault

            self._vault = Vault(self._environ)
        return self._vault
