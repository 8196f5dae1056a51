"""Sizes in bytes and amounts of money, parsed and formatted exactly."""

import re
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_HALF_UP, Context, Decimal

_WIDE = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""Amounts may have more than the 28 digits of Python's default context."""

UNLIMITED = 0
"""The server's value for "no limit" (API reference section 1.4)."""

UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = re.compile(r"([1-9][0-9]*) ?(KiB|MiB|GiB|TiB)")


def parse_size(value: str | int) -> int:
    """The bytes of `5 GiB`, `5GiB`, `unlimited` (0) or a number of bytes.

    Raises:
        ValueError: the value has none of these forms.
    """
    if isinstance(value, int):
        # 0 means "unlimited" on the server, and a 0 in a file is more likely a mistake than that intention.
        if value <= 0:
            raise ValueError("a size is at least 1 byte; for no limit write unlimited")
        return value
    if value == "unlimited":
        return UNLIMITED
    found = _SIZE.fullmatch(value)
    # KB, MB and GB are not accepted: some programs mean powers of 1000 and others powers of 1024.
    if not found:
        raise ValueError("write a size as 500 MiB, 5 GiB, 1 TiB, a number of bytes, or unlimited")
    return int(found[1]) * UNITS[found[2]]


def format_size(size: int) -> str:
    """The exact size in the largest unit that divides it, in the syntax of files."""
    if size == UNLIMITED:
        return "unlimited"
    for unit in reversed(UNITS):
        # No rounding: `import` writes this text into a file, and a plan after it must be empty.
        if size % UNITS[unit] == 0:
            return f"{size // UNITS[unit]} {unit}"
    return str(size)


def human_size(size: int) -> str:
    """A size for people, one decimal: `3.2 GiB`, `0 B`."""
    for unit in reversed(UNITS):
        if size >= UNITS[unit]:
            return f"{size / UNITS[unit]:.1f} {unit}"
    return f"{size} B"


def format_money(amount: Decimal) -> str:
    """An amount with two decimals: `14.50`. Half a cent is rounded up, as on invoices."""
    return str(amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP, context=_WIDE))
