"""Reads a secret from a command, such as a password manager: no shell, a time limit, and its output is never shown."""

import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from reconciler.core.errors import SecretUnavailable
from reconciler.core.source import Span

TIMEOUT = 30.0
"""Seconds."""
_POLL = 0.1
"""Seconds between two checks whether the command has ended."""
_MAX_OUTPUT = 64 * 1024
_MAX_MESSAGE = 200
"""Characters of standard error that a message shows."""


def run_command(argv: Sequence[str], base: Path, *, span: Span | None = None, timeout: float = TIMEOUT) -> str:
    """The first line that a command writes to its standard output, without the line end.

    The command runs in the folder `base`, without a shell and with empty standard input. After `timeout` seconds it and
    its child processes are killed.

    Raises:
        SecretUnavailable: the command cannot be started, fails, takes too long, or writes no usable line. The message
            shows the last line of its standard error, sanitized, and never its standard output.
    """
    name = f"command `{shlex.join(argv)}`"
    status, output, errors = run_program(argv, base, name=name, span=span, timeout=timeout)
    line = _first_line(output)
    if status != 0:
        ending = f"ended with status {status}" if status > 0 else f"was killed by signal {-status}"
        raise SecretUnavailable(f"{name} {ending}{_last_error(errors, line)}", span=span)
    if not line:
        text = f"{name} wrote no usable first line to its standard output{_last_error(errors, line)}"
        raise SecretUnavailable(text, span=span)
    return line


def run_program(
    argv: Sequence[str], base: Path, *, name: str, span: Span | None = None, timeout: float = TIMEOUT
) -> tuple[int, bytes, bytes]:
    """Exit status, standard output and standard error of a program, each output at most 64 KiB.

    `name` is the program's name in messages. Exceptions contain nothing of its output.

    Raises:
        SecretUnavailable: the program cannot be started, takes too long, or writes too much.
    """
    try:
        # An argument list without a shell: no part of an argument can become another command.
        process = subprocess.Popen(  # noqa: S603
            list(argv),
            cwd=base,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # The session gives the command a process group, which `_kill` needs.
            start_new_session=True,
        )
    except (OSError, ValueError) as e:
        reason = e.strerror if isinstance(e, OSError) else "an argument contains a NUL character"
        raise SecretUnavailable(f"{name} cannot be started: {reason}", span=span) from e
    deadline = time.monotonic() + timeout
    with process:
        try:
            output, errors = _collect(process, deadline)
            status = process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except (subprocess.TimeoutExpired, OverflowError) as e:
            _kill(process)
            reason = "wrote too much" if isinstance(e, OverflowError) else f"took longer than {timeout:g} seconds"
            # `from None`: TimeoutExpired contains the output so far.
            raise SecretUnavailable(f"{name} {reason}", span=span) from None
        except BaseException:  # the terminal sends Ctrl-C only to its own session, so the command would keep running
            _kill(process)
            raise
    return status, output, errors


def _collect(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes]:
    """Standard output and standard error, read concurrently so that neither pipe fills up.

    Reading ends with the command, even if a process that it leaves running (an agent) keeps the pipes open.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    found: dict[IO[bytes], bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for pipe in found:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(process.args, 0)
            # Remaining output is read once more after the end, because it may still be in the pipe.
            ended = process.poll() is not None
            ready = selector.select(0 if ended else min(left, _POLL))
            if ended and not ready:
                break
            for key, _ in ready:
                pipe = next(p for p in found if p is key.fileobj)
                chunk = os.read(pipe.fileno(), 8192)
                if not chunk:
                    selector.unregister(pipe)
                found[pipe] += chunk
                # A secret is short; endless output must not fill the memory.
                if len(found[pipe]) > _MAX_OUTPUT:
                    raise OverflowError
    return bytes(found[process.stdout]), bytes(found[process.stderr])


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kills the command and its child processes: its own session gives them one process group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _first_line(output: bytes) -> str:
    try:
        text = output.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    line = text.split("\n", 1)[0].removesuffix("\r")
    return "" if "\0" in line else line


def _last_error(errors: bytes, line: str) -> str:
    """The last line of standard error for a message: printable, short, and with the secret in it replaced."""
    text = errors.decode("utf-8", errors="replace")
    # Some tools repeat the secret in their error message.
    if line:
        text = text.replace(line, "***")
    lines = [s for s in ("".join(c for c in row if c.isprintable()).strip() for row in text.splitlines()) if s]
    return f": {lines[-1][:_MAX_MESSAGE]}" if lines else ""
