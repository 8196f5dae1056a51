"""`password` prints passwords only to standard output; `--check` reads standard input and never prints it."""

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
RunPassword = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def run_password(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunPassword:
    """Runs the command in this process in an empty folder; returns exit code, output lines and messages."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str, stdin: bytes = b"") -> tuple[int, list[str], str]:
        input_file = tmp_path / "input_file"
        input_file.write_bytes(stdin)
        with input_file.open(encoding="utf-8") as stream:
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


def test_without_a_workspace_the_default_policy_applies(run_password: RunPassword) -> None:
    code, rows, messages = run_password()
    assert (code, len(rows), messages) == (0, 1, "")
    assert (len(rows[0]), faults(rows[0])) == (20, ())


def test_count_prints_that_many_different_passwords_one_per_line(run_password: RunPassword) -> None:
    code, rows, messages = run_password("--count", "200", "--length", "12")
    assert (code, len(set(rows)), messages) == (0, 200, "")
    assert {len(row) for row in rows} == {12}
    assert all(faults(row) == () for row in rows)


@pytest.mark.usefixtures("strict")
def test_the_policy_of_a_product_applies_and_a_shorter_length_is_rejected(run_password: RunPassword) -> None:
    _, rows, _ = run_password("--product", "strict", "--count", "3")
    assert {len(row) for row in rows} == {24}
    code, rows, messages = run_password("--product", "strict", "--length", "20")
    assert (code, rows) == (64, [])
    assert "--length 20 is too short: the policy requires at least 24 characters" in messages
    code, rows, messages = run_password("--product", "strikt")
    assert (code, rows) == (1, [])
    assert "valid products: strict" in messages


def test_the_product_option_needs_a_workspace(run_password: RunPassword) -> None:
    code, rows, messages = run_password("--product", "strict")
    assert (code, rows) == (3, [])
    assert "reconciler.yaml" in messages


def test_a_generated_password_does_not_contain_the_mailbox_name(run_password: RunPassword) -> None:
    _, rows, _ = run_password("--for", "Q@example.com", "--count", "200")
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
def test_check_lists_each_violated_rule(run_password: RunPassword, password: str, broken: list[str]) -> None:
    code, rows, messages = run_password("--check", "--for", "alice@example.com", stdin=password.encode())
    assert code == (3 if broken else 0)
    assert len(rows) == len(broken)
    assert all(rule in row for rule, row in zip(broken, rows, strict=True))
    assert ("satisfies" in messages) is not broken or not broken
    assert password.strip() not in messages + "".join(rows)


@pytest.mark.usefixtures("strict")
def test_check_uses_the_policy_of_the_product(run_password: RunPassword) -> None:
    assert run_password("--check", "--product", "strict", stdin=b"Long-enough-123")[1] == [
        "it has fewer than 24 characters"
    ]


@pytest.mark.parametrize("data", [b"", b"\n", b"one\ntwo\n", b"a\0b", b"\xff\xfe", b"x" * 70_000])
def test_check_rejects_input_that_is_not_one_line_of_text(run_password: RunPassword, data: bytes) -> None:
    code, rows, messages = run_password("--check", stdin=data)
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
def test_invalid_options_and_a_password_as_an_argument_exit_with_64(
    run_password: RunPassword, words: tuple[str, ...]
) -> None:
    code, rows, _ = run_password(*words)
    assert (code, rows) == (64, [])


def test_on_a_terminal_the_program_prompts_for_the_password_without_echo(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "password", "--check"],
        cwd=tmp_path,
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509  # no threads here; getpass reads the controlling terminal
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
    """Reads the terminal until this text appears or the output ends."""
    seen, deadline = b"", time.monotonic() + 30
    while text not in seen and time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.2 if text.startswith(b"\n") else 30)
        if not ready:
            break
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # The other end is closed.
            break
        seen += chunk
    return seen


def test_check_refuses_a_terminal_that_cannot_turn_off_the_echo(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """If getpass cannot turn the echo off, it warns and reads with echo."""
    import getpass
    import warnings

    class Terminal:
        def isatty(self) -> bool:
            return True

    def fallback(prompt: str = "", stream: object = None) -> str:
        warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
        raise AssertionError("the password was read with echo")

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", fallback)
    assert run(["password", "--check"]) == 64
    assert "would show the password" in capsys.readouterr().err


def test_the_program_and_its_child_processes_write_no_core_dump(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="this platform has no such limits")
    code = (
        "import resource, sys; hard = resource.getrlimit(resource.RLIMIT_CORE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))\n"
        "from reconciler.cli import main\n"
        "try: main(['--version'])\n"
        "except SystemExit: print(*resource.getrlimit(resource.RLIMIT_CORE))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert resource.getrlimit(resource.RLIMIT_CORE)[1] != 0, "with a hard limit of 0 this test proves nothing"
    assert done.stdout.splitlines()[-1] == "0 0"
