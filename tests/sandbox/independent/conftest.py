"""An empty server for independent clients: its address, and the name and password of its system administrator.

The clients use only the standard library, as docs/reference/smartermail-api.md describes the API. Tests can import `plain_client` and `page_examples`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))

from plain_client import Wire

from reconciler.sandbox import Sandbox, SandboxConfig

ZONES = {
    "customer.test": "@ 300 IN A 192.0.2.1\n",
    "alias.test": "@ 300 IN MX 10 mail.sandbox.test.\n",
    "wrong.test": "@ 300 IN MX 10 mail.elsewhere.test.\n",
}


class Found:
    """The server: `root`, `username`, `password`; `zones` to publish DNS records, `quirks` to behave like another build."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.root, self.username, self.password = (
            sandbox.endpoint.url,
            sandbox.endpoint.username,
            sandbox.endpoint.password,
        )

    def quirks(self, *names: str) -> None:
        self.sandbox.quirks.set(names)

    def admin(self, path: str, body: Any) -> Any:
        return Wire(self.root).admin(path, body)


@pytest.fixture
def find() -> Iterator[Callable[..., Found]]:
    """Start a server with this configuration and stop it after the test."""
    running: list[Sandbox] = []

    def start(**config: Any) -> Found:
        sandbox = Sandbox(SandboxConfig(shared_dkim_keys=True, zones=ZONES, **config))
        sandbox.start()
        running.append(sandbox)
        return Found(sandbox)

    yield start
    for sandbox in running:
        sandbox.stop()


@pytest.fixture
def server(find: Callable[..., Found]) -> Found:
    return find()
