"""A fake server, a journal and passwords in memory; makes `fake_server` and `domain_builders` importable."""

import sys
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "core")]

from fake_run import FakePasswords, MemoryJournal
from fake_server import FakeServer


@pytest.fixture
def server() -> FakeServer:
    """A server with the empty domain example.com."""
    fake = FakeServer()
    fake.add_domain("example.com")
    return fake


@pytest.fixture
def journal() -> MemoryJournal:
    """A journal that stores its calls."""
    return MemoryJournal()


@pytest.fixture
def passwords() -> FakePasswords:
    """Passwords derived from address and version."""
    return FakePasswords()
