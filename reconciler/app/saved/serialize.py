"""Plans to the data of a saved plan and back. A plan that is saved and loaded is equal to the original."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.kinds import BY_NAME, PASSWORD
from reconciler.core.model import KindName, Value
from reconciler.core.names import BadName, domain_name, local_part
from reconciler.core.plan import Change, FieldChange, Plan, Unmanaged
from reconciler.core.planning.recheck import Precondition, precondition
from reconciler.core.secret import SecretRef
from reconciler.core.source import Span

Data = Mapping[str, Any]


class NoPlan(ValueError):
    """A document that matches the schema but is not a plan; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedDomain:
    """A plan, and the precondition of each of its changes, by key."""

    plan: Plan
    preconditions: Mapping[str, Precondition]


def saved_plan_data(plan: Plan, salt: bytes, files: Mapping[str, str]) -> dict[str, object]:
    """One domain of a saved plan; `files`: a file's displayed name -> its path in the workspace."""
    return {
        "domain": plan.domain,
        "server": plan.server,
        "digest": plan.digest,
        "changes": [_change_data(c, salt, files) for c in plan.changes],
        "unmanaged": [{"kind": u.kind, "address": u.address} for u in plan.unmanaged],
    }


def plan_from(data: Data, files: Mapping[str, str]) -> SavedDomain:
    """The reverse of `saved_plan_data`; `files`: a file's path in the workspace -> its displayed name.

    Raises:
        NoPlan: this program never writes such a plan.
    """
    changes = tuple(_change(c, data["domain"], files) for c in data["changes"])
    keys: set[str] = set()
    for change in changes:
        # The executor makes the changes in this order, and needs each dependency before its dependents.
        if change.key in keys or not keys.issuperset(change.depends_on):
            raise NoPlan(f"{change.key} occurs twice, or before a change that it depends on")
        keys.add(change.key)
    unmanaged = tuple(Unmanaged(u["kind"], u["address"]) for u in data["unmanaged"])
    plan = Plan(domain=data["domain"], server=data["server"], changes=changes, unmanaged=unmanaged)
    # The reviewer approved the digest, so the decoded changes must have the same one.
    if plan.digest != data["digest"]:
        raise NoPlan(f"the digest of {plan.domain} does not match its changes")
    expected = {c.key: _precondition(d["precondition"]) for c, d in zip(changes, data["changes"], strict=True)}
    for change in changes:
        # A creation requires that the object is absent, every other action that its fields are unchanged.
        if (expected[change.key].fields is None) is not (change.action == "create"):
            raise NoPlan(f"the precondition of {change.key} belongs to another action")
    return SavedDomain(plan=plan, preconditions=expected)


def _change_data(change: Change, salt: bytes, files: Mapping[str, str]) -> dict[str, object]:
    before = precondition(change, salt)
    data: dict[str, object] = {
        "action": change.action,
        "kind": change.kind,
        "name": change.name,
        "reason": change.reason,
        "risk": change.risk,
        "fields": [_field_data(f) for f in change.fields],
        "dependsOn": list(change.depends_on),
        "precondition": {"absent": True} if before.fields is None else {"fields": dict(before.fields)},
    }
    facts = {"usageBytes": change.usage_bytes, "lastLogin": change.last_login}
    extra = {
        "newName": change.new_name,
        "purgeAfter": change.purge_after,
        "current": {k: v for k, v in facts.items() if v is not None} or None,
        "source": _source_data(change.origin, files) if change.origin else None,
    }
    return data | {k: v for k, v in extra.items() if v is not None}


def _field_data(field: FieldChange) -> dict[str, object]:
    if field.secret is not None:
        ref = field.secret
        return {
            "name": field.name,
            "secret": {"kind": ref.kind, "target": ref.target, "argv": list(ref.parts), "version": ref.version},
        }
    sides = {"before": field.before, "after": field.after}
    return {"name": field.name} | {k: list(v) if isinstance(v, tuple) else v for k, v in sides.items() if v is not None}


def _source_data(span: Span, files: Mapping[str, str]) -> dict[str, object]:
    return {
        # Displayed names depend on the current folder, paths in the workspace do not.
        "file": files.get(span.file, span.file),
        "line": span.line,
        "column": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _change(data: Data, domain: str, files: Mapping[str, str]) -> Change:
    kind: KindName = data["kind"]
    facts, source = data.get("current", {}), data.get("source")
    change = Change(
        action=data["action"],
        kind=kind,
        domain=domain,
        name=_name(kind, data["name"]),
        new_name=_name(kind, data["newName"]) if "newName" in data else None,
        reason=data["reason"],
        risk=data["risk"],
        fields=tuple(_field(kind, f) for f in data["fields"]),
        purge_after=data.get("purgeAfter"),
        depends_on=tuple(data["dependsOn"]),
        usage_bytes=facts.get("usageBytes"),
        last_login=facts.get("lastLogin"),
        origin=_span(source, files) if source else None,
    )
    if (change.action == "rename") is not (change.new_name is not None):
        raise NoPlan(f"{change.key}: a rename needs a new name, and no other action has one")
    if kind == "domainAlias" and change.action not in ("create", "delete"):
        raise NoPlan(f"{change.key}: a domain alias can only be created or deleted")
    if (kind, change.action) == ("mailbox", "create") and change.password is None:
        raise NoPlan(f"{change.key}: a new mailbox needs a password")
    return change


def _name(kind: KindName, name: str) -> str:
    try:
        canonical = domain_name(name) if kind == "domainAlias" else local_part(name)
    except BadName as e:
        raise NoPlan(f"{kind} {name!r}: {e}") from e
    # Two spellings of a name would be two keys of one object.
    if canonical != name:
        raise NoPlan(f"{kind} {name!r} is not in canonical form")
    return name


def _field(kind: KindName, data: Data) -> FieldChange:
    name, secret = data["name"], data.get("secret")
    if secret is not None:
        # All other fields appear in plans and journals, where a secret would leak.
        if (kind, name) != ("mailbox", PASSWORD):
            raise NoPlan(f"{kind} has no secret field {name}")
        ref = SecretRef(secret["kind"], secret["target"], tuple(secret["argv"]), secret["version"])
        return FieldChange(name=name, secret=ref)
    try:
        BY_NAME[kind].field(name)
    except KeyError as e:
        raise NoPlan(f"{kind} has no field {name}") from e
    return FieldChange(name=name, before=_value(data.get("before")), after=_value(data["after"]))


def _value(value: Any) -> Value | None:
    # JSON has no tuples, and the model compares tuples.
    return tuple(value) if isinstance(value, list) else value


def _span(data: Data, files: Mapping[str, str]) -> Span:
    file = files.get(data["file"], data["file"])
    return Span(file, data["line"], data["column"], data["endLine"], data["endColumn"])


def _precondition(data: Data) -> Precondition:
    return Precondition() if data.get("absent") else Precondition(fields=dict(data["fields"]))
