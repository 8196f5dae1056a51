"""Passwords encrypted to recipients: pyrage encrypts, and pyrage and the program `age` decrypt."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pyrage import decrypt, ssh, x25519

from reconciler.config.secrets.age import AgeMissing, BadRecipient, Recipients
from reconciler.config.secrets.store import deliver, generate_password
from reconciler.core.extras import install_hint
from reconciler.core.product import PasswordPolicy, password_faults
from reconciler.core.secret import Secret

VALUE = 'Tr0ub4dor "and" \\3 é'


@pytest.fixture(scope="module")
def ssh_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key, path = Ed25519PrivateKey.generate(), tmp_path_factory.mktemp("ssh") / "id_ed25519"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    path.with_suffix(".pub").write_bytes(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))
    return path


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_each_recipient_can_read_a_password_and_nobody_else(tmp_path: Path, ssh_key: Path) -> None:
    one, other = x25519.Identity.generate(), x25519.Identity.generate()
    public = ssh_key.with_suffix(".pub").read_text()
    path = tmp_path / "passwords" / "run.jsonl"
    for address in ("a@example.com", "b@example.com"):
        deliver(path, address, Secret(VALUE), recipients=Recipients([str(one.to_public()), public]))
    first, second = rows(path)
    assert first.keys() == {"address", "age", "time"}
    assert first["age"] != second["age"]
    assert first["age"].startswith("-----BEGIN AGE ENCRYPTED FILE-----\n")
    assert "Tr0ub4dor" not in path.read_text()
    for key in (one, ssh.Identity.from_buffer(ssh_key.read_bytes())):
        assert decrypt(first["age"].encode(), [key]).decode() == VALUE
    with pytest.raises(Exception, match="No matching keys"):
        decrypt(first["age"].encode(), [other])
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not shutil.which("age"), reason="the program `age` is not installed (apt install age)")
def test_the_program_age_reads_what_was_delivered(tmp_path: Path, ssh_key: Path) -> None:
    identity = x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(str(identity))
    texts = [str(identity.to_public()), ssh_key.with_suffix(".pub").read_text()]
    deliver(tmp_path / "run.jsonl", "a@example.com", Secret(VALUE), recipients=Recipients(texts))
    (row,) = rows(tmp_path / "run.jsonl")
    for key in (tmp_path / "key.txt", ssh_key):
        done = subprocess.run(
            ["age", "--decrypt", "-i", str(key)], input=row["age"].encode(), capture_output=True, check=True
        )
        assert done.stdout.decode() == VALUE


def test_an_invalid_recipient_is_rejected(ssh_key: Path) -> None:
    good = str(x25519.Identity.generate().to_public())
    wrong = good[:-1] + ("q" if good[-1] != "q" else "p")
    for text in (wrong, good.upper()[:4].lower() + "q" * 58, "ssh-ed25519 " + "A" * 68):
        with pytest.raises(BadRecipient, match="is not a valid age recipient"):
            Recipients([good, text])


def test_without_the_extra_the_hint_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    text = str(x25519.Identity.generate().to_public())
    monkeypatch.setitem(sys.modules, "pyrage", None)
    with pytest.raises(AgeMissing) as caught:
        Recipients([text])
    assert caught.value.hint == install_hint("age")


def test_every_character_is_equally_likely_except_for_the_required_classes() -> None:
    """Chi-squared within each class over 80,000 characters; chance exceeds the bound once in a million runs."""
    found: Counter[str] = Counter()
    for _ in range(800):
        found.update(generate_password(PasswordPolicy(), length=100).reveal())
    for is_in in (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum()):
        counts = [n for c, n in found.items() if is_in(c)]
        expected = sum(counts) / len(counts)
        freedom = len(counts) - 1
        chi = sum((n - expected) ** 2 / expected for n in counts)
        assert chi < freedom + 7 * (2 * freedom) ** 0.5 + 25
    assert len(found) == 24 + 24 + 8 + 9


def test_characters_come_from_the_systems_random_source_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """`secrets.choice` rejects draws that would make some characters more likely. No other source is used."""
    import random
    import secrets

    drawn: list[int] = []

    def counted(chars: str, choice: object = secrets.choice) -> str:
        drawn.append(len(chars))
        return choice(chars)  # type: ignore[operator,no-any-return]

    monkeypatch.setattr(secrets, "choice", counted)
    for name in ("choice", "choices", "random", "randint", "sample"):
        monkeypatch.setattr(random, name, None)
    password = generate_password(PasswordPolicy(), "alice", "example.com").reveal()
    assert len(drawn) % 20 == 0
    assert set(drawn) == {65}
    assert password_faults(PasswordPolicy(), password, local_part="alice", domain="example.com") == ()


def test_an_absurd_policy_does_not_cause_an_endless_password() -> None:
    assert len(generate_password(PasswordPolicy(min_length=10**9), "a", "example.com").reveal()) == 256
