"""Changes and their preconditions as a saved plan holds them, and back. A saved and loaded plan is equal."""

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
    """A document that fits the schema and is no plan all the same; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedDomain:
    """A plan, and what must still be so for each of its changes, by key."""

    plan: Plan
    preconditions: Mapping[str, Precondition]


def saved_plan_data(plan: Plan, salt: bytes, files: Mapping[str, str]) -> dict[str, object]:
    """One domain of a saved plan; `files`: a file's name for people -> its name in the workspace."""
    return {
        "domain": plan.domain,
        "server": plan.server,
        "digest": plan.digest,
        "changes": [_change_data(c, salt, files) for c in plan.changes],
        "unmanaged": [{"kind": u.kind, "address": u.address} for u in plan.unmanaged],
    }


def plan_from(data: Data, files: Mapping[str, str]) -> SavedDomain:
    """The reverse of `plan_data`; `files`: a file's name in the workspace -> its name for people.

    Raises:
        NoPlan: it is none that this program writes.
    """
    changes = tuple(_change(c, data["domain"], files) for c in data["changes"])
    keys: set[str] = set()
    for change in changes:
        if change.key in keys or not keys.issuperset(change.depends_on):
            raise NoPlan(f"{change.key} comes twice, or before what it depends on")
        keys.add(change.key)
    unmanaged = tuple(Unmanaged(u["kind"], u["address"]) for u in data["unmanaged"])
    plan = Plan(domain=data["domain"], server=data["server"], changes=changes, unmanaged=unmanaged)
    if plan.digest != data["digest"]:
        raise NoPlan(f"the digest of {plan.domain} is not that of its changes")
    expected = {c.key: _precondition(d["precondition"]) for c, d in zip(changes, data["changes"], strict=True)}
    for change in changes:
        if (expected[change.key].fields is None) is not (change.action == "create"):
            raise NoPlan(f"the precondition of {change.key} is of another action")
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
        raise NoPlan(f"{change.key}: a rename, and nothing else, has a new name")
    if kind == "domainAlias" and change.action not in ("create", "delete"):
        raise NoPlan(f"{change.key}: a domain alias is made or deleted, nothing else")
    if (kind, change.action) == ("mailbox", "create") and change.password is None:
        raise NoPlan(f"{change.key}: a new mailbox has a password")
    return change


def _name(kind: KindName, name: str) -> str:
    try:
        canonical = domain_name(name) if kind == "domainAlias" else local_part(name)
    except BadName as e:
        raise NoPlan(f"{kind} {name!r}: {e}") from e
    if canonical != name:
        raise NoPlan(f"{kind} {name!r} is not in canonical form")
    return name


def _field(kind: KindName, data: Data) -> FieldChange:
    name, secret = data["name"], data.get("secret")
    if secret is not None:
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
    return tuple(value) if isinstance(value, list) else value


def _span(data: Data, files: Mapping[str, str]) -> Span:
    file = files.get(data["file"], data["file"])
    return Span(file, data["line"], data["column"], data["endLine"], data["endColumn"])


def _precondition(data: Data) -> Precondition:
    return Precondition() if data.get("absent") else Precondition(fields=dict(data["fields"]))
