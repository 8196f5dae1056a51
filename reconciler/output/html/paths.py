"""The file names of the pages. They contain only canonical domain names, never other text from a file or from DNS."""

import hashlib
from collections.abc import Sequence

from reconciler.core.findings import DomainReport
from reconciler.core.names import domain_name

FOLDER = "domains"
LONGEST = 200
"""The longest part of a domain name in a file name, in characters. File systems allow 255 bytes."""


def page_paths(reports: Sequence[DomainReport]) -> list[str]:
    """The path of the page of each report, in the given order. The paths differ, also if the case is ignored.

    Raises:
        BadName: a domain name is not canonical. That is a bug, because all names pass through `core.names`.
    """
    seen: dict[str, int] = {}
    return [f"{FOLDER}/{_stem(report.domain, seen)}.html" for report in reports]


def _stem(domain: str, seen: dict[str, int]) -> str:
    # A name with `..` or a slash would write outside of the report folder.
    assert domain_name(domain) == domain, f"{domain!r} is not canonical"
    stem = domain
    if len(stem) > LONGEST:
        # A domain name cannot contain a tilde, so no other domain gets this file name.
        stem = f"{stem[:LONGEST]}~{hashlib.sha256(domain.encode()).hexdigest()[:16]}"
    # Two servers may have the same domain. Without the number, one page would overwrite the other.
    number = seen[domain] = seen.get(domain, 0) + 1
    return stem if number == 1 else f"{stem}~{number}"
