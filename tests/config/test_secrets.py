"""Secrets: their sources, rejected values, and no value in any message."""

import json
import os
import signal
import stat
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.config.secrets.command import run_command
from reconciler.config.secrets.store import SecretExposed, SecretStore, deliver, generate_password
from reconciler.core.errors import ReconcilerError, SecretUnavailable
from reconciler.core.product import PasswordPolicy, password_faults
from reconciler.core.secret import Secret, SecretRef
from reconciler.core.source import Span

VALUE = "Tr0ub4dor-and-3"
SPAN = Span("domains/example.com.yaml", 12, 7, 12, 20)


def resolve(ref: SecretRef, base: Path, *, environ: dict[str, str] | None = None, span: Span | None = None) -> Secret:
    return SecretStore(base, environ=environ, commands=True).resolve(ref, span=span)


def secret_file(folder: Path, data: bytes, mode: int = 0o600) -> SecretRef:
    path = folder / "secret.txt"
    path.write_bytes(data)
    path.chmod(mode)
    return SecretRef("file", "secret.txt")


def command(code: str) -> SecretRef:
    return SecretRef("command", "python", (sys.executable, "-c", code))


def whole_story(error: BaseException) -> str:
    """Everything that a log of the exception and its causes can show, except source lines."""
    parts: list[str] = []
    following: BaseException | None = error
    while following is not None:
        parts += [repr(following.args), str(following), repr(vars(following))]
        following = following.__cause__ or following.__context__
    parts += [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    return "\n".join(parts)


def test_a_variable_gives_its_exact_value(tmp_path: Path) -> None:
    assert resolve(SecretRef("env", "PW"), tmp_path, environ={"PW": f" {VALUE} "}).reveal() == f" {VALUE} "


@pytest.mark.parametrize(("environ", "reason"), [({}, "is not set"), ({"PW": ""}, "is empty")])
def test_an_unset_or_empty_variable_is_reported_with_its_location(
    tmp_path: Path, environ: dict[str, str], reason: str
) -> None:
    with pytest.raises(SecretUnavailable, match=f"environment variable PW {reason}") as caught:
        resolve(SecretRef("env", "PW"), tmp_path, environ=environ, span=SPAN)
    assert str(caught.value.span) == "domains/example.com.yaml:12:7"


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_one_line_end_of_a_file_is_removed(tmp_path: Path, end: bytes) -> None:
    assert resolve(secret_file(tmp_path, VALUE.encode() + end), tmp_path).reveal() == VALUE


def test_a_secret_file_may_be_outside_the_workspace(tmp_path: Path) -> None:
    secret_file(tmp_path, VALUE.encode())
    assert resolve(SecretRef("file", str(tmp_path / "secret.txt")), tmp_path / "elsewhere").reveal() == VALUE


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
def test_a_file_that_other_users_can_read_or_change_is_rejected(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SecretExposed, match=f"other users can read or change .* \\(mode {mode:04o}\\)") as caught:
        resolve(secret_file(tmp_path, VALUE.encode(), mode), tmp_path)
    assert "chmod 600" in caught.value.hint
    assert VALUE not in whole_story(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        VALUE.encode() + b"\n\n",
        f"{VALUE}\nsecond".encode(),
        VALUE.encode() + b"\xff",
        b"a\0b",
        b"x" * 70000,
    ],
    ids=["empty", "only-a-line-end", "blank-line-after", "two-lines", "not-utf-8", "nul", "too-large"],
)
def test_a_file_without_exactly_one_line_of_text_is_rejected_and_not_shown(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(SecretUnavailable) as caught:
        resolve(secret_file(tmp_path, data), tmp_path)
    assert VALUE not in whole_story(caught.value)
    assert str(tmp_path / "secret.txt") in str(caught.value)


def test_a_pipe_or_a_folder_in_place_of_a_file_is_rejected_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    for name in ("pipe", "folder"):
        with pytest.raises(SecretUnavailable, match="is not a regular file"):
            resolve(SecretRef("file", name), tmp_path)


def test_a_missing_file_and_an_impossible_name_are_unavailable(tmp_path: Path) -> None:
    for name in ("missing", "nul\0name"):
        with pytest.raises(SecretUnavailable, match="cannot be read"):
            resolve(SecretRef("file", name), tmp_path)


def test_a_command_gives_its_first_line_and_runs_in_the_workspace_with_empty_input(tmp_path: Path) -> None:
    code = "import os, sys; print(os.path.basename(os.getcwd()) + sys.stdin.read() + '!'); print('second')"
    assert resolve(command(code), tmp_path).reveal() == f"{tmp_path.name}!"


def test_no_shell_interprets_the_arguments_of_a_command(tmp_path: Path) -> None:
    ref = SecretRef("command", "…", (sys.executable, "-c", "import sys; print(sys.argv[1])", "$(touch x); `touch y`"))
    assert resolve(ref, tmp_path).reveal() == "$(touch x); `touch y`"
    assert list(tmp_path.iterdir()) == []


def test_a_failing_command_shows_its_last_error_sanitized_and_none_of_its_output(tmp_path: Path) -> None:
    code = f"import sys; print({VALUE!r}); print('first', file=sys.stderr);"
    code += f"print('\\x1b[31mlocked: {VALUE}\\x07', file=sys.stderr); sys.exit(3)"
    with pytest.raises(SecretUnavailable) as caught:
        resolve(command(code), tmp_path)
    assert "ended with status 3: [31mlocked: ***" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert "first" not in str(caught.value).split("status", 1)[1]


@pytest.mark.parametrize(
    "code", ["pass", "print()", "import sys; sys.stdout.buffer.write(b'\\xff\\n')", "print('a\\0')"]
)
def test_a_command_without_usable_output_is_unavailable(tmp_path: Path, code: str) -> None:
    with pytest.raises(SecretUnavailable, match="no usable first line"):
        resolve(command(code), tmp_path)


def test_a_command_that_cannot_be_started_gives_the_reason(tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable, match="`no-such-program x` cannot be started: No such file"):
        resolve(SecretRef("command", "", ("no-such-program", "x")), tmp_path)


def test_a_command_that_takes_too_long_is_killed_with_its_child_processes(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)']);"
        "open('pid', 'w').write(str(p.pid)); time.sleep(3600)"
    )
    with pytest.raises(SecretUnavailable, match="took longer than 5 seconds"):
        run_command(command(code).parts, tmp_path, timeout=5)
    child = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not _is_running(child):
            break
        time.sleep(0.05)
    assert not _is_running(child)


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_command_that_leaves_an_agent_running_ends_without_it(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)']);"
        f"open('pid', 'w').write(str(p.pid)); print({VALUE!r})"
    )
    try:
        assert run_command(command(code).parts, tmp_path, timeout=200) == VALUE
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_a_command_with_endless_output_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable, match="wrote too much"):
        run_command(command("while True: print('x' * 1000)").parts, tmp_path, timeout=20)


