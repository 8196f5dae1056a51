"""A running sandbox per test, and a small HTTP client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from reconciler.sandbox import Sandbox, SandboxConfig

PASSWORD = "Adm1n-of-the-sandbox"
SECRET = "Mailb0x-secret"


class Api:
    """Calls under one token; `api.get("settings/...")` and `api.post("settings/...", {...})` return the response."""

    def __init__(self, url: str, http: httpx.Client, headers: dict[str, str] | None = None) -> None:
        self.url = url
        self.http = http
        self.headers = headers or {}

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.http.get(f"{self.url}/api/v1/{path}", headers={**self.headers, **headers})

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        sent = {} if body is None else body
        return self.http.post(f"{self.url}/api/v1/{path}", json=sent, headers={**self.headers, **headers})

    def ok(self, path: str, body: Any = None) -> dict[str, Any]:
        """A POST that must succeed."""
        response = self.post(path, body)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        assert found["success"] is True, found
        return found

    def read(self, path: str) -> dict[str, Any]:
        """A GET that must succeed."""
        response = self.get(path)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        assert found["success"] is True, found
        return found

    def refused(self, path: str, body: Any = None) -> str:
        """A POST that must be refused as a business error. Returns its message."""
        response = self.post(path, body)
        assert response.status_code == 200, response.text
        found = response.json()
        assert found["success"] is False, found
        return str(found["message"])

    def bearing(self, token: str) -> Api:
        return Api(self.url, self.http, {"Authorization": f"Bearer {token}"})

    def login(self, username: str, password: str, **more: Any) -> Api:
        found = self.ok("auth/authenticate-user", {"username": username, "password": password, **more})
        return self.bearing(found["accessToken"])

    def with_header(self, domain: str) -> Api:
        return Api(self.url, self.http, {**self.headers, "X-SmarterMailDomain": domain})

    def manage(self, domain: str) -> Api:
        return self.bearing(self.ok(f"settings/sysadmin/manage-domain/{domain}")["impersonateAccessToken"])

    def sandbox(self, method: str, path: str, body: Any = None) -> Any:
        """Call a control endpoint of the sandbox, which must answer 200."""
        response = self.http.request(method, f"{self.url}/sandbox/{path}", json=body, headers={"X-Sandbox": "1"})
        assert response.status_code == 200, response.text
        return response.json()


class World:
    """A sandbox with the domain example.test (administrator boss, plain user anna) and a token of each kind."""

    password = PASSWORD
    secret = SECRET

    def __init__(self, sandbox: Sandbox, http: httpx.Client) -> None:
        self.box = sandbox
        self.anon = Api(sandbox.endpoint.url, http)
        self.sa = self.anon.login("admin", PASSWORD, clientId="world")
        if "example.test" not in self.sa.read("settings/sysadmin/domain-names")["data"]:
            self.add_domain("example.test")
            self.sa.with_header("example.test").ok("settings/domain/user-put", user("anna", fullName="Anna A"))
        self.da = self.anon.login("boss@example.test", SECRET, clientId="world")
        self.u = self.anon.login("anna@example.test", SECRET, clientId="world")

    def add_domain(self, name: str, **data: Any) -> None:
        body = {"adminUsername": "boss", "adminPassword": SECRET, "domainData": {"name": name, **data}}
        self.sa.ok("settings/sysadmin/domain-put", body)

    def user(self, name: str, **data: Any) -> dict[str, Any]:
        """The body of user-put."""
        return user(name, **data)

    def state(self, domain: str = "example.test") -> dict[str, Any]:
        found: dict[str, Any] = self.anon.sandbox("GET", "state")["domains"][domain]
        return found

    def quirks(self, *names: str) -> None:
        self.anon.sandbox("POST", "quirks", {"quirks": list(names)})

    def fault(self, **fault: Any) -> None:
        self.anon.sandbox("POST", "faults", fault)

    def advance(self, seconds: float) -> None:
        self.anon.sandbox("POST", "clock", {"advanceSeconds": seconds})

    def effects(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = self.anon.sandbox("GET", "requests")["effects"]
        return found


def user(name: str, **data: Any) -> dict[str, Any]:
    return {"userData": {"userName": name, "password": SECRET, **data}}


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=20, verify=False) as client:
        yield client


@pytest.fixture
def make(http: httpx.Client) -> Iterator[Callable[..., World]]:
    """Start a sandbox with this configuration and stop it after the test."""
    running: list[Sandbox] = []

    def start(**config: Any) -> World:
        sandbox = Sandbox(SandboxConfig(password=PASSWORD, **config))
        sandbox.start()
        running.append(sandbox)
        return World(sandbox, http)

    yield start
    for sandbox in running:
        sandbox.stop()


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    return make()
