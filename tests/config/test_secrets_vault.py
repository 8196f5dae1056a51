"""Vault: the documented key-value API over real HTTP, all that a server may answer, and that nothing of it is told."""

import json
import logging
import pickle
import sys
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from fake_vault import TOKEN, VALUE, FakeVault

from reconciler.config.secrets.store import SecretStore
from reconciler.config.secrets.vault import Vault
from reconciler.core.errors import SecretUnavailable
from reconciler.core.extras import install_hint
from reconciler.core.secret import Secret, SecretRef


@pytest.fixture
def vault() -> Iterator[FakeVault]:
    made = FakeVault()
    yield made
    made.close()


def read(vault: FakeVault, path: str = "secret/mail/alice", field: str = "password", timeout: float = 20) -> str:
    return Vault(vault.environ, timeout=timeout).read(path, field)


def told(vault: FakeVault, *more: str, **options: Any) -> SecretUnavailable:
    """The refusal, after a look for what must not be in it, nor in what caused it."""
    with pytest.raises(SecretUnavailable) as caught:
        read(vault, **options)
    story = []
    error: BaseException | None = caught.value
    while error is not None:
        story += [str(error), repr(error), repr(error.args), repr(vars(error)), *traceback.format_exception(error)]
        error = error.__cause__ or error.__context__
    for secret in (VALUE, TOKEN, *more):
        assert secret not in "\n".join(story)
    return caught.value


def test_the_second_version_of_the_engine_is_asked_as_vault_kv_get_does(vault: FakeVault) -> None:
    vault.version_2()
    assert read(vault) == VALUE
    assert vault.paths() == ["/v1/sys/internal/ui/mounts/secret/mail/alice", "/v1/secret/data/mail/alice"]
    for _, _, headers, _ in vault.asked:
        assert (headers["X-Vault-Token"], headers["X-Vault-Request"]) == (TOKEN, "true")


@pytest.mark.parametrize("version", ["1", None])
def test_the_first_version_has_no_data_in_its_path(vault: FakeVault, version: str | None) -> None:
    vault.engine("kv/team/mail/alice", version, mount="kv/team/")
    vault.answers["/v1/kv/team/mail/alice"] = (200, {"data": {"password": VALUE}})
    assert read(vault, "kv/team/mail/alice") == VALUE


def test_a_server_that_does_not_tell_its_engines_has_the_first_version(vault: FakeVault) -> None:
    vault.answers["/v1/secret/mail/alice"] = (200, {"data": {"password": VALUE}})
    assert read(vault) == VALUE


def test_approle_signs_in_once_for_all_secrets_and_an_engine_is_looked_up_once(vault: FakeVault) -> None:
    vault.version_2()
    vault.version_2("secret/mail/bob", {"password": "b", "pin": "1234"})
    vault.answers["/v1/auth/approle/login"] = (200, {"auth": {"client_token": TOKEN}})
    vault.environ = {"VAULT_ADDR": vault.url, "VAULT_ROLE_ID": "role", "VAULT_SECRET_ID": "s3cret-id"}
    vault.environ["VAULT_NAMESPACE"] = "team/mail"
    store = SecretStore(Path(), environ=vault.environ)
    refs = [("secret/mail/alice", "password"), ("secret/mail/bob", "password"), ("secret/mail/bob", "pin")]
    found = [store.resolve(SecretRef("vault", "#".join(parts), parts)).reveal() for parts in (*refs, *refs)]
    assert found == [VALUE, "b", "1234"] * 2
    data = [p for p in vault.paths() if p.startswith("/v1/secret/")]
    assert data == ["/v1/secret/data/mail/alice", *["/v1/secret/data/mail/bob"] * 2]
    assert len(vault.paths()) == 5
    assert json.loads(vault.asked[0][3]) == {"role_id": "role", "secret_id": "s3cret-id"}
    assert {headers["X-Vault-Namespace"] for _, _, headers, _ in vault.asked} == {"team/mail"}


