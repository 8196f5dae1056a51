"""Makes `law_strategies`, `fake_server`, `fake_vault` and `domain_builders` importable for the tests in this folder."""

import sys
from pathlib import Path

_TESTS = Path(__file__).parents[1]
sys.path += [str(_TESTS / folder) for folder in ("laws", "engine", "core", "config")]
