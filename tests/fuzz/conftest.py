"""Makes the modules of this folder importable for its tests. The folder is not a package."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
