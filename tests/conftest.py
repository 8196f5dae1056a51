"""For all tests: property tests draw the same examples in every run, so that the gate says the same of the same code.

`make test` draws a tenth of the examples that a test asks for and leaves out the tests marked `long`;
`make test-long` (`pytest --long`) runs everything. `HYPOTHESIS_PROFILE=explore make test` draws new examples; a failure
found so becomes an `@example` or a test of its own.
No test touches the user's own state: locks go into a folder that is removed at the end.
"""

import atexit
import gc
import itertools
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.append(str(Path(__file__).parent))  # makes `forked_program` importable

os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="reconciler-state-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

SAMPLE = 10
"""`make test` draws one example where the long run draws so many."""
LEAST = 3
"""Examples that `make test` draws at least."""

# A shell ignores SIGINT for jobs in the background, and child processes inherit that. Tests send SIGINT to the program.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

KEYS = 4
"""DKIM keys of each size that all sandboxes of a test process share. Keys made one after the other differ."""

# Tests keep many objects alive (sandboxes, examples), so that frequent collections cost much and free little.
gc.set_threshold(20_000, 20, 20)

# Clients and their sandbox are threads of one process here. Without this, an answer waits up to 5 ms for the other one.
sys.setswitchinterval(0.0005)

settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=100 // SAMPLE)
settings.register_profile("long", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, print_blob=True)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "repeatable")
settings.load_profile(PROFILE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests marked `long`, and draw all examples")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--long"):
        settings.load_profile("long")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Lowers the number of examples that a property test asks for; a fixed number takes no notice of a profile."""
    test = getattr(item, "obj", None)
    asked = getattr(test, "_hypothesis_internal_use_settings", None)
    if asked is None or item.config.getoption("--long") or PROFILE != "repeatable" or hasattr(test, "sampled"):
        return
    drawn = max(LEAST, asked.max_examples // SAMPLE)
    test._hypothesis_internal_use_settings = settings(asked, max_examples=min(asked.max_examples, drawn))
    test.sampled = True  # the cases of a parametrized test are one function


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the tests marked `long`, unless the command line asks for them."""
    if config.getoption("--long"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("long")]


@pytest.fixture(scope="session", autouse=True)
def few_dkim_keys() -> Iterator[None]:
    """Sandboxes in this process take their RSA keys from a pool, because a new one takes up to 0.3 seconds of CPU."""
    from reconciler.sandbox import dkim

    generate = dkim._pair
    pool: dict[int, list[tuple[str, str]]] = {}
    numbers = itertools.count()

    def taken(size: int) -> tuple[str, str]:
        keys = pool.setdefault(size, [])
        if len(keys) < KEYS:
            keys.append(generate(size))
            return keys[-1]
        return keys[next(numbers) % KEYS]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dkim, "_pair", taken)
        yield


@pytest.fixture(scope="session")
def long_run(pytestconfig: pytest.Config) -> bool:
    """Whether a test that goes through many places goes through all of them, or takes a sample."""
    return bool(pytestconfig.getoption("--long"))
