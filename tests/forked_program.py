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
from typing import Any, ClassVar

READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_")
"""Variables that the interpreter or its libraries read before the first line of the program."""
PRELOADED = ("asyncio", "httpx", "dns.asyncresolver", "jsonschema", "jsonschema_rs", "deepdiff", "jinja2", "stamina")
TIMEOUT = 250.0
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
    server = _Server.for_environment(env)
    if server is None:
        return fresh(words, cwd=cwd, env=env, stdin=stdin, no_input=no_input, timeout=timeout)
    source = None
    if stdin is None:
        source = os.open(os.devnull, os.O_RDONLY) if no_input else os.dup(0)
    running = server.start(words, cwd, env, source)
    out, err = running.communicate((stdin or "").encode(), timeout)
    return subprocess.CompletedProcess(["reconciler", *words], running.returncode or 0, _text(out), _text(err))


def start(words: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> "Running | subprocess.Popen[bytes]":
    """Starts a command line of `reconciler`, as `subprocess.Popen` with three pipes does."""
    server = _Server.for_environment(env)
    if server is not None:
        return server.start(words, cwd, env)
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen([sys.executable, "-m", "reconciler", *words], cwd=cwd, env=env, **pipes)


CLIENT = """#!{python} -IS
import array, json, os, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect({path!r})
request = json.dumps({{"words": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}).encode()
streams = array.array("i", [0, 1, 2])
line.sendmsg([len(request).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
line.sendall(request)
pid, code = line.makefile("r")
sys.exit(int(code) if int(code) >= 0 else 128 - int(code))
"""


def write_command(folder: Path) -> None:
    """Writes an executable file `reconciler` for scripts that run it from the path.

    It passes its arguments, folder, environment and streams to the fork server. Without a fork server, it is not
    written, and the path leads to the installed program. The file is not for tests of signals: it forwards none.
    """
    server = _Server.for_environment(os.environ)
    if server is None:
        return
    file = folder / "reconciler"
    file.write_text(CLIENT.format(python=sys.executable, path=server.path), "utf-8")
    file.chmod(0o755)


def _text(data: bytes) -> str:
    """As `subprocess` with `text=True` has it: with universal newlines."""
    return data.decode().replace("\r\n", "\n").replace("\r", "\n")


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
    """What the interpreter reads. PYTHONPATH can also be followed later, unless it has code for the start."""
    found = {name: value for name, value in env.items() if name.startswith(READ_AT_START)}
    if not any((Path(folder) / "sitecustomize.py").exists() for folder in _path_of(env)):
        found.pop("PYTHONPATH", None)
    found.pop("PYTHON_KEYRING_BACKEND", None)  # the library reads it when a keyring is asked for
    return found


def _path_of(env: Mapping[str, str]) -> list[str]:
    return [folder for folder in env.get("PYTHONPATH", "").split(os.pathsep) if folder]


class _Server:
    """The test's side: one server for each test process, which ends with it."""

    _running: ClassVar[dict[int, Any]] = {}
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
    def for_environment(cls, env: Mapping[str, str]) -> "_Server | None":
        """The server of this process; none where a fork of it could not be told from a new process by `env`."""
        if not hasattr(os, "pidfd_open"):
            return None
        with cls._making:
            if os.getpid() not in cls._running:
                cls._running[os.getpid()] = cls()
            made = cls._running[os.getpid()]
        return made if _at_start(env) == made.at_start else None

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.folder.cleanup()

    def start(self, words: Sequence[str], cwd: Path, env: Mapping[str, str], source: int | None = None) -> "Running":
        """Starts a command. `source` is its standard input, and is closed here; without it, it is a pipe."""
        feed = None
        if source is None:
            source, into = os.pipe()
            feed = os.fdopen(into, "wb")
        (out, its_out), (err, its_err) = os.pipe(), os.pipe()
        line = socket.socket(socket.AF_UNIX)
        line.connect(self.path)
        request = json.dumps({"words": list(words), "cwd": str(cwd), "env": dict(env)}).encode()
        passed = array.array("i", [source, its_out, its_err])
        line.sendmsg([len(request).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
        line.sendall(request)
        for fd in passed:
            os.close(fd)
        return Running(words, line, feed, os.fdopen(out, "rb"), os.fdopen(err, "rb"))


class Running:
    """A forked command, with what tests use of `subprocess.Popen` with pipes."""

    def __init__(self, words: Sequence[str], line: socket.socket, stdin: Any, stdout: Any, stderr: Any) -> None:
        self.words, self.stdin, self.stdout, self.stderr = words, stdin, stdout, stderr
        self._line, self._answers = line, line.makefile("r")
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def kill(self) -> None:
        """Kills it, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def communicate(self, given: bytes = b"", timeout: float = TIMEOUT) -> tuple[bytes, bytes]:
        """Feeds it, and waits for its end. A command that takes longer is killed, and `TimeoutExpired` raised."""
        found: dict[int, bytes] = {}
        late = threading.Event()

        def drain(number: int, stream: Any) -> None:
            found[number] = stream.read()
            stream.close()

        def end() -> None:
            late.set()
            self.kill()

        timer = threading.Timer(timeout, end)
        readers = [threading.Thread(target=drain, args=pair) for pair in enumerate((self.stdout, self.stderr))]
        for thread in (timer, *readers):
            thread.start()
        if self.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.stdin.write(given)
                self.stdin.flush()
            with contextlib.suppress(BrokenPipeError):
                self.stdin.close()
        for thread in readers:
            thread.join()
        self.returncode = int(self._answers.readline())
        timer.cancel()
        timer.join()
        self._answers.close()
        self._line.close()
        if late.is_set():
            raise subprocess.TimeoutExpired(["reconciler", *self.words], timeout, found[0], found[1])
        return found[0], found[1]


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
    sys.path[1:1] = _path_of(request["env"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        # A new interpreter decides about buffering by what its streams are; standard error writes every line.
        stream = os.fdopen(number, old.mode, encoding=old.encoding, errors=old.errors, closefd=False)
        stream.reconfigure(line_buffering=number == 2 or stream.isatty())
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
