"""The keyring: the real library, with a backend that is chosen as people choose theirs."""

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


def test_an_entry_is_read_once_by_the_backend_that_the_environment_names(tmp_path: Path) -> None:
    (tmp_path / "folder_keyring.py").write_text(BACKEND)
    environ = {
        "PYTHONPATH": str(tmp_path),
        "PYTHON_KEYRING_BACKEND": "folder_keyring.FolderKeyring",
        "HOME": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=True)
    missing = (
        "the keyring's entry of reconciler for bob@example.com is not there | keyring set reconciler bob@example.com"
    )
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


def told(timeout: float = 20) -> str:
    with pytest.raises(SecretUnavailable) as caught:
        read_keyring("reconciler", "alice", timeout=timeout)
    error: BaseException | None = caught.value
    while error is not None:
        assert VALUE not in "".join(traceback.format_exception(error)) + repr(vars(error))
        error = error.__cause__ or error.__context__
    return caught.value.message


def test_a_keyring_that_fails_is_named_and_its_words_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring.errors import KeyringLocked, NoKeyringError

    for kind in (KeyringLocked, NoKeyringError, RuntimeError):

        def fail(kind: type[Exception] = kind) -> str:
            raise kind(f"could not unlock {VALUE}")

        backend(monkeypatch, fail)
        assert f"cannot be read ({kind.__name__})" in told()


def test_a_keyring_that_waits_for_its_owner_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    backend(monkeypatch, lambda: str(let_go.wait(20)))
    try:
        assert "is the keyring locked?" in told(timeout=0.2)
    finally:
        let_go.set()


@pytest.mark.parametrize("value", ["", f"{VALUE}\nmore", "a\0b"])
def test_an_entry_that_is_no_line_of_text_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    backend(monkeypatch, lambda: value)
    assert "one line of text" in told()


def test_without_the_extra_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(SecretUnavailable, match="needs the extra `keyring`") as caught:
        SecretStore(tmp_path).resolve(SecretRef("keyring", "S#U", ("S", "U")))
    assert caught.value.hint == install_hint("keyring")
