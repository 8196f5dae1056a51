"""A running sandbox, retries without pauses, and the shared modules of tests/smartermail."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1] / "smartermail"))

from client_world import BOSS_PASSWORD, DOMAIN, PASSWORD, World

from reconciler.sandbox import Sandbox, SandboxConfig, SeedDomain


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    """Retry without pauses, with the usual number of attempts."""
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A sandbox with two domains, shared by the tests of a file."""
    seed = tuple(
        SeedDomain(name=name, admin_username="boss", admin_password=BOSS_PASSWORD, dkim=False)
        for name in (DOMAIN, "victim.test")
    )
    with Sandbox(SandboxConfig(password=PASSWORD, seed=seed)) as box:
        yield World(box)
