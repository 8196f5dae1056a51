"""SOPS: the real program with files that it encrypted, and fake programs for its failures."""

import json
import os
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from pyrage import x25519

from reconciler.config.secrets.sops import read_sops
from reconciler.config.secrets.store import SecretStore, SopsOutside
from reconciler.core.errors import SecretUnavailable
from reconciler.core.secret import SecretRef

VALUE = 'Tr0ub4dor "and" \\3 é'
TREE = {
    "mail": {
        "alice": VALUE,
        "bob@example.com": "dotted",
        "pin": 1234,
        "one": {"inner": VALUE},
        "list": [VALUE],
        "lines": f"{VALUE}\nmore",
        "empty": "",
        "nothing": None,
    }
}


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """The text of each encrypted file by its name, and the key that decrypts them."""
    folder = tmp_path_factory.mktemp("sops")
    identity = x25519.Identity.generate()
    (folder / "secrets.enc.json").write_text(json.dumps(TREE))
    (folder / "secrets.enc.yaml").write_text(json.dumps(TREE))
    texts = {}
    for file in sorted(folder.iterdir()):
        kind = file.suffix.removeprefix(".")
        words = ["sops", "--encrypt", "--age", str(identity.to_public()), "--input-type", "json", "--output-type", kind]
        done = subprocess.run([*words, str(file)], capture_output=True, text=True, check=True, env=_path())
        assert VALUE not in done.stdout
        texts[file.name] = done.stdout
    return str(identity), texts


def _path() -> dict[str, str]:
    """The environment in which the tests' own `sops` is found, for every Python that runs them."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


@pytest.fixture
def root(tmp_path: Path, encrypted: tuple[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", _path()["PATH"])
    monkeypatch.setenv("SOPS_AGE_KEY", encrypted[0])
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name, text in encrypted[1].items():
        (tmp_path / name).write_text(text)
    return tmp_path


def message_of(root: Path, name: str, *keys: str, timeout: float = 20) -> str:
    """The message of the error, after checking that neither it nor its cause contains the value."""
    with pytest.raises(SecretUnavailable) as caught:
        read_sops(name, keys, root, timeout=timeout)
    shown = "".join(traceback.format_exception(caught.value)) + caught.value.hint
    assert "Tr0ub4dor" not in shown
    return caught.value.message


@pytest.mark.parametrize("name", ["secrets.enc.yaml", "secrets.enc.json"])
def test_a_value_is_returned_unchanged(root: Path, name: str) -> None:
    assert read_sops(name, ["mail", "alice"], root) == VALUE
    assert read_sops(name, ["mail", "bob@example.com"], root) == "dotted"
    assert read_sops(name, ["mail", "pin"], root) == "1234"


@pytest.mark.parametrize("key", ["one", "list", "lines", "empty", "nothing"])
def test_a_value_without_exactly_one_line_of_text_is_rejected_and_not_shown(root: Path, key: str) -> None:
    assert "one non-empty line of text" in message_of(root, "secrets.enc.yaml", "mail", key)


def test_a_missing_key_is_named(root: Path) -> None:
    for keys in (("mail", "nobody"), ("nothing",), ("mail", "alice", "deeper")):
        message = message_of(root, "secrets.enc.yaml", *keys)
        assert f"{'.'.join(keys)} in the sops file secrets.enc.yaml: the file has no such key" in message


def test_a_file_without_a_decryption_key_is_unavailable(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOPS_AGE_KEY", str(x25519.Identity.generate()))
    assert "no key that can decrypt the file" in message_of(root, "secrets.enc.yaml", "mail", "alice")


def test_a_file_that_was_changed_after_encryption_is_rejected(root: Path) -> None:
    file = root / "secrets.enc.json"
    tree = json.loads(file.read_text())
    del tree["mail"]["pin"]
    file.write_text(json.dumps(tree))
    assert "changed after encryption" in message_of(root, "secrets.enc.json", "mail", "alice")


def test_a_file_that_is_not_encrypted_is_rejected(root: Path) -> None:
    (root / "plain.json").write_text(json.dumps(TREE))
    assert "not encrypted" in message_of(root, "plain.json", "mail", "alice")


def test_a_file_outside_the_workspace_is_rejected_even_through_a_link(root: Path) -> None:
    inside = root / "workspace"
    inside.mkdir()
    (inside / "link.yaml").symlink_to(root / "secrets.enc.yaml")
    (inside / "loop").symlink_to(inside / "loop")
    for name in ("../secrets.enc.yaml", str(root / "secrets.enc.yaml"), "link.yaml"):
        with pytest.raises(SopsOutside, match="outside the workspace"):
            read_sops(name, ["mail", "alice"], inside)
    for name in ("none.yaml", "loop", "nul\0", "x" * 5000):
        assert "does not exist" in message_of(inside, name, "mail", "alice")


def test_a_file_name_that_looks_like_an_option_is_a_file_name(root: Path) -> None:
    shutil.copy(root / "secrets.enc.yaml", root / "--version.yaml")
    assert read_sops("--version.yaml", ["mail", "alice"], root) == VALUE


def stand_in(root: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program called `sops` that does something else."""
    folder = root / "bin"
    folder.mkdir()
    (folder / "sops").write_text(f"#!{sys.executable}\nimport sys, time\n{code}\n")
    (folder / "sops").chmod(0o700)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (f"print({VALUE!r}); print({VALUE!r}, file=sys.stderr); sys.exit(77)", "ended with status 77"),
        ("time.sleep(60)", "took longer than 1 seconds"),
        ("while True: print('Tr0ub4dor' * 1000)", "wrote too much"),
        ("sys.stdout.buffer.write(b'Tr0ub4dor\\xff')", "one non-empty line of text"),
    ],
)
def test_a_failing_program_is_ended_and_none_of_its_output_is_shown(
    root: Path, monkeypatch: pytest.MonkeyPatch, code: str, says: str
) -> None:
    stand_in(root, code, monkeypatch)
    assert says in message_of(root, "secrets.enc.yaml", "mail", "alice", timeout=1 if "sleep" in code else 20)


def test_sops_runs_without_a_shell_and_once_for_each_value(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(root, "open('calls', 'a').write(repr(sys.argv[1:]) + '\\n'); print('x')", monkeypatch)
    store = SecretStore(root)
    ref = SecretRef("sops", "…", ("secrets.enc.yaml", "mail", "$(touch x); `touch y`"))
    for _ in range(3):
        assert store.resolve(ref).reveal() == "x"
    (call,) = (root / "calls").read_text().splitlines()
    assert '["mail"]["$(touch x); `touch y`"]' in call
    assert not (root / "x").exists()


def test_without_the_program_the_hint_names_its_site(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(root))
    with pytest.raises(SecretUnavailable, match="`sops`, which is not installed") as caught:
        read_sops("secrets.enc.yaml", ["mail", "alice"], root)
    assert "getsops.io" in caught.value.hint