def test_a_sign_in_that_is_refused_is_tried_once(vault: FakeVault) -> None:
    vault.answers["/v1/auth/approle/login"] = (400, {"errors": ["invalid secret id: s3cret-id"]})
    environ = {"VAULT_ADDR": vault.url, "VAULT_ROLE_ID": "role", "VAULT_SECRET_ID": "s3cret-id"}
    store = SecretStore(Path(), environ=environ)
    for name in ("alice", "bob"):
        with pytest.raises(SecretUnavailable, match="signing in by AppRole: the request was refused") as caught:
            store.resolve(SecretRef("vault", name, (f"secret/mail/{name}", "password")))
        assert "s3cret-id" not in str(caught.value)
    assert vault.paths() == ["/v1/auth/approle/login"]


STATUSES = {
    400: "refused",
    403: "may not read it",
    404: "no such secret",
    429: "too many requests",
    500: "Vault refused",
    503: "sealed",
}


@pytest.mark.parametrize("status", STATUSES)
def test_a_refusal_is_told_in_our_words_whatever_the_server_says(vault: FakeVault, status: int) -> None:
    """A server may repeat what it was sent, and a proxy before it anything."""
    vault.engine("secret/mail/alice", "2")
    for said in (
        {"errors": [f"no: {TOKEN} {VALUE}"]},
        f"<p>{TOKEN} {VALUE}</p>".encode(),
        {"data": {"password": VALUE}},
    ):
        vault.answers["/v1/secret/data/mail/alice"] = (status, said)
        assert STATUSES[status] in told(vault).message


def test_a_version_that_was_deleted_is_not_there(vault: FakeVault) -> None:
    vault.engine("secret/mail/alice", "2")
    gone = {"data": {"data": None, "metadata": {"deletion_time": "2026-01-01T00:00:00Z", "destroyed": False}}}
    vault.answers["/v1/secret/data/mail/alice"] = (404, gone)
    assert "no such secret" in told(vault).message


def test_a_redirect_is_not_followed_and_the_token_goes_nowhere_else(vault: FakeVault) -> None:
    other = FakeVault()

    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(307)
        handler.send_header("Location", f"{other.url}/v1/secret/data/mail/alice")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    vault.version_2()
    for path in list(vault.answers):
        vault.answers[path] = elsewhere
    try:
        assert "redirects" in told(vault).message
        assert other.asked == []
    finally:
        other.close()


def test_an_answer_without_end_is_left_after_a_mebibyte(vault: FakeVault) -> None:
    sent = []

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while len(sent) < 1000:
                handler.wfile.write(b'{"password": "' + VALUE.encode() * 4096)
                sent.append(1)
        except OSError:
            return

    vault.engine("secret/mail/alice", "2")
    vault.answers["/v1/secret/data/mail/alice"] = endless
    assert "too large" in told(vault).message
    assert len(sent) < 1000


def test_a_bomb_of_compressed_bytes_is_left_too(vault: FakeVault) -> None:
    import gzip

    bomb = gzip.compress(b" " * (64 << 20))

    def packed(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(bomb)))
        handler.end_headers()
        handler.wfile.write(bomb)

    vault.engine("secret/mail/alice", "2")
    vault.answers["/v1/secret/data/mail/alice"] = packed
    assert "too large" in told(vault).message


@pytest.mark.parametrize("drips", [False, True])
def test_a_server_that_is_slow_is_not_waited_for(vault: FakeVault, drips: bool) -> None:
    def slow(handler: BaseHTTPRequestHandler) -> None:
        while not vault.let_go.wait(0.05):
            try:
                handler.wfile.write(b"H" if drips else b"")
            except OSError:
                return

    vault.answers["/v1/sys/internal/ui/mounts/secret/mail/alice"] = slow
    assert "longer than 0.3 seconds" in told(vault, timeout=0.3).message


def test_nobody_there_is_said(vault: FakeVault) -> None:
    vault.environ["VAULT_ADDR"] = "http://127.0.0.1:1"
    assert "cannot be reached" in told(vault).message


ODD: dict[str, object] = {
    "html": b"<html>sign in</html>",
    "a list": [],
    "no data": {"errors": None},
    "data that is none": {"data": 7},
    "data within that is none": {"data": {"data": [VALUE]}},
    "deep": b'{"data":' * 20_000,
    "not text": b"\xff\xfe",
    "empty": b"",
}


