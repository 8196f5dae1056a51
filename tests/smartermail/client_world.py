"""A running sandbox, its control endpoints, and clients of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx

from reconciler.core.secret import Secret, SecretRef
from reconciler.core.workspace import ServerSettings
from reconciler.sandbox import Sandbox
from reconciler.smartermail import Server, connect

PASSWORD = "Adm1n-of-the-sandbox"
BOSS_PASSWORD = "B0ss-of-example"
SECRET = "Mailb0x-secret"
DOMAIN = "example.test"

T = TypeVar("T")


def settings(url: str, **more: Any) -> ServerSettings:
    """The settings of a server with this address."""
    return ServerSettings(
        name="mail1", url=url, hostname="mail.sandbox.test", username="admin", password=SecretRef("env", "P"), **more
    )


class World:
    """A sandbox with the domain example.test (administrator boss) and access to its state."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.url = box.endpoint.url
        self.is_spent = False
        """Whether no other test can use the sandbox: its clock was advanced, or a late request may still change it."""

    def connect(self, username: str = "admin", password: str = PASSWORD, **more: Any) -> Server:
        timeout = more.pop("timeout", 10.0)
        return connect(settings(self.url, **more), username=username, password=Secret(password), timeout=timeout)

    def customer(self, **more: Any) -> Server:
        return self.connect(f"boss@{DOMAIN}", BOSS_PASSWORD, role="customer", **more)

    def run(self, work: Callable[[Server], Awaitable[T]], **more: Any) -> T:
        """The result of `work` with its own client."""

        async def main() -> T:
            async with self.connect(**more) as server:
                return await work(server)

        return asyncio.run(main())

    def own(self, method: str, path: str, body: Any = None) -> Any:
        """Call a control endpoint of the sandbox."""
        # Without `verify` a TLS context would be made each time, which takes longer than the request.
        response = httpx.request(
            method,
            f"{self.url}/sandbox/{path}",
            json=body,
            headers={"X-Sandbox": "1"},
            trust_env=False,
            verify=False,
            timeout=20,
        )
        assert response.status_code == 200, response.text
        return response.json()

    def quirks(self, *names: str) -> None:
        self.own("POST", "quirks", {"quirks": list(names)})

    def fault(self, name: str, **more: Any) -> None:
        self.is_spent |= name.startswith("latency")
        self.own("POST", "faults", {"name": name, **more})

    def heal(self) -> None:
        self.own("DELETE", "faults")

    def advance(self, seconds: float) -> None:
        self.is_spent = True
        self.own("POST", "clock", {"advanceSeconds": seconds})

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.own("GET", "state")["domains"][DOMAIN]
        return found

    def effects(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = self.own("GET", "requests")["effects"]
        return found

    def requests(self) -> list[str]:
        """`METHOD endpoint` of every request, in order."""
        return [f"{r['method']} {r['endpoint'] or r['path']}" for r in self.own("GET", "requests")["requests"]]

    def restore(self) -> bool:
        """Restores the snapshot. Returns False if the test stopped the sandbox."""
        try:
            self.heal()
        except httpx.TransportError:
            return False
        self.quirks()
        self.own("POST", "ids/reset")
        self.own("POST", "restore")
        return True

    def reset(self) -> None:
        self.own("POST", "requests/reset")


async def fill(server: Server) -> None:
    """The content of the fixture `filled`."""
    writer = server.writer()
    await writer.create_mailbox(DOMAIN, "anna", {"displayName": "Anna A", "quota": 1 << 30}, Secret(SECRET))
    values = {"displayName": "Ben", "forwarding.to": ("ben@elsewhere.test",), "forwarding.keepCopy": False}
    await writer.create_mailbox(DOMAIN, "ben", values, Secret(SECRET))
    await writer.create_alias(
        DOMAIN, "sales", {"to": (f"anna@{DOMAIN}", f"ben@{DOMAIN}", "x@else.test"), "displayName": "Sales"}
    )
    await writer.create_alias(DOMAIN, "info", {"to": (f"anna@{DOMAIN}",), "allowSending": True})
    await writer.create_domain_alias(DOMAIN, "example.org")
    await writer.set_activations(DOMAIN, "eas", {"anna": True})