def test_each_reference_is_resolved_once_per_run_even_if_it_fails(tmp_path: Path) -> None:
    store = SecretStore(tmp_path, commands=True)
    good = command("open('runs', 'a').write('x'); print('value')")
    bad = command("open('failures', 'a').write('x'); raise SystemExit(1)")
    assert store.resolve(good) is store.resolve(SecretRef(good.kind, good.target, good.parts, version=2))
    for line in (1, 2):
        with pytest.raises(SecretUnavailable, match="ended with status 1") as caught:
            store.resolve(bad, span=Span("file", line))
        assert caught.value.span == Span("file", line)
    assert (tmp_path / "runs").read_text() == "x"
    assert (tmp_path / "failures").read_text() == "x"


def test_a_repeated_failure_keeps_its_type(tmp_path: Path) -> None:
    store = SecretStore(tmp_path)
    ref = secret_file(tmp_path, b"x", 0o644)
    for _ in range(2):
        with pytest.raises(SecretExposed):
            store.resolve(ref)


def test_a_generate_reference_cannot_be_resolved(tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable, match="creates a password for a new mailbox"):
        resolve(SecretRef("generate"), tmp_path)


@given(
    policy=st.builds(
        PasswordPolicy,
        min_length=st.integers(0, 64),
        require_uppercase=st.booleans(),
        require_digit=st.booleans(),
        require_special=st.booleans(),
    ),
    local_part=st.from_regex(r"[a-z0-9+-]{1,3}|[a-z]{4,10}", fullmatch=True),
)
@settings(max_examples=60, deadline=None)
def test_a_generated_password_satisfies_its_policy_and_is_easy_to_read(policy: PasswordPolicy, local_part: str) -> None:
    value = generate_password(policy, local_part, "example.com").reveal()
    assert password_faults(policy, value, local_part=local_part, domain="example.com") == ()
    assert len(value) == max(20, policy.min_length)
    assert not set(value) & set("0O1lIo \"'\\`$")
    assert value != generate_password(policy, local_part, "example.com").reveal()


