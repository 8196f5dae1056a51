"""A plan: all changes of one domain, in the order in which they are to be made. A frozen value without closures."""

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

# What a domain costs a month, before and after a plan, in exact decimals.


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The monthly bill of one domain.

    Attributes:
        currency: an ISO 4217 code, as the product has it.
        before, after: None where it cannot be known (the disk usage or the seats were not read).
    """

    currency: str
    before: Decimal | None
    after: Decimal | None


Action = Literal["create", "update", "delete", "rename"]
Reason = Literal["declared", "removed", "purge pending", "pruned", "renamed", "rolled back"]
Attribution = Literal["change set", "pending", "both"]
"""Whose a change is, next to a base commit: made by this change set, there without it, or partly each."""
Direction = Literal["server", "git", "both"]
"""Where a difference came from: somebody changed the server, the files, or both, since they were last equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of a change.

    Attributes:
        name: as in `reconciler.core.kinds`, or `password`.
        before: None where there was no resource, or nothing was read.
        after: None only for a password, whose reference is in `secret`.
        share, direction: for the reviewer, None where not known; no part of what is planned.
    """

    name: str
    before: Value | None = None
    after: Value | None = None
    secret: SecretRef | None = None
    attribution: Attribution | None = field(default=None, compare=False)
    direction: Direction | None = field(default=None, compare=False)

    @property
    def sensitive(self) -> bool:
        """Whether neither side may be shown."""
        return self.secret is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource to create, update, delete or rename.

    Attributes:
        name: the local part, or the domain alias; the old one of a rename.
        new_name: of a rename only.
        purge_after: the day from which a removed mailbox will be deleted (ISO date), where it is only disabled now.
        depends_on: keys of changes that must have been made before; if one of them fails, this one is not tried.
        usage_bytes, last_login: of the mailbox as it is now, for the reviewer; no part of what is planned, so
            that mail which arrives does not make a plan another one.
        current: the live object that it was planned against, as far as it was read; None for a creation.
        share, direction: of the whole change, for the reviewer; None where not known.
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
        """What is to be written, by field name, without the password; the seats (EAS, MAPI) or all else."""
        return {f.name: f.after for f in self.fields if f.after is not None and (f.name in ACTIVATIONS) is activations}

    @property
    def password(self) -> SecretRef | None:
        """Where a password comes from that is to be set."""
        return next((f.secret for f in self.fields if f.secret is not None), None)


def takes_name(change: Change) -> bool:
    """Whether a name that mail may be sent to is gone afterwards."""
    return change.action in ("delete", "rename")


ACTIVATIONS = frozenset({"eas", "mapi"})


@dataclass(frozen=True, slots=True, order=True)
class Unmanaged:
    """A resource that the server has, in a declared section, which no file declares."""

    kind: KindName
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `apply` would do in one domain.

    Attributes:
        complete: False where the domain could not be read whole; there are no changes then.
        diagnostics: what guards and the planner have to say; an error forbids applying this plan.
        left_out: how many changes are not in it because `--target` named others.
        hidden: changes that the files of the base commit would make and that this change set hides.
        cost: what the changes do to the monthly bill, where the product has prices.
    """

    domain: str
    server: str
    changes: tuple[Change, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = field(default=(), compare=False)
    complete: bool = True
    left_out: int = field(default=0, compare=False)
    hidden: tuple[Change, ...] = field(default=(), compare=False)
    cost: Cost | None = field(default=None, compare=False)

    @property
    def refused(self) -> bool:
        """Whether a guard forbids applying it."""
        return has_errors(self.diagnostics)

    def count(self, action: Action) -> int:
        """How many changes of one sort."""
        return sum(c.action == action for c in self.changes)

    @property
    def digest(self) -> str:
        """A digest of domain, server and changes: equal plans have equal digests, whatever order files had."""
        return (
            "sha256:" + hashlib.sha256(canonical_json(digest_data(self)).encode("utf-8", "surrogatepass")).hexdigest()
        )

    def with_diagnostics(self, *more: Diagnostic) -> "Plan":
        """The same plan with more said about it."""
        return replace(self, diagnostics=(*self.diagnostics, *more)) if more else self


class Result(StrEnum):
    """What became of a change."""

    APPLIED = "applied"
    SKIPPED = "already as wanted"
    REFUSED = "refused"
    FAILED = "failed"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one change.

    Attributes:
        detail: why, where it was not applied.
        password_set: the server took the change's password, whatever became of the rest of it.
    """

    change: Change
    result: Result
    detail: str = ""
    hint: str = ""
    password_set: bool = False


def canonical_json(data: object) -> str:
    """JSON with one spelling: sorted keys, no spaces, UTF-8."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_data(plan: Plan) -> dict[str, object]:
    """The plan as plain data, for digests and saved plans; origins, facts and diagnostics are left out."""
    return {
        "domain": plan.domain,
        "server": plan.server,
        "complete": plan.complete,
        "changes": [_change_data(c) for c in plan.changes],
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
    if change.secret is not None:
        ref = change.secret
        return {"name": change.name, "secret": [ref.kind, ref.target, list(ref.parts), ref.version]}
    return {"name": change.name, "before": _plain(change.before), "after": _plain(change.after)}


def _plain(value: Value | None) -> object:
    return list(value) if isinstance(value, tuple) else value
