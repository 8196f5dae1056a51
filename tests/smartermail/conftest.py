"""A running sandbox per test or per module, without pauses between retries. Tests can import `client_world`."""

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


def started(**config: Any) -> Sandbox:
    seed = (SeedDomain(name=DOMAIN, admin_username="boss", admin_password=BOSS_PASSWORD, dkim=False),)
    box = Sandbox(SandboxConfig(password=PASSWORD, **{"seed": seed, **config}))
    box.start()
    return box


@pytest.fixture
def make() -> Iterator[Callable[..., World]]:
    """Start a sandbox with this configuration and stop it after the test."""
    running: list[Sandbox] = []

    def start(**config: Any) -> World:
        running.append(started(**config))
        return World(running[-1])

    yield start
    for box in running:
        box.stop()


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    return make()


@pytest.fixture(scope="module")
def reusable() -> Iterator[list[World]]:
    """The filled sandbox that the tests of a module use one after the other, as long as a test leaves it reusable."""
    worlds: list[World] = []
    yield worlds
    for world in worlds:
        world.box.stop()


@pytest.fixture
def filled(reusable: list[World]) -> Iterator[World]:
    """With mailboxes anna and ben, the aliases sales and info, the domain alias example.org."""
    if not reusable:
        reusable.append(World(started()))
        reusable[0].run(fill)
        reusable[0].own("POST", "snapshot")
    (world,) = reusable
    world.reset()
    url = world.url
    yield world
    world.url = url  # a test may have added a prefix
    if world.is_spent or not world.restore():
        reusable.clear()
        world.box.stop()
