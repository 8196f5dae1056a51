"""Makes the harness of this folder, and what the laws share, importable."""

import sys
from pathlib import Path

_TESTS = Path(__file__).parents[1]
sys.path += [str(_TESTS / folder) for folder in ("faults", "laws", "engine", "core")]
