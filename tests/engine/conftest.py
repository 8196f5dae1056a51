"""A fake server, a journal and passwords in memory; `fake_server` and `domain_builders` can be imported."""

import sys
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "core")]

from fake_run import FakePasswords, MemoryJournal
from fake_server import FakeServer


@pytest.fixture
def server() -> FakeServer:
    """A server with the domain example.com, empty."""
    fake = FakeServer()
    fake.add_domain("example.com")
    return fake


@pytest.fixture
def journal() -> MemoryJournal:
    """A journal that remembers what it was told."""
    return MemoryJournal()


@pytest.fixture
def passwords() -> FakePasswords:
    """Passwords that are made from address and version."""
    return FakePasswords()
