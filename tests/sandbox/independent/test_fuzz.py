"""Every request gets an answer without a 5xx status and in the envelope of section 1.2."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.sandbox import Sandbox, SandboxConfig, Thresholds
from reconciler.sandbox.routes.table import ROUTES

PASSWORD = "Fuzz-1234"
ENDPOINTS = [(method, route.pattern) for route in ROUTES for method in route.methods.split()]
NO_ENVELOPE = ("recalculate-users", "export-users", "export-domains-list")
WITHOUT_BODY = {204, 401, 404, 405}
FIELDS = [
    "username", "password", "clientId", "twoFactorCode", "token", "email", "emailAddress", "userData", "userName", "fullName",
    "maxMailboxSize", "securityFlags", "isDisabled", "isDomainAdmin", "isPasswordExpired", "userMailSettings", "maxSize",
    "userContactInfo", "throttleSettings", "blockedSenders", "forwardList", "mailboxForwardList", "keepRecipients",
    "spamForwardOption", "alias", "name", "oldName", "aliasTargetList", "displayName", "allowSending", "input", "items",
    "emailAddresses", "popEnabled", "search", "searchFlags", "skip", "take", "sortField", "sortDescending", "domain",
    "domainData", "domainSettings", "adminUsername", "adminPassword", "hostname", "mainDomainAdmin", "maxUsers", "userLimit",
    "domainAliasCount", "isEnabled", "oldDomainName", "newDomainName", "dateTime", "isActive", "userDefaults",
    "autoResponderSettings", "minLength", "enabled", "ruleValue", "requireNumber", "overrides", "fields", "maxMessageSign",
    "listAddress", "moderatorAddress", "postingPermissions", "subscribers", "newPassword", "oldPassword",
]  # fmt: skip

words = st.sampled_from(
    ["anna", "boss", "sales", "new", "anna@fuzz.test", "boss@fuzz.test", "fuzz.test", "other.test", "admin", PASSWORD, "x@y.test",
     "true", "false", "0", "1", "2048", "1-1-2026", "users", "aliases", "", "münchen.example", "@", "a@", "@b", "None"]
)  # fmt: skip
texts = words | st.text(max_size=12)
numbers = st.integers(-2, 3) | st.integers() | st.floats()
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from(FIELDS), values, max_size=6)
rows = st.lists(st.dictionaries(st.sampled_from(["emailAddress", "isActive"]), scalars, max_size=2), max_size=3)
bodies = (
    st.none()
    | (objects | objects | values | rows).map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=30)
)
calls = st.tuples(
    st.sampled_from(ENDPOINTS),
    st.lists(texts, min_size=3, max_size=3),
    bodies,
    st.sampled_from(["admin", "admin", "boss", "anna", "managed", "step", "none", "noise"]),
    st.sampled_from(["", "fuzz.test", "fuzz.test", "other.test", "münchen.example", "ÿ"]),
    st.sampled_from(["application/json", "application/x-www-form-urlencoded", ""]),
)


class Line:
    """A persistent connection, and tokens that are replaced when a request has revoked them."""

    def __init__(self, sandbox: Sandbox) -> None:
        host, _, port = sandbox.endpoint.url.removeprefix("http://").partition(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=20)
        self.sandbox = sandbox
        self.tokens: dict[str, str] = {}

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, bytes]:
        named = {name.replace("_", "-"): value.encode() for name, value in headers.items() if value}
        self.connection.request(method, path, b"" if body is None and method == "POST" else body, named)
        response = self.connection.getresponse()
        return response.status, response.headers.get("content-type", ""), response.read()

    def log_in(self) -> None:
        """Restore the initial accounts, and get a token for each."""
        service = {"password": PASSWORD, "disabled": False, "passwordExpired": False, "changePassword": False}
        self.sandbox.quirks.set(())
        self.sandbox.faults.all.clear()
        self.tokens = {"none": "", "noise": "eyJhbGciOiJub25lIn0.e30.", "admin": ""}
        self._state("admin", **service, canImpersonate=True)
        self.tokens["admin"] = self._login("admin")
        for domain in ("fuzz.test", "other.test"):
            body = {"domainData": {"name": domain}, "adminUsername": "boss", "adminPassword": PASSWORD}
            self._post("settings/sysadmin/domain-put", body, "admin")
            self._post(
                f"settings/sysadmin/domain-settings/{domain}",
                {"domainSettings": {"isEnabled": True, "maxUsers": 0}},
                "admin",
            )
        user = {"userData": {"userName": "anna", "password": PASSWORD}}
        self._post("settings/domain/user-put", user, "admin", X_SmarterMailDomain="fuzz.test")
        for name in ("boss", "anna"):
            self._state(f"{name}@fuzz.test", **service)
            self.tokens[name] = self._login(f"{name}@fuzz.test")
        managed = self._post("settings/sysadmin/manage-domain/fuzz.test", {}, "admin")
        self.tokens["managed"] = managed.get("impersonateAccessToken", "")
        self._state("boss@other.test", **service, twoFactor=True)
        self.tokens["step"] = self._login("boss@other.test")

    def _state(self, email: str, **state: Any) -> None:
        self.send("POST", "/sandbox/account", json.dumps({"email": email, **state}).encode(), X_Sandbox="1")

    def _login(self, name: str) -> str:
        return str(
            self._post("auth/authenticate-user", {"username": name, "password": PASSWORD}, "none").get(
                "accessToken", ""
            )
        )

    def _post(self, path: str, body: Any, who: str, **headers: str) -> dict[str, Any]:
        token = self.tokens[who] and f"Bearer {self.tokens[who]}"
        _, _, raw = self.send("POST", f"/api/v1/{path}", json.dumps(body).encode(), Authorization=token, **headers)
        found: dict[str, Any] = json.loads(raw) if raw else {}
        return found


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    endless = Thresholds(delay_after=10**9, block_after=10**9, long_block_after=10**9)
    data = tmp_path_factory.mktemp("data")
    with Sandbox(SandboxConfig(password=PASSWORD, shared_dkim_keys=True, ids=endless, data=data)) as sandbox:
        found = Line(sandbox)
        yield found
        found.connection.close()


def filled(pattern: str, given_texts: list[str]) -> str:
    remaining = iter(given_texts)
    return re.sub(r"\{[^}]*\}", lambda _: quote(next(remaining) or "x", safe=""), pattern)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(calls, min_size=1, max_size=8))
@example([(("POST", "settings/domain/post-user"), ["a", "b", "c"],
           b'{"email": "anna", "userData": {"fullName": "\\ud800"}}', "boss", "", "application/json"),
          (("GET", "settings/domain/list-users"), ["a", "b", "c"], None, "boss", "", "")])  # fmt: skip
@example(
    [
        (
            ("GET", "settings/domain/test-domain-key-dns/{selector}/{publicKey...}"),
            ["\x80", "b", "c"],
            None,
            "boss",
            "",
            "",
        )
    ]
)
def test_no_request_to_any_endpoint_gives_a_5xx_or_an_answer_without_the_envelope(line, given_calls):
    line.log_in()
    for (method, pattern), given_texts, body, who, domain, content_type in given_calls:
        path = f"/api/v1/{filled(pattern, given_texts)}"
        token = line.tokens[who] and f"Bearer {line.tokens[who]}"
        headers = {"X_SmarterMailDomain": domain, "Content_Type": content_type, "Authorization": token}
        status, kind, raw = line.send(method, path, body, **headers)
        assert status < 500, (method, path, body, who, raw)
        if not raw:
            assert status in WITHOUT_BODY, (method, path, body, status)
        elif not (status == 200 and any(name in path for name in NO_ENVELOPE)):
            assert kind == "application/json; charset=utf-8"
            found = json.loads(raw)
            assert isinstance(found["success"], bool) and found["resultCode"] == (
                status if status != 200 else found["resultCode"]
            )
            assert found["message"] is None or isinstance(found["message"], str)
            assert found["success"] is False or status == 200
    status, _, raw = line.send("GET", "/sandbox/state", X_Sandbox="1")
    assert status == 200 and PASSWORD.encode() not in raw


ADMIN = [("GET", "state"), ("GET", "requests"), ("POST", "faults"), ("POST", "quirks"), ("POST", "check-password"), ("POST", "clock"),
         ("POST", "account"), ("POST", "domain"), ("POST", "ids/reset"), ("POST", "records"), ("POST", "dns-faults"),
         ("PUT", "zones/fuzz.test"), ("GET", "zones"), ("DELETE", "zones/x"), ("POST", "requests/reset")]  # fmt: skip
ADMIN_FIELDS = ["email", "domain", "password", "size", "lastLogin", "twoFactor", "disabled", "advanceSeconds", "quirks", "add", "remove",
                "name", "param", "path", "times", "type", "value", "ttl", "faults", "maxUsers", "forwardBlacklist", "dkim", "hostname"]  # fmt: skip
admin_values = st.recursive(
    scalars | st.sampled_from(["html", "latency", "no-message", "missing:settings/domain/data", "anna@fuzz.test", "MX", "TXT"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(ADMIN_FIELDS), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(ADMIN), admin_values)
@example(("POST", "clock"), {"advanceSeconds": 1e300})
@example(("POST", "clock"), {"advanceSeconds": float("nan")})
@example(("POST", "account"), {"email": "boss@other.test", "size": float("inf")})
def test_no_request_to_the_control_endpoints_gives_a_5xx(line, endpoint, body):
    method, name = endpoint
    status, _, raw = line.send(method, f"/sandbox/{name}", json.dumps(body).encode(), X_Sandbox="1")
    assert status in {200, 400}, (name, body, raw)
    assert line.send("GET", "/sandbox/state", X_Sandbox="1")[0] == 200, (name, body)


DEEP = b'{"userData": ' * 2000 + b"1" + b"}" * 2000
MALFORMED_BODIES = [
    None, b"", b"{}", b"[]", b"null", b"\xff\xfe", b"{", DEEP, b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b'{"a": NaN}', b'{"a": 1e999}',
    b'{"a": "\\ud800"}', b'"' + b"x" * 100_000 + b'"', b'{"": {"": {"": null}}}', b'{"a": 1, "a": 2}', b"a=1&b=2", b"\x00" * 50,
    *(json.dumps(dict.fromkeys(FIELDS, value)).encode() for value in (None, True, -1, 2**70, 1e308, "", "\x00\u202e../%2f", [], [None], {}, {"a": []})),
]  # fmt: skip
MALFORMED_TEXTS = [
    "..",
    "%2e%2e",
    "a/b",
    "\\",
    "\x00",
    "\r\nX: y",
    "\U0001f600",
    "anna@fuzz.test",
    "x" * 3000,
    "{0}",
    "%s",
    "' OR 1=1 --",
]


@pytest.mark.parametrize("who", ["admin", "boss", "none"])
def test_every_route_handles_every_malicious_body_and_text_without_a_5xx_or_a_traceback(line, who, capfd):
    tried = set()
    for number, (method, pattern) in enumerate(ENDPOINTS):
        if number % 25 == 0:
            line.log_in()
        for turn in range(4 if who == "admin" else 2):
            body = MALFORMED_BODIES[(number * 7 + turn * 11) % len(MALFORMED_BODIES)]
            texts = [MALFORMED_TEXTS[(number + turn + n) % len(MALFORMED_TEXTS)] for n in range(3)]
            headers = {
                "Authorization": line.tokens[who] and f"Bearer {line.tokens[who]}",
                "X_SmarterMailDomain": "fuzz.test",
            }
            status, _, raw = line.send(
                method, f"/api/v1/{filled(pattern, texts)}", body, Content_Type="application/json", **headers
            )
            assert status < 500, (method, pattern, texts, body and body[:80], raw)
            tried.add((method, pattern))
    assert tried == set(ENDPOINTS)
    said = capfd.readouterr()
    assert "Traceback" not in said.err + said.out


@pytest.mark.parametrize("number", range(len(ADMIN)))
def test_every_control_endpoint_handles_every_malicious_body_without_a_5xx_or_a_traceback(line, number, capfd):
    method, name = ADMIN[number]
    for body in MALFORMED_BODIES:
        status, _, raw = line.send(method, f"/sandbox/{name}", body, X_Sandbox="1")
        assert status < 500, (name, body and body[:80], raw)
    assert line.send("GET", "/sandbox/state", X_Sandbox="1")[0] == 200
    said = capfd.readouterr()
    assert "Traceback" not in said.err + said.out


def test_the_state_after_fuzzing_survives_a_restart(line):
    line.log_in()
    before = json.loads(line.send("GET", "/sandbox/state", X_Sandbox="1")[2])
    line.connection.close()
    line.sandbox.stop()
    with Sandbox(line.sandbox.config) as again:
        other = Line(again)
        after = json.loads(other.send("GET", "/sandbox/state", X_Sandbox="1")[2])
        other.connection.close()
    assert after["domains"] == before["domains"] and set(before["domains"]) >= {"fuzz.test", "other.test"}
    assert after["admins"] == before["admins"]
