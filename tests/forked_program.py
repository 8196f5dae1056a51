"""Runs `reconciler` in processes that a preloaded server forks, so that a command does not import everything again.

A command of the program needs about half a second to import its modules. The server imports them once per test
worker. For each command it forks a process with its own arguments, folder, environment, standard streams and exit
code, and that process runs `reconciler/__main__.py` from its first line to the interpreter's own end.

Tests use a fresh interpreter (`fresh`) where the start of the process is what they test: signals, limits, command
lines, Python's own options. `run` does so by itself where the environment holds something that Python reads at start.
"""

import array
import atexit
import contextlib
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_")
"""Variables that the interpreter or its libraries read before the first line of the program."""
PRELOADED = ("asyncio", "httpx", "dns.asyncresolver", "jsonschema", "jsonschema_rs", "deepdiff", "jinja2", "stamina")
TIMEOUT = 120.0
"""Seconds after which a command counts as hanging. No test depends on it: it is far above what any command takes."""


def run(
    words: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: str | None = None,
    no_input: bool = False,
    timeout: float = TIMEOUT,
) -> subprocess.CompletedProcess[str]:
    """Runs a command line of `reconciler`, as `subprocess.run` with captured output does.

    `stdin` is the text of the standard input. Without it, the program has the caller's, or /dev/null (`no_input`).
    """
    if hasattr(os, "pidfd_open"):
        server = _Server.of_this_process()
        if _at_start(env) == server.at_start:
            return server.run(words, cwd, env, stdin, no_input, timeout)
    return fresh(words, cwd=cwd, env=env, stdin=stdin, no_input=no_input, timeout=timeout)


def fresh(
    words: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: str | None = None,
    no_input: bool = False,
    timeout: float = TIMEOUT,
) -> subprocess.CompletedProcess[str]:
    """The same in an interpreter of its own."""
    source: dict[str, Any] = {"stdin": subprocess.DEVNULL} if no_input and stdin is None else {"input": stdin}
    return subprocess.run(
        [sys.executable, "-m", "reconciler", *words],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
        **source,
    )


def _at_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(READ_AT_START)}


class _Server:
    """The test's side: one server for each test process, which ends with it."""

    _running: "dict[int, _Server]" = {}
    _making = threading.Lock()

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="reconciler-fork-")
        self.path = str(Path(self.folder.name) / "socket")
        self.at_start = _at_start(os.environ)
        # Its standard input is a pipe from here: the server ends when this process does, however that ends.
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), self.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.folder.name,
            env=dict(os.environ),
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n", "the fork server does not start"
        atexit.register(self.close)

    @classmethod
    def of_this_process(cls) -> "_Server":
        with cls._making:
            if os.getpid() not in cls._running:
                cls._running[os.getpid()] = cls()
            return cls._running[os.getpid()]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.folder.cleanup()

    def run(
        self, words: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: str | None, no_input: bool, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        with contextlib.ExitStack() as stack:
            reads, writes = [], []
            for _ in range(2):
                read, write = os.pipe()
                reads.append(stack.enter_context(open(read, "rb")))
                writes.append(write)
            feed = None
            if stdin is not None:
                source, into = os.pipe()
                feed = stack.enter_context(open(into, "wb"))
            else:
                source = os.open(os.devnull, os.O_RDONLY) if no_input else os.dup(0)
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(self.path)
                request = json.dumps({"words": list(words), "cwd": str(cwd), "env": dict(env)}).encode()
                fds = array.array("i", [source, *writes])
                line.sendmsg([len(request).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
                line.sendall(request)
                for fd in (source, *writes):
                    os.close(fd)
                answers = line.makefile("r")
                pid = int(answers.readline())
                late = threading.Timer(timeout, _kill, [pid])
                late.start()
                found = ["", ""]
                threads = [threading.Thread(target=_drain, args=(reads[n], found, n)) for n in range(2)]
                for thread in threads:
                    thread.start()
                if feed is not None:
                    with contextlib.suppress(BrokenPipeError):
                        feed.write((stdin or "").encode())
                        feed.close()
                for thread in threads:
                    thread.join()
                status = int(answers.readline())
                answers.close()
                late.cancel()
                if late.finished.is_set() and status == -signal.SIGKILL:
                    raise subprocess.TimeoutExpired(["reconciler", *words], timeout, found[0], found[1])
        return subprocess.CompletedProcess(["reconciler", *words], status, *found)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _drain(source: Any, found: list[str], at: int) -> None:
    # As `subprocess` with text=True: universal newlines.
    found[at] = source.read().decode().replace("\r\n", "\n").replace("\r", "\n")


def _preload() -> None:
    """Imports all of the program, and what its functions import themselves."""
    import reconciler

    for module in pkgutil.walk_packages(reconciler.__path__, "reconciler."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in PRELOADED:
        importlib.import_module(name)


def _serve(path: str) -> dict[str, Any]:
    """Forks a process for each request. Returns in the forked process, with the request; the server never returns."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    os.write(1, b"ready\n")
    waiting: dict[int, tuple[int, socket.socket]] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd == 0:
                    os._exit(0)
                if key.fileobj is not listener:
                    pid, line = waiting.pop(key.fd)
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    _, status = os.waitpid(pid, 0)
                    line.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
                    line.close()
                    continue
                line, _ = listener.accept()
                request, fds = _request(line)
                pid = os.fork()
                if pid == 0:
                    for one in (line, listener, *(other for _, other in waiting.values())):
                        one.close()
                    for fd in waiting:
                        os.close(fd)
                    for target, fd in enumerate(fds):
                        os.dup2(fd, target)
                        os.close(fd)
                    return request
                for fd in fds:
                    os.close(fd)
                line.sendall(f"{pid}\n".encode())
                ends = os.pidfd_open(pid)
                waiting[ends] = pid, line
                selector.register(ends, selectors.EVENT_READ)


def _request(line: socket.socket) -> tuple[dict[str, Any], list[int]]:
    fds = array.array("i")
    head, more, _, _ = line.recvmsg(4, socket.CMSG_SPACE(3 * fds.itemsize))
    for _level, _kind, data in more:
        fds.frombytes(data)
    size, body = int.from_bytes(head, "big"), b""
    while len(body) < size:
        body += line.recv(size - len(body))
    return json.loads(body), list(fds)


def _become(request: Mapping[str, Any]) -> None:
    """Makes the forked process what a new interpreter would be for this command."""
    import time

    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    for number, name, mode, errors in ((0, "stdin", "r", "strict"), (1, "stdout", "w", "strict"), (2, "stderr", "w", "backslashreplace")):
        old = getattr(sys, name)
        stream = open(number, mode, encoding=old.encoding, errors=errors if number else old.errors, closefd=False)
        if number == 2:
            stream.reconfigure(line_buffering=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.argv = ["reconciler", *request["words"]]


def _main(path: str) -> None:
    import gc
    import runpy

    sys.path[0] = ""  # as `python -m` has it; the folder of this file is no part of the program's path
    _preload()
    gc.collect()
    gc.freeze()
    _become(_serve(path))
    try:
        runpy.run_module("reconciler", run_name="__main__", alter_sys=True)
    except SystemExit as e:
        _end(e)
        raise


def _end(ended: SystemExit) -> None:
    """Ends as the interpreter does, but for the tenth of a second that it needs to free hundreds of modules."""
    import atexit

    if not isinstance(ended.code, int):
        return
    threading._shutdown()  # type: ignore[attr-defined]  # waits for the threads that are not daemons
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # the interpreter reports what it cannot write, and exits with 120
    os._exit(ended.code & 0xFF)


if __name__ == "__main__":
    _main(sys.argv[1])
