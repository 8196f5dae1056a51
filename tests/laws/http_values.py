"""Shared parts of the laws over HTTP: quirks of servers, situations as files, and the results of a run."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from law_strategies import Situation

from reconciler.app.apply.run import ApplyResult
from reconciler.app.plan.planner import PlanRequest
from reconciler.config.emit import emit_domain
from reconciler.core.kinds import BY_NAME
from reconciler.core.model import UNSET, CurrentDomain, DesiredDomain, Mailbox
from reconciler.core.plan import Result
from reconciler.core.ports import ReadScope
from reconciler.sandbox import QUIRKS

ADMIN_PASSWORD = "Adm1n-of-the-laws"
OLD_PASSWORD, NEW_PASSWORD = "0ld-secret-of-a-box", "N3w-secret-of-a-box"
SISTER = "sister.example"

NOT_HARMLESS = {"no-success-on-writes", "eas-flag-off", "mapi-flag-off"}
"""Quirks with tests of their own: a server that never confirms, and features that are off."""
SPELLINGS = (
    "missing:settings/domain/get-user",
    "missing:settings/domain/users-delete",
    "missing:settings/domain/get-mailbox-forward-list",
    "missing:settings/sysadmin/manage-domain",
    "not-allowed:settings/domain/list-users",
)
HARMLESS = (*sorted(set(QUIRKS) - NOT_HARMLESS), *SPELLINGS)
"""Differences between servers that must not affect a run."""
NOT_TOGETHER = (
    # The two together leave no way to name the domain.
    {"missing:settings/sysadmin/manage-domain", "header-context-ignored"},
    # `keepCopy` cannot be read without a target, and only a target makes it readable.
    {"forward-needs-flag", "forward-flag-off-default"},
)
servers = st.lists(st.sampled_from(HARMLESS), unique=True, max_size=8).filter(
    lambda names: not any(pair <= set(names) for pair in NOT_TOGETHER)
)
"""Sets of quirks, one per server."""
ONCE = ("create", "delete", "rename")
WRITES = (
    "(user-put|post-user|users-disable|post-mailbox-forward-list|users?-delete|account-list-delete|rename-user"
    "|alias-put|domain/alias$|alias-delete|mailboxes-patch)"
)
"""The paths of all writing requests."""


class Silent:
    """Progress without output."""

    def begin(self, title: str, total: int) -> None: ...

    def step(self, text: str) -> None: ...

    def end(self) -> None: ...


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


def written_down(url: str, there: Situation, root: Path) -> None:
    """The situation's files, as a workspace."""
    policy = there.policy
    document = {
        "apiVersion": "reconciler/v1",
        "kind": "Workspace",
        "servers": {
            "mail1": {
                "url": url,
                "hostname": "mail.example.net",
                "username": "admin",
                "password": {"env": "LAWS_ADMIN_PASSWORD"},
            }
        },
        "policy": {
            "prune": {BY_NAME[kind].section: on for kind, on in policy.prune.items()},
            "maxDeletions": {"count": 100, "percent": 100},
            "protect": list(policy.protect),
            "externalForwarding": policy.external_forwarding,
        },
    }
    (root / "reconciler.yaml").write_text(json.dumps(document), encoding="utf-8")
    (root / "domains").mkdir()
    (root / "domains" / f"{there.desired.domain}.yaml").write_text(emit_domain(there.desired), encoding="utf-8")


def written(kind: Any, resource: Any) -> dict[str, Any]:
    """The fields of a current resource for the writer, without activations."""
    read = {s.name: getattr(resource, s.attribute) for s in kind.fields if not s.activation}
    return {k: v for k, v in read.items() if v is not UNSET}


def whole(there: CurrentDomain) -> ReadScope:
    """The scope of all readable fields."""
    return ReadScope(forwarding=frozenset(there.mailboxes), alias_flags=frozenset(there.aliases), eas=True, mapi=True)


def faults_of(done: ApplyResult) -> list[tuple[str, str, str]]:
    """The changes that were not applied, with the reasons."""
    rows = [o for row in done.outcomes.values() for o in row if o.result is not Result.APPLIED]
    return [(o.change.key, o.result.value, o.detail) for o in rows]


def declared(desired: DesiredDomain) -> dict[str, Mailbox]:
    return {} if desired.mailboxes is UNSET else dict(desired.mailboxes)  # type: ignore[arg-type]


def delivered(root: Path) -> dict[str, str]:
    """Address -> the last password that was generated for it."""
    found: dict[str, str] = {}
    for file in sorted((root / ".reconciler" / "passwords").glob("*.jsonl"), key=lambda f: f.stat().st_mtime_ns):
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            found[row["address"]] = row["password"]
    return found


def request_of(there: Situation) -> PlanRequest:
    options = there.options
    return PlanRequest(
        today=options.today, prune=options.prune, targets=options.targets, set_passwords=options.set_passwords
    )
