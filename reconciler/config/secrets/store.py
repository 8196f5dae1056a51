"""Resolves references to secrets, when a value is needed. Every source except `env` and `file` has its own module.

A value exists only inside `Secret`. No exception of this package contains one, not even as its cause.
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
    "set `secrets: {commands: true}` in reconciler.yaml to allow commands; "
    "everyone who can change the files can then run programs here"
)

_OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH


class SecretExposed(SecretUnavailable):
    """The mode of a file with a secret lets users other than its owner read or change it, so it is not used."""


class CommandsNotAllowed(SecretUnavailable):
    """A secret would come from a command, but the workspace does not allow commands."""


def _environment(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if value is None:
        text = f"environment variable {name} is not set"
        raise SecretUnavailable(text, hint=f"set it for this run: export {name}=…")
    if not value:
        raise SecretUnavailable(f"environment variable {name} is empty", hint=f"set it for this run: export {name}=…")
    return value


def read_file(path: Path, *, span: Span | None = None) -> str:
    """The single line of a file with a secret, without its line end.

    Raises:
        SecretExposed: the file's mode lets the group or others read or change it.
        SecretUnavailable: the file is missing, not a regular file, larger than 64 KiB, not UTF-8, empty, or has several
            lines.
    """
    value = one_line(_bytes(path, span))
    if value is None:
        text = f"secret file {path} must contain one non-empty line of UTF-8 text"
        raise SecretUnavailable(text, hint="check that it is the right file", span=span)
    return value


def _bytes(path: Path, span: Span | None) -> bytes:
    try:
        # Without O_NONBLOCK, opening a pipe in place of the file would block.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            # The mode is that of the open file: a check by path could see another file than the one that is read.
            _check_mode(path, os.fstat(handle).st_mode, span)
            data = os.read(handle, MAX_BYTES + 1)
        finally:
            os.close(handle)
    except (OSError, ValueError) as e:
        reason = e.strerror if isinstance(e, OSError) else "its name is not a path"
        raise SecretUnavailable(f"secret file {path} cannot be read: {reason}", span=span) from e
    if len(data) > MAX_BYTES:
        raise SecretUnavailable(f"secret file {path} is larger than {MAX_BYTES // 1024} KiB", span=span)
    return data


def _check_mode(path: Path, mode: int, span: Span | None) -> None:
    if not stat.S_ISREG(mode):
        raise SecretUnavailable(f"secret file {path} is not a regular file", span=span)
    if os.name == "posix" and mode & _OTHERS:
        text = f"other users can read or change secret file {path} (mode {stat.S_IMODE(mode):04o})"
        raise SecretExposed(
            text, hint=f"run `chmod 600 {path}`, and change the secret if other users could see it", span=span
        )


class SecretStore:
    """The secrets of one run. Each reference is resolved once, even if that fails: a failed login may lock an account.

    Args:
        base: the workspace's folder. Relative files are in it, and commands run in it.
        environ: the environment variables; None for those of this process.
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
        """The secret of a reference. Blocks until its source answers, so asynchronous code must call it from a thread.

        Raises:
            SecretUnavailable: the source gave no secret. The message names the source and never contains a value. A
                second call raises the same failure, with the location of its own reference.
            SecretExposed: other users can read the file.
            CommandsNotAllowed: the reference is a command, and the workspace does not allow commands.
        """
        # The version is not part of the key: it changes when to set a secret, not where it is.
        key = (ref.kind, ref.target, ref.parts)
        # Domains are applied concurrently, and a program or login must run only once.
        with self._lock:
            if key not in self._found:
                try:
                    self._found[key] = Secret(self._fetch(ref))
                except SecretUnavailable as e:
                    self._found[key] = e
            found = self._found[key]
        if isinstance(found, SecretUnavailable):
            # A new exception each time, because the location differs.
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
                raise SecretUnavailable(
                    "`generate` creates a password for a new mailbox; it is not a source of other secrets"
                )

    def _open_vault(self) -> "Vault":
        """The Vault of this run, so that the run logs in once."""
        if self._vault is None:
            # Imported on use, because hvac and requests are slow to import and optional.
            from reconciler.config.secrets.vault import Vault

            self._vault = Vault(self._environ)
        return self._vault
