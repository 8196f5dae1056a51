"""The keyring: the real library, with a test backend that the environment selects."""

import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.config.secrets.keyring import read_keyring
from reconciler.config.secrets.store import SecretStore
from reconciler.core.errors import SecretUnavailable
from reconciler.core.extras import install_hint
from reconciler.core.secret import SecretRef

VALUE = "Tr0ub4dor-and-3"

BACKEND = f"""
from pathlib import Path
from keyring.backend import KeyringBackend

class FolderKeyring(KeyringBackend):
    priority = 1

    def get_password(self, service, username):
        with (Path(__file__).parent / "asked").open("a") as file:
            file.write(f"{{service}} {{username}}\\n")
        return {{("reconciler", "alice@example.com"): {VALUE!r}}}.get((service, username))

    def set_password(self, service, username, password):
        raise AssertionError("nothing is written into a keyring")
"""

PROGRAM = """
from pathlib import Path
from reconciler.config.secrets.store import SecretStore
from reconciler.core.errors import SecretUnavailable
from reconciler.core.extras import install_hint
from reconciler.core.secret import SecretRef
store = SecretStore(Path())
for _ in range(2):
    for user in ("alice@example.com", "bob@example.com"):
        try:
            print(store.resolve(SecretRef("keyring", user, ("reconciler", user))).reveal())
        except SecretUnavailable as e:
            print(e.message, e.hint, sep=" | ")
"""


def test_the_backend_named_by_the_environment_reads_an_entry_once(tmp_path: Path) -> None:
    (tmp_path / "folder_keyring.py").write_text(BACKEND)
    environ = {
        "PYTHONPATH": str(tmp_path),
        "PYTHON_KEYRING_BACKEND": "folder_keyring.FolderKeyring",
        "HOME": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=True)
    missing = "the keyring entry of reconciler for bob@example.com does not exist | create it: keyring set reconciler bob@example.com"
    assert done.stdout.splitlines() == [VALUE, missing] * 2
    assert (tmp_path / "asked").read_text() == "reconciler alice@example.com\nreconciler bob@example.com\n"


def backend(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], str]) -> None:
    import keyring
    from keyring.backend import KeyringBackend

    class Odd(KeyringBackend):
        priority = 1  # type: ignore[assignment]

        def get_password(self, service: str, username: str) -> str:
            return answer()

        def set_password(self, service: str, username: str, password: str) -> None:
            raise AssertionError("nothing is written into a keyring")

    monkeypatch.setattr(keyring.core, "_keyring_backend", Odd())


def message_of(timeout: float = 20) -> str:
    with pytest.raises(SecretUnavailable) as caught:
        read_keyring("reconciler", "alice", timeout=timeout)
    error: BaseException | None = caught.value
    while error is not None:
        assert VALUE not in "".join(traceback.format_exception(error)) + repr(vars(error))
        error = error.__cause__ or error.__context__
    return caught.value.message


def test_a_failing_keyring_is_named_and_its_message_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring.errors import KeyringLocked, NoKeyringError

    for kind in (KeyringLocked, NoKeyringError, RuntimeError):

        def fail(kind: type[Exception] = kind) -> str:
            raise kind(f"could not unlock {VALUE}")

        backend(monkeypatch, fail)
        assert f"cannot be read ({kind.__name__})" in message_of()


def test_waiting_for_a_locked_keyring_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    backend(monkeypatch, lambda: str(let_go.wait(20)))
    try:
        assert "the keyring may be locked" in message_of(timeout=0.2)
    finally:
        let_go.set()


@pytest.mark.parametrize("value", ["", f"{VALUE}\nmore", "a\0b"])
def test_an_entry_without_exactly_one_line_of_text_is_rejected(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    backend(monkeypatch, lambda: value)
    assert "one non-empty line of text" in message_of()


def test_without_the_extra_the_hint_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(SecretUnavailable, match="needs the extra `keyring`") as caught:
        SecretStore(tmp_path).resolve(SecretRef("keyring", "S#U", ("S", "U")))
    assert caught.value.hint == install_hint("keyring")
