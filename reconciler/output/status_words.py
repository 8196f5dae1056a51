"""What the status of domains is in words, in every format: cells of the table, sums, and what does not agree."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from reconciler.core.bill import total
from reconciler.core.findings import Status
from reconciler.core.password_policy import PolicyDifference
from reconciler.core.quantities import human_size
from reconciler.core.status import DomainStatus, Figures, Use

PILLS: Mapping[Status, str] = MappingProxyType({"pass": "+", "warn": "!", "fail": "X", "skip": "-", "error": "?"})
"""A check in one character that every terminal has."""

PILL_WORDS = "+ pass, ! warn, X fail, - skip, ? not looked up"
UNKNOWN = "?"


def count_cell(use: Use) -> str:
    """`12/25`; `12` where there is no limit; `off` where the server does not have the feature on."""
    if use.switched_off and not use.used:
        return "off"
    used = UNKNOWN if use.used is None else str(use.used)
    return used if use.limit is None else f"{used}/{use.limit}"


def disk_cell(use: Use) -> str:
    """`3.2 GiB/250 GiB`, or `3.2 GiB` where there is no limit."""
    used = UNKNOWN if use.used is None else human_size(use.used)
    return used if use.limit is None else f"{used}/{human_size(use.limit).replace('.0 ', ' ')}"


def checks(statuses: Iterable[DomainStatus]) -> list[str]:
    """The checks that any domain has, in their order."""
    return list(dict.fromkeys(check for s in statuses for check in s.pills))


def bill_totals(statuses: Sequence[DomainStatus]) -> dict[str, tuple[Decimal, int]]:
    """Currency -> the sum of the bills that are known, and of how many domains it is not known; sorted."""
    billed = [f for f in known(statuses) if f.currency is not None]
    found: dict[str, tuple[Decimal, int]] = {}
    for currency in sorted({f.currency for f in billed if f.currency is not None}):
        amounts = [f.monthly for f in billed if f.currency == currency]
        told = [amount for amount in amounts if amount is not None]
        found[currency] = (total(told), len(amounts) - len(told))
    return found


def policy_differences(statuses: Iterable[DomainStatus]) -> dict[tuple[str, str, tuple[PolicyDifference, ...]], list[str]]:
    """(server, product, what differs) -> the domains of which that is so."""
    found: dict[tuple[str, str, tuple[PolicyDifference, ...]], list[str]] = {}
    for status in statuses:
        compared = status.figures.passwords if status.figures else None
        if compared is not None and compared.differences:
            key = (status.server, status.product or "", compared.differences)
            found.setdefault(key, []).append(status.domain)
    return found


def difference_words(difference: PolicyDifference) -> str:
    """`minLength 5 instead of 12`: the server's side, then the product's."""
    return f"{difference.rule} {_rule_value(difference.server)} instead of {_rule_value(difference.product)}"


def _rule_value(value: int | bool) -> str:
    return str(value).lower()


def some(names: Sequence[str], most: int = 3) -> str:
    """`a, b, c and 5 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def known(statuses: Iterable[DomainStatus]) -> list[Figures]:
    """The figures of the domains that were read."""
    return [s.figures for s in statuses if s.figures is not None]
