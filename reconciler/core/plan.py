"""The plan of one domain: all its changes in the order of execution, and the outcomes after an apply.

A plan is a frozen value without closures, so that it can be digested, saved, reviewed and compared.
"""

import hashlib
import json
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from reconciler.core.diagnostics import Diagnostic, has_errors
from reconciler.core.kinds import Risk
from reconciler.core.model import KindName, Resource, Value
from reconciler.core.secret import SecretRef
from reconciler.core.source import Span

Action = Literal["create", "update", "delete", "rename"]
Reason = Literal["declared", "removed", "purge pending", "pruned", "renamed", "rolled back"]
Attribution = Literal["change set", "pending", "both"]
"""Relative to a base commit: introduced by this change set, already pending without it, or partly each."""
Direction = Literal["server", "git", "both"]
"""The origin of a difference: somebody changed the server, the files, or both since they were last equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of a change.

    Attributes:
        name: as in `reconciler.core.kinds`, or `password`.
        before: None if there was no resource, or if the field was not read.
        after: None only for a password, whose reference is in `secret`.
        attribution, direction: for the reviewer, None = unknown; not compared.
    """

    name: str
    before: Value | None = None
    after: Value | None = None
    secret: SecretRef | None = None
    # Annotations for reviewers must not make two equal plans different: a reviewed plan is compared with a new one.
    attribution: Attribution | None = field(default=None, compare=False)
    direction: Direction | None = field(default=None, compare=False)

    @property
    def sensitive(self) -> bool:
        """Whether output must not show the values."""
        return self.secret is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource to create, update, delete or rename.

    Attributes:
        name: the local part, or the domain alias; of a rename the old name.
        new_name: only of a rename.
        purge_after: the ISO date from which a removed mailbox will be deleted; this change only disables it.
        depends_on: keys of changes that must be applied before; if one of them fails, this change is not tried.
        usage_bytes, last_login: of the current mailbox, for the reviewer. They are not compared: mail that arrives
            must not make two plans different.
        current: the live object against which the change was planned, as far as it was read; None for a creation.
        attribution, direction: of the complete change, for the reviewer; None = unknown.
    """

    action: Action
    kind: KindName
    domain: str
    name: str
    new_name: str | None = None
    reason: Reason = "declared"
    risk: Risk = "none"
    fields: tuple[FieldChange, ...] = ()
    purge_after: str | None = None
    depends_on: tuple[str, ...] = ()
    usage_bytes: int | None = field(default=None, compare=False)
    last_login: str | None = field(default=None, compare=False)
    current: Resource | None = field(default=None, compare=False)
    attribution: Attribution | None = field(default=None, compare=False)
    direction: Direction | None = field(default=None, compare=False)
    origin: Span | None = field(default=None, compare=False)

    @property
    def address(self) -> str:
        """`alice@example.com`, or the name of a domain alias."""
        return self.name if self.kind == "domainAlias" else f"{self.name}@{self.domain}"

    @property
    def key(self) -> str:
        """Unique within a plan: `mailbox:alice@example.com`."""
        return f"{self.kind}:{self.address}"

    def values(self, *, activations: bool) -> dict[str, Value]:
        """The values to write by field name, without the password: the activations (EAS, MAPI), or all other fields."""
        # None is only the value of a password: empty texts and lists are values that clear a field.
        return {f.name: f.after for f in self.fields if f.after is not None and (f.name in ACTIVATIONS) is activations}

    @property
    def password(self) -> SecretRef | None:
        """The reference of the password to set; None without one."""
        return next((f.secret for f in self.fields if f.secret is not None), None)


def takes_name(change: Change) -> bool:
    """Whether a name that received mail no longer exists after the change."""
    return change.action in ("delete", "rename")


ACTIVATIONS = frozenset({"eas", "mapi"})


@dataclass(frozen=True, slots=True, order=True)
class Unmanaged:
    """A resource on the server, in a declared section, that no file declares."""

    kind: KindName
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The monthly bill of one domain in exact decimals, before and after its plan.

    Attributes:
        currency: the product's ISO 4217 code.
        before, after: None if unknown, because the disk usage or the activations were not read.
    """

    currency: str
    before: Decimal | None
    after: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The changes that `apply` would make in one domain.

    Attributes:
        complete: False if the domain could not be read completely; there are no changes then.
        diagnostics: from the guards and the planner; an error forbids applying this plan.
        left_out: the number of changes that `--target` excluded.
        hidden: changes that the files of the base commit would make and that this change set hides.
        cost: the effect on the monthly bill, if the product has prices.
    """

    domain: str
    server: str
    changes: tuple[Change, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()
    # Not compared: messages and prices can change while the effect of the plan stays the same.
    diagnostics: tuple[Diagnostic, ...] = field(default=(), compare=False)
    complete: bool = True
    left_out: int = field(default=0, compare=False)
    hidden: tuple[Change, ...] = field(default=(), compare=False)
    cost: Cost | None = field(default=None, compare=False)

    @property
    def refused(self) -> bool:
        """Whether a guard forbids applying the plan."""
        return has_errors(self.diagnostics)

    def count(self, action: Action) -> int:
        """The number of changes with this action."""
        return sum(c.action == action for c in self.changes)

    @property
    def digest(self) -> str:
        """A digest of domain, server and changes. Equal plans have equal digests, whatever the order of the files."""
        # Names from servers may contain single surrogates, which plain UTF-8 rejects.
        return (
            "sha256:" + hashlib.sha256(canonical_json(digest_data(self)).encode("utf-8", "surrogatepass")).hexdigest()
        )

    def with_diagnostics(self, *more: Diagnostic) -> "Plan":
        """The same plan with additional diagnostics."""
        return replace(self, diagnostics=(*self.diagnostics, *more)) if more else self


class Result(StrEnum):
    """The result of a change. The values are part of the JSON documents and of the journal."""

    APPLIED = "applied"
    SKIPPED = "already as wanted"
    REFUSED = "refused"
    FAILED = "failed"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one change with its reason.

    Attributes:
        detail: why the change was not applied.
        password_set: the server accepted the change's password, even if a later step of the change failed.
    """

    change: Change
    result: Result
    detail: str = ""
    hint: str = ""
    password_set: bool = False


