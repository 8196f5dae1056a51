"""The names of the pages' files: made of canonical domain names, and of nothing else that somebody wrote."""

import hashlib
from collections.abc import Sequence

from reconciler.core.findings import DomainReport
from reconciler.core.names import domain_name

FOLDER = "domains"
LONGEST = 200
"""Characters of a name that are used; file systems take 255 bytes."""


def page_paths(reports: Sequence[DomainReport]) -> list[str]:
    """The path of each report's page in the folder, in the order given; no two are the same, also in lower case.

    Raises:
        BadName: a domain is no canonical name: a bug, for both files and servers pass through `core.names`.
    """
    seen: dict[str, int] = {}
    return [f"{FOLDER}/{_stem(report.domain, seen)}.html" for report in reports]


def _stem(domain: str, seen: dict[str, int]) -> str:
    assert domain_name(domain) == domain, f"{domain!r} is not canonical"
    stem = domain
    if len(stem) > LONGEST:
        # A tilde cannot be in a domain name: so this is nobody else's.
        stem = f"{stem[:LONGEST]}~{hashlib.sha256(domain.encode()).hexdigest()[:16]}"
    number = seen[domain] = seen.get(domain, 0) + 1
    return stem if number == 1 else f"{stem}~{number}"
