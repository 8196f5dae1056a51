"""What a report's entry is known by from one run to the next, wherever in its file it has moved meanwhile."""

import hashlib
import json
from collections import Counter


class Fingerprints:
    """Makes the fingerprints of one report: stable, and no two alike."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, ...]] = Counter()

    def of(self, *parts: str) -> str:
        """SHA-256, in hex, of what the entry is about: its check, its file, its subject; never of its line.

        Where a report says the same twice, the second is counted: forges show only one of two that are alike.
        """
        number = self._seen[parts]
        self._seen[parts] += 1
        return hashlib.sha256(json.dumps([*parts, number]).encode("ascii")).hexdigest()
