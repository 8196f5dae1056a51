"""For all tests: property tests draw the same examples in every run, so that the gate says the same of the same code.

`HYPOTHESIS_PROFILE=explore make test` draws new ones; a failure found so becomes an `@example` or a test of its own.
No test touches the user's own state: locks go into a folder that is removed at the end.
"""

import atexit
import os
import shutil
import tempfile

from hypothesis import settings

os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="reconciler-state-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
