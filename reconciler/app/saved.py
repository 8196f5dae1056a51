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
from reconciler.core.errors import ReconcilerError, StalePlan
from reconciler.core.plan import Plan

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A saved plan, read.

    Attributes:
        configuration: the digest of the files that it was made from.
        digests: domain -> digest of its plan.
        asked: prune, allowDeletions, targets and setPasswords as they were.
    """

    configuration: str
    digests: Mapping[str, str]
    asked: Mapping[str, object]

    @classmethod
    def load(cls, path: Path, config: Configuration) -> "SavedPlan":
        """Reads a saved plan.

        Raises:
            ReconcilerError: it is no saved plan.
            StalePlan: it was made from other files.
        """
        try:
            data = json.loads(path.read_text("utf-8"))
            saved = cls(configuration=data["configuration"], digests=dict(data["digests"]), asked=data["asked"])
            version = data["formatVersion"]
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise ReconcilerError(f"{path} is not a saved plan", hint="`reconciler plan --save FILE` writes one") from e
        if version != FORMAT_VERSION:
            raise ReconcilerError(f"{path} has formatVersion {version!r}; this program knows {FORMAT_VERSION}")
        if saved.configuration != config.digest:
            raise StalePlan(
                f"{path} was made from other files than these; nothing was changed",
                hint="plan again, and have the new plan reviewed",
            )
        return saved

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


def _texts(value: object) -> frozenset[str]:
    return frozenset(str(v) for v in value) if isinstance(value, list) else frozenset()


def save_plan(path: Path, config: Configuration, request: PlanRequest, plans: Sequence[Plan]) -> None:
    """Writes a saved plan.

    Raises:
        ReconcilerError: a plan is incomplete or refused: there is nothing that could be applied.
    """
    unfit = [p.domain for p in plans if p.refused or not p.complete]
    if unfit:
        raise ReconcilerError(
            f"not saved: the plan cannot be applied to {', '.join(unfit)}", hint="see the errors above"
        )
    document = {
        "formatVersion": FORMAT_VERSION,
        "kind": "SavedPlan",
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
    path.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")