def test_generated_passwords_are_delivered_one_per_line_to_a_private_file_hidden_from_git(tmp_path: Path) -> None:
    path = tmp_path / "state" / "passwords" / "run.jsonl"
    when = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
    deliver(path, "a@example.com", Secret(VALUE), now=when)
    deliver(path, "b@example.com", Secret('quote"\n'), now=when)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows == [
        {"address": "a@example.com", "password": VALUE, "time": "2026-11-22T18:00:00Z"},
        {"address": "b@example.com", "password": 'quote"\n', "time": "2026-11-22T18:00:00Z"},
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert (path.parent / ".gitignore").read_text() == "*\n"


def test_delivery_to_a_folder_of_a_work_tree_adds_the_file_to_gitignore(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("/dist/\n")
    for _ in range(2):
        deliver(tmp_path / "made.jsonl", "a@example.com", Secret(VALUE))
    assert (tmp_path / ".gitignore").read_text() == "/dist/\n/made.jsonl\n"


def test_delivery_rejects_links_shared_files_and_files_that_other_users_can_read(tmp_path: Path) -> None:
    (tmp_path / "target").touch(0o600)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "open").touch()
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "one").touch(0o600)
    os.link(tmp_path / "one", tmp_path / "two")
    for name in ("link", "open", "one"):
        with pytest.raises(ReconcilerError) as caught:
            deliver(tmp_path / name, "a@example.com", Secret(VALUE))
        assert VALUE not in whole_story(caught.value)
    assert all((tmp_path / name).read_text() == "" for name in ("target", "open", "one"))


def test_a_full_disk_leaves_no_half_line_before_the_next_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "made" / "run.jsonl"
    deliver(path, "a@example.com", Secret("first"))
    write = os.write

    def full(handle: int, data: bytes) -> int:
        monkeypatch.setattr(os, "write", no_more)
        return write(handle, data[: len(data) // 2])

    def no_more(handle: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ReconcilerError, match="No space left on device"):
        deliver(path, "b@example.com", Secret("second"))
    monkeypatch.undo()
    deliver(path, "c@example.com", Secret("third"))
    assert [json.loads(line)["address"] for line in path.read_text("utf-8").splitlines()] == [
        "a@example.com",
        "c@example.com",
    ]


def test_passwords_that_are_delivered_concurrently_all_arrive(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for run in range(40):
        path = tmp_path / f"run{run}" / "passwords" / "one.jsonl"
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n, at=path: deliver(at, f"a{n}@example.com", Secret(f"secret {n}")), range(8)))
        assert len(path.read_text("utf-8").splitlines()) == 8
