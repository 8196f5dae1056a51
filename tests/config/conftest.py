"""Makes `fake_vault` importable for the tests in this folder."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
