"""Make the harness of this folder and the shared modules of the laws importable."""

import sys
from pathlib import Path

_TESTS = Path(__file__).parents[1]
sys.path += [str(_TESTS / folder) for folder in ("faults", "laws", "engine", "core")]
