"""Make the scripts of `requirements/` and the helpers here importable. Skip tests whose tools are not installed."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "requirements"), str(Path(__file__).parent)]


@pytest.fixture(scope="session")
def tools() -> None:
    """Skip the test unless the tools of requirements/tools.lock are installed (`make tools`).

    RECONCILER_REQUIRE_TOOLS=1 turns the skip into a failure, so that the gate cannot pass without these tests.
    """
    missing = [name for name in ("cyclonedx", "pip_audit") if importlib.util.find_spec(name) is None]
    if not (Path(sys.executable).parent / "kingfisher").exists():
        missing.append("kingfisher")
    if missing:
        if os.environ.get("RECONCILER_REQUIRE_TOOLS") == "1":
            pytest.fail(f"not installed, but RECONCILER_REQUIRE_TOOLS=1 requires: {', '.join(missing)}")
        pytest.skip(f"NOT TESTED: {', '.join(missing)} not installed. Run `make tools`.")