def canonical_json(data: object) -> str:
    """JSON in one canonical form, for digests: sorted keys, no spaces, UTF-8."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_data(plan: Plan) -> dict[str, object]:
    """The plan as plain data for digests and saved plans, without origins, facts and diagnostics."""
    return {
        "domain": plan.domain,
        "server": plan.server,
        "complete": plan.complete,
        "changes": [_change_data(c) for c in plan.changes],
        # Part of the digest, because a reviewer approves the plan together with this list.
        "unmanaged": [[u.kind, u.address] for u in plan.unmanaged],
    }


def _change_data(change: Change) -> dict[str, object]:
    data: dict[str, object] = {
        "action": change.action,
        "kind": change.kind,
        "name": change.name,
        "reason": change.reason,
        "risk": change.risk,
        "fields": [_field_data(f) for f in change.fields],
        "dependsOn": list(change.depends_on),
    }
    extra = {"newName": change.new_name, "purgeAfter": change.purge_after}
    return data | {k: v for k, v in extra.items() if v is not None}


def _field_data(change: FieldChange) -> dict[str, object]:
    # The reference of a secret is enough: the same reference and version mean the same password.
    if change.secret is not None:
        ref = change.secret
        return {"name": change.name, "secret": [ref.kind, ref.target, list(ref.parts), ref.version]}
    return {"name": change.name, "before": _plain(change.before), "after": _plain(change.after)}


def _plain(value: Value | None) -> object:
    return list(value) if isinstance(value, tuple) else value