@pytest.mark.parametrize("how", ODD)
def test_what_is_no_answer_of_vaults_is_none(vault: FakeVault, how: str) -> None:
    vault.version_2()
    for path in ("/v1/secret/data/mail/alice", "/v1/sys/internal/ui/mounts/secret/mail/alice"):
        vault.answers[path] = (200, ODD[how])
        assert "no Vault" in told(vault).message


def test_an_engine_elsewhere_is_not_believed(vault: FakeVault) -> None:
    vault.engine("secret/mail/alice", "2", mount="sys/")
    assert "no Vault" in told(vault).message
    assert len(vault.asked) == 1


@pytest.mark.parametrize("value", ["", "two\nlines", "a\0b", 5, None, ["x"], "x" * 70_000])
def test_a_field_that_is_no_line_of_text_is_refused_and_not_shown(vault: FakeVault, value: object) -> None:
    vault.version_2(fields={"password": value, "other": VALUE})
    assert "one line of text" in told(vault, "two\nlines").message
    assert "no such field" in told(vault, field="pasword").message


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "VAULT_ADDR is not set"),
        ("http://vault.example.net:8200", "not encrypted"),
        ("http://127.0.0.1.example.net:8200", "not encrypted"),
        ("ftp://127.0.0.1", "not encrypted"),
        (f"https://me:{TOKEN}@vault.example.net", "no address"),
        ("https://", "no address"),
        ("https://a:99999", "no address"),
        ("vault.example.net", "no address"),
    ],
)
def test_a_token_is_sent_in_clear_to_this_machine_only(vault: FakeVault, address: str, says: str) -> None:
    vault.environ["VAULT_ADDR"] = address
    assert says in told(vault).message


def test_without_a_token_or_a_role_nobody_is_asked(vault: FakeVault) -> None:
    for environ in ({}, {"VAULT_TOKEN": ""}, {"VAULT_ROLE_ID": "r"}):
        vault.environ = {"VAULT_ADDR": vault.url, **environ}
        assert "as whom" in told(vault).message
    assert vault.asked == []


def test_neither_proxy_nor_netrc_gets_the_token(
    vault: FakeVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = FakeVault()
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password x\n")
    (tmp_path / ".netrc").chmod(0o600)
    (tmp_path / ".vault-token").write_text("another")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    vault.version_2()
    try:
        assert read(vault) == VALUE
        assert proxy.asked == []
        assert all("Authorization" not in headers for _, _, headers, _ in vault.asked)
    finally:
        proxy.close()


def test_a_certificate_that_is_not_trusted_ends_it_and_a_missing_bundle_too(vault: FakeVault, tmp_path: Path) -> None:
    vault.environ["VAULT_ADDR"] = vault.url.replace("http:", "https:")
    assert "certificate is not trusted" in told(vault).message
    vault.environ["VAULT_CACERT"] = str(tmp_path / "none.pem")
    assert told(vault).message
    assert vault.asked == []


def test_the_debug_logs_of_the_libraries_hold_neither_token_nor_value(
    vault: FakeVault, caplog: pytest.LogCaptureFixture
) -> None:
    vault.version_2()
    with caplog.at_level(logging.DEBUG):
        assert read(vault) == VALUE
    assert "/v1/secret/data/mail/alice" in caplog.text
    assert TOKEN not in caplog.text
    assert VALUE not in caplog.text


def test_without_the_extra_it_is_said_how_to_get_it(vault: FakeVault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hvac", None)
    assert told(vault).hint == install_hint("vault")


def test_a_store_gives_a_secret_and_no_text(vault: FakeVault) -> None:
    vault.version_2()
    store = SecretStore(Path(), environ=vault.environ)
    assert isinstance(store.resolve(SecretRef("vault", "x", ("secret/mail/alice", "password"))), Secret)
    assert TOKEN not in repr(store)
    with pytest.raises((TypeError, AttributeError)):
        pickle.dumps(store)
