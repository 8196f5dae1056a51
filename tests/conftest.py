"""For all tests: property tests draw the same examples in every run, so that the gate says the same of the same code.

`HYPOTHESIS_PROFILE=explore make test` draws new ones; a failure found so becomes an `@example` or a test of its own.
"""

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
