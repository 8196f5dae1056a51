"""Samples of parametrized tests: `make test` runs some of the cases, `make test-long` all of them."""

from collections.abc import Iterable
from typing import Any

import pytest


def sampled(cases: Iterable[Any], every: int) -> list[Any]:
    """Every n-th case as it is, beginning with the first; all others carry the marker `long`."""
    return [case if n % every == 0 else pytest.param(case, marks=pytest.mark.long) for n, case in enumerate(cases)]
