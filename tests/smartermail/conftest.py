"""A running sandbox per test, without pauses between retries. Tests can import `client_world`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina

sys.path.append(str(Path(__file__).parent))

from client_world import BOSS_PASSWORD, DOMAIN, PASSWORD, World, fill

from reconciler.sandbox import Sandbox, SandboxConfig, SeedDomain


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    """Retries without pauses; their number does not change."""
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


@pytest.fixture
def make() -> Iterator[Callable[..., World]]:
    """Start a sandbox with this configuration and stop it after the test."""
    running: list[Sandbox] = []

    def start(**config: Any) -> World:
        seed = (SeedDomain(name=DOMAIN, admin_username="boss", admin_password=BOSS_PASSWORD, dkim=False),)
        box = Sandbox(SandboxConfig(password=PASSWORD, **{"seed": seed, **config}))
        box.start()
        running.append(box)
        return World(box)

    yield start
    for box in running:
        box.stop()


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    return make()


@pytest.fixture
def filled(world: World) -> World:
    """With mailboxes anna and ben, the aliases sales and info, the domain alias example.org."""
    world.run(fill)
    world.reset()
    return world
