"""`reconciler password`: passwords on standard output only, a check that reads standard input and shows nothing of it."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import run
from reconciler.core.product import PasswordPolicy, password_faults

STRICT = "apiVersion: reconciler/v1\nkind: Product\npasswordPolicy: {minLength: 24, requireSpecial: false}\n"
WORKSPACE = """\
apiVersion: reconciler/v1
kind: Workspace
servers: {mail1: {url: "https://mail1.example.net", username: admin, password: {env: PW}}}
"""
Said = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def said(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Said:
    """Runs the command in this process, in an empty folder: its exit code, its results by line, its messages."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str, stdin: bytes = b"") -> tuple[int, list[str], str]:
        given = tmp_path / "given"
        given.write_bytes(stdin)
        with given.open(encoding="utf-8") as stream:
            monkeypatch.setattr(sys, "stdin", stream)
            code = run(["password", *words])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err

    return call


@pytest.fixture
def strict(tmp_path: Path) -> None:
    (tmp_path / "products").mkdir()
    (tmp_path / "reconciler.yaml").write_text(WORKSPACE)
    (tmp_path / "products" / "strict.yaml").write_text(STRICT)


def faults(password: str, policy: PasswordPolicy | None = None) -> tuple[str, ...]:
    return password_faults(policy or PasswordPolicy(), password, local_part="", domain="")


def test_without_a_workspace_the_default_policy_holds(said: Said) -> None:
    code, rows, messages = said()
    assert (code, len(rows), messages) == (0, 1, "")
    assert (len(rows[0]), faults(rows[0])) == (20, ())


def test_as_many_as_are_asked_for_one_a_line_and_no_two_alike(said: Said) -> None:
    code, rows, messages = said("--count", "200", "--length", "12")
    assert (code, len(set(rows)), messages) == (0, 200, "")
    assert {len(row) for row in rows} == {12}
    assert all(faults(row) == () for row in rows)


@pytest.mark.usefixtures("strict")
def test_a_products_policy_is_kept_and_a_shorter_one_refused(said: Said) -> None:
    _, rows, _ = said("--product", "strict", "--count", "3")
    assert {len(row) for row in rows} == {24}
    code, rows, messages = said("--product", "strict", "--length", "20")
    assert (code, rows) == (64, [])
    assert "--length 20 is too short: the policy requires at least 24 characters" in messages
    code, rows, messages = said("--product", "strikt")
    assert (code, rows) == (1, [])
    assert "valid products: strict" in messages


def test_a_product_needs_a_workspace(said: Said) -> None:
    code, rows, messages = said("--product", "strict")
    assert (code, rows) == (3, [])
    assert "reconciler.yaml" in messages


def test_a_mailboxs_name_is_not_in_its_password(said: Said) -> None:
    _, rows, _ = said("--for", "Q@example.com", "--count", "200")
    assert not any(c in "Qq" for row in rows for c in row)


@pytest.mark.parametrize(
    ("password", "broken"),
    [
        ("Long-enough-123", []),
        ("Long-enough-123\n", []),
        ("  \u00c9t\u00e9 1!aaaa\r\n", []),
        ("short", ["fewer than 8 characters", "no upper-case letter", "no digit", "no special character"]),
        ("Alice-at-home-1", ["the mailbox's name"]),
        ("Example.com-1234", ["the domain"]),
    ],
)
def test_a_check_lists_each_rule_that_is_broken(said: Said, password: str, broken: list[str]) -> None:
    code, rows, messages = said("--check", "--for", "alice@example.com", stdin=password.encode())
    assert code == (3 if broken else 0)
    assert len(rows) == len(broken)
    assert all(rule in row for rule, row in zip(broken, rows, strict=True))
    assert ("satisfies" in messages) is not broken or not broken
    assert password.strip() not in messages + "".join(rows)


@pytest.mark.usefixtures("strict")
def test_a_check_goes_by_the_product(said: Said) -> None:
    assert said("--check", "--product", "strict", stdin=b"Long-enough-123")[1] == ["it has fewer than 24 characters"]


@pytest.mark.parametrize("data", [b"", b"\n", b"one\ntwo\n", b"a\0b", b"\xff\xfe", b"x" * 70_000])
def test_what_is_no_one_line_is_wrong_usage(said: Said, data: bytes) -> None:
    code, rows, messages = said("--check", stdin=data)
    assert (code, rows) == (64, [])
    assert "one password on one line" in messages


@pytest.mark.parametrize(
    "words",
    [
        ("--count", "0"),
        ("--length", "7"),
        ("--length", "257"),
        ("--check", "--count", "2"),
        ("--check", "x"),
        ("secret",),
    ],
)
def test_wrong_usage_is_64_and_a_password_is_never_an_argument(said: Said, words: tuple[str, ...]) -> None:
    code, rows, _ = said(*words)
    assert (code, rows) == (64, [])


def test_on_a_terminal_the_password_is_asked_for_and_not_shown(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "password", "--check"],
        cwd=tmp_path,
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509  # no threads here; getpass asks the terminal that controls it
    )
    os.close(slave)
    screen = _until(master, b"(hidden)")
    os.write(master, b"short-Secret\n")
    out, _ = program.communicate(timeout=60)
    screen += _until(master, b"\n" * 99)
    os.close(master)
    assert program.returncode == 3
    assert out.decode().splitlines() == ["it has no digit"]
    assert b"short-Secret" not in screen


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _until(terminal: int, text: bytes) -> bytes:
    """What the terminal shows until this text, or until nothing more comes."""
    seen, deadline = b"", time.monotonic() + 30
    while text not in seen and time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.2 if text.startswith(b"\n") else 30)
        if not ready:
            break
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        seen += chunk
    return seen


def test_a_terminal_that_would_show_it_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """getpass falls back to a plain read, with a warning, where it cannot turn the echo off."""
    import getpass
    import warnings

    class Terminal:
        def isatty(self) -> bool:
            return True

    def fallback(prompt: str = "", stream: object = None) -> str:
        warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
        raise AssertionError("it would have been read, and shown")

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", fallback)
    assert run(["password", "--check"]) == 64
    assert "would show the password" in capsys.readouterr().err


def test_a_crash_of_the_program_or_of_what_it_starts_leaves_no_core(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="this platform has no such limits")
    code = (
        "import resource, sys; hard = resource.getrlimit(resource.RLIMIT_CORE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))\n"
        "from reconciler.cli import main\n"
        "try: main(['--version'])\n"
        "except SystemExit: print(*resource.getrlimit(resource.RLIMIT_CORE))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert resource.getrlimit(resource.RLIMIT_CORE)[1] != 0, "nothing would be shown by this"
    assert done.stdout.splitlines()[-1] == "0 0"
