"""Saved plans: `plan --save FILE`, `apply --plan FILE`.

A saved plan holds no secret: for each domain its digest, and what the plan was asked for. Applying it plans again, and
refuses if any domain's plan would now be another one, so what was reviewed is what runs.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.app.header import generated
from reconciler.app.planning import PlanRequest
from reconciler.config.workspace import Configuration
from reconciler.core.errors import StalePlan
from reconciler.core.plan import Plan

FORMAT_VERSION = 1
KIND = "SavedPlan"
_AGAIN = "plan again, and have the new plan reviewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A saved plan, read.

    Attributes:
        digests: domain -> digest of its plan.
        asked: prune, allowDeletions, targets and setPasswords as they were.
    """

    digests: Mapping[str, str]
    asked: Mapping[str, object]

    @classmethod
    def load(cls, path: Path, config: Configuration) -> "SavedPlan":
        """Reads a saved plan.

        Raises:
            StalePlan: it is no saved plan of this version, or was made from other files.
        """
        try:
            data = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as e:
            raise _no_plan(path) from e
        if not isinstance(data, dict) or data.get("kind") != KIND:
            raise _no_plan(path)
        version = data.get("formatVersion")
        if version != FORMAT_VERSION:
            raise StalePlan(f"{path} has formatVersion {version!r}; this program knows {FORMAT_VERSION}", hint=_AGAIN)
        if data.get("configuration") != config.digest:
            raise StalePlan(f"{path} was made from other files than these; nothing was changed", hint=_AGAIN)
        digests, asked = data.get("digests"), data.get("asked")
        if not isinstance(digests, dict) or not isinstance(asked, dict) or not digests.keys() <= config.domains.keys():
            raise _no_plan(path)
        if config.domains and not digests:
            raise _no_plan(path)
        return cls(digests=digests, asked=asked)

    def request(self, given: PlanRequest) -> PlanRequest:
        """The request that the plan was made for, as of today."""
        allowed = self.asked.get("allowDeletions")
        return replace(
            given,
            prune=bool(self.asked.get("prune")),
            allow_deletions=allowed if isinstance(allowed, int) else None,
            targets=_texts(self.asked.get("targets")),
            set_passwords=_texts(self.asked.get("setPasswords")),
        )

    def selection(self, config: Configuration) -> Configuration:
        """The configuration with the domains selected that were planned."""
        return replace(config, selected=tuple(sorted(self.digests)))

    def moved(self, plans: Sequence[Plan]) -> tuple[str, ...]:
        """The domains whose plan would now be another one."""
        return tuple(p.domain for p in plans if self.digests.get(p.domain) != p.digest)


def _no_plan(path: Path) -> StalePlan:
    return StalePlan(f"{path} is not a saved plan of these domains", hint="`reconciler plan --save FILE` writes one")


def _texts(value: object) -> frozenset[str]:
    return frozenset(str(v) for v in value) if isinstance(value, list) else frozenset()


def unfit(plans: Sequence[Plan]) -> tuple[str, ...]:
    """The domains whose plan is incomplete or refused: a saved plan with one of them could never be applied."""
    return tuple(p.domain for p in plans if p.refused or not p.complete)


def saved_plan(config: Configuration, request: PlanRequest, plans: Sequence[Plan]) -> str:
    """The text of a saved plan; none of the plans is unfit."""
    assert not unfit(plans), "asked for before"
    document = {
        "formatVersion": FORMAT_VERSION,
        "kind": KIND,
        "generated": generated(config.root),
        "configuration": config.digest,
        "asked": {
            "prune": request.prune,
            "allowDeletions": request.allow_deletions,
            "targets": sorted(request.targets),
            "setPasswords": sorted(request.set_passwords),
        },
        "digests": {p.domain: p.digest for p in plans},
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"
