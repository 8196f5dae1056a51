"""Patterns for sizes up to a limit: what a schema needs to compare `5 GiB` with a product's limit."""

from reconciler.core.quantities import UNITS


def up_to(limit: int) -> str:
    """A regular expression, without anchors, for the numbers 1 to `limit` (at least 1) without leading zeros.

    It is in the common part of the ECMA-262 and Python dialects, so that editors read it as this program does.
    """
    digits = str(limit)
    branches = ["[1-9]" + ("" if len(digits) == 2 else f"[0-9]{{0,{len(digits) - 2}}}")] if len(digits) > 1 else []
    for i, digit in enumerate(digits):
        # Numbers that agree with the limit before this digit and are smaller in it; whatever follows.
        lowest = 1 if i == 0 else 0
        if int(digit) > lowest:
            branches.append(digits[:i] + _one_of(lowest, int(digit) - 1) + _any_digits(len(digits) - i - 1))
    return f"({'|'.join([*branches, digits])})"


def size_pattern(limit: int) -> str | None:
    """An anchored regular expression for the texts of sizes of 1 to `limit` bytes; None if no unit is that small."""
    branches = [f"{up_to(limit // unit)} ?{name}" for name, unit in UNITS.items() if limit >= unit]
    return f"^({'|'.join(branches)})$" if branches else None


def _one_of(lowest: int, highest: int) -> str:
    return str(lowest) if lowest == highest else f"[{lowest}-{highest}]"


def _any_digits(count: int) -> str:
    return "" if count == 0 else "[0-9]" if count == 1 else f"[0-9]{{{count}}}"
