"""Vault: the documented key-value API over real HTTP, and errors that contain nothing of an answer."""

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


def refusal(vault: FakeVault, *more: str, **options: Any) -> SecretUnavailable:
    """The error, after checking that neither it nor its cause contains a secret."""
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


def test_requests_to_engine_version_2_are_those_of_vault_kv_get(vault: FakeVault) -> None:
    vault.version_2()
    assert read(vault) == VALUE
    assert vault.paths() == ["/v1/sys/internal/ui/mounts/secret/mail/alice", "/v1/secret/data/mail/alice"]
    for _, _, headers, _ in vault.asked:
        assert (headers["X-Vault-Token"], headers["X-Vault-Request"]) == (TOKEN, "true")


@pytest.mark.parametrize("version", ["1", None])
def test_requests_to_engine_version_1_have_no_data_in_the_path(vault: FakeVault, version: str | None) -> None:
    vault.engine("kv/team/mail/alice", version, mount="kv/team/")
    vault.answers["/v1/kv/team/mail/alice"] = (200, {"data": {"password": VALUE}})
    assert read(vault, "kv/team/mail/alice") == VALUE


def test_a_server_without_the_engine_lookup_has_version_1(vault: FakeVault) -> None:
    vault.answers["/v1/secret/mail/alice"] = (200, {"data": {"password": VALUE}})
    assert read(vault) == VALUE


def test_approle_logs_in_once_for_all_secrets_and_looks_an_engine_up_once(vault: FakeVault) -> None:
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


def test_a_rejected_login_is_tried_once(vault: FakeVault) -> None:
    vault.answers["/v1/auth/approle/login"] = (400, {"errors": ["invalid secret id: s3cret-id"]})
    environ = {"VAULT_ADDR": vault.url, "VAULT_ROLE_ID": "role", "VAULT_SECRET_ID": "s3cret-id"}
    store = SecretStore(Path(), environ=environ)
    for name in ("alice", "bob"):
        with pytest.raises(SecretUnavailable, match="AppRole login: Vault rejected the request") as caught:
            store.resolve(SecretRef("vault", name, (f"secret/mail/{name}", "password")))
        assert "s3cret-id" not in str(caught.value)
    assert vault.paths() == ["/v1/auth/approle/login"]


STATUSES = {
    400: "Vault rejected the request",
    403: "may not read the secret",
    404: "the secret does not exist",
    429: "too many requests",
    500: "Vault rejected the request",
    503: "sealed",
}


@pytest.mark.parametrize("status", STATUSES)
def test_an_error_status_has_our_message_and_nothing_of_the_answer(vault: FakeVault, status: int) -> None:
    """The server may repeat the request in its answer, and a proxy may answer anything."""
    vault.engine("secret/mail/alice", "2")
    for answer in (
        {"errors": [f"no: {TOKEN} {VALUE}"]},
        f"<p>{TOKEN} {VALUE}</p>".encode(),
        {"data": {"password": VALUE}},
    ):
        vault.answers["/v1/secret/data/mail/alice"] = (status, answer)
        assert STATUSES[status] in refusal(vault).message


def test_a_deleted_version_does_not_exist(vault: FakeVault) -> None:
    vault.engine("secret/mail/alice", "2")
    gone = {"data": {"data": None, "metadata": {"deletion_time": "2026-01-01T00:00:00Z", "destroyed": False}}}
    vault.answers["/v1/secret/data/mail/alice"] = (404, gone)
    assert "the secret does not exist" in refusal(vault).message


def test_a_redirect_is_not_followed_and_no_other_server_gets_the_token(vault: FakeVault) -> None:
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
        assert "redirects" in refusal(vault).message
        assert other.asked == []
    finally:
        other.close()


def test_reading_an_endless_answer_stops_after_a_mebibyte(vault: FakeVault) -> None:
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
    assert "too large" in refusal(vault).message
    assert len(sent) < 1000


def test_reading_a_compression_bomb_stops_too(vault: FakeVault) -> None:
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
    assert "too large" in refusal(vault).message


@pytest.mark.parametrize("drips", [False, True])
def test_waiting_for_a_slow_server_has_a_time_limit(vault: FakeVault, drips: bool) -> None:
    def slow(handler: BaseHTTPRequestHandler) -> None:
        while not vault.let_go.wait(0.05):
            try:
                handler.wfile.write(b"H" if drips else b"")
            except OSError:
                return

    vault.answers["/v1/sys/internal/ui/mounts/secret/mail/alice"] = slow
    assert "within 0.3 seconds" in refusal(vault, timeout=0.3).message


