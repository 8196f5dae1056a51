"""Makes the scripts of `requirements/` and the helpers here importable, and says what happens where their tools are not installed."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "requirements"), str(Path(__file__).parent)]


@pytest.fixture(scope="session")
def tools() -> None:
    """The test needs the tools of requirements/tools.lock (`make tools`)."""
    missing = [name for name in ("cyclonedx", "pip_audit") if importlib.util.find_spec(name) is None]
    if not (Path(sys.executable).parent / "kingfisher").exists():
        missing.append("kingfisher")
    if missing:
        if os.environ.get("RECONCILER_REQUIRE_TOOLS") == "1":
            pytest.fail(f"not installed, and the gate may not do without: {', '.join(missing)}")
        pytest.skip(f"NOT TESTED: {', '.join(missing)} not installed; `make tools` installs them")