def test_an_unreachable_server_is_reported(vault: FakeVault) -> None:
    vault.environ["VAULT_ADDR"] = "http://127.0.0.1:1"
    assert "cannot be reached" in refusal(vault).message


ODD: dict[str, object] = {
    "html": b"<html>log in</html>",
    "a list": [],
    "no data": {"errors": None},
    "invalid data": {"data": 7},
    "invalid data inside data": {"data": {"data": [VALUE]}},
    "deep": b'{"data":' * 20_000,
    "not text": b"\xff\xfe",
    "empty": b"",
}


@pytest.mark.parametrize("how", ODD)
def test_an_answer_in_another_form_than_vaults_is_rejected(vault: FakeVault, how: str) -> None:
    vault.version_2()
    for path in ("/v1/secret/data/mail/alice", "/v1/sys/internal/ui/mounts/secret/mail/alice"):
        vault.answers[path] = (200, ODD[how])
        assert "is not a Vault" in refusal(vault).message


def test_an_engine_of_another_path_is_rejected(vault: FakeVault) -> None:
    vault.engine("secret/mail/alice", "2", mount="sys/")
    assert "is not a Vault" in refusal(vault).message
    assert len(vault.asked) == 1


@pytest.mark.parametrize("value", ["", "two\nlines", "a\0b", 5, None, ["x"], "x" * 70_000])
def test_a_field_without_exactly_one_line_of_text_is_rejected_and_not_shown(vault: FakeVault, value: object) -> None:
    vault.version_2(fields={"password": value, "other": VALUE})
    assert "one non-empty line of text" in refusal(vault, "two\nlines").message
    assert "no such field" in refusal(vault, field="pasword").message


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("", "VAULT_ADDR is not set"),
        ("http://vault.example.net:8200", "not encrypted"),
        ("http://127.0.0.1.example.net:8200", "not encrypted"),
        ("ftp://127.0.0.1", "not encrypted"),
        (f"https://me:{TOKEN}@vault.example.net", "not a valid URL"),
        ("https://", "not a valid URL"),
        ("https://a:99999", "not a valid URL"),
        ("vault.example.net", "not a valid URL"),
    ],
)
def test_only_this_machine_gets_a_token_without_encryption(vault: FakeVault, address: str, says: str) -> None:
    vault.environ["VAULT_ADDR"] = address
    assert says in refusal(vault).message


def test_without_a_token_or_a_role_no_request_is_sent(vault: FakeVault) -> None:
    for environ in ({}, {"VAULT_TOKEN": ""}, {"VAULT_ROLE_ID": "r"}):
        vault.environ = {"VAULT_ADDR": vault.url, **environ}
        assert "no credentials for Vault" in refusal(vault).message
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


def test_an_untrusted_certificate_and_a_missing_bundle_are_errors(vault: FakeVault, tmp_path: Path) -> None:
    vault.environ["VAULT_ADDR"] = vault.url.replace("http:", "https:")
    assert "certificate is not trusted" in refusal(vault).message
    vault.environ["VAULT_CACERT"] = str(tmp_path / "none.pem")
    assert refusal(vault).message
    assert vault.asked == []


def test_the_debug_logs_of_the_libraries_contain_neither_token_nor_value(
    vault: FakeVault, caplog: pytest.LogCaptureFixture
) -> None:
    vault.version_2()
    with caplog.at_level(logging.DEBUG):
        assert read(vault) == VALUE
    assert "/v1/secret/data/mail/alice" in caplog.text
    assert TOKEN not in caplog.text
    assert VALUE not in caplog.text


def test_without_the_extra_the_hint_names_it(vault: FakeVault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hvac", None)
    assert refusal(vault).hint == install_hint("vault")


def test_a_store_returns_a_secret_instead_of_text(vault: FakeVault) -> None:
    vault.version_2()
    store = SecretStore(Path(), environ=vault.environ)
    assert isinstance(store.resolve(SecretRef("vault", "x", ("secret/mail/alice", "password"))), Secret)
    assert TOKEN not in repr(store)
    with pytest.raises((TypeError, AttributeError)):
        pickle.dumps(store)
