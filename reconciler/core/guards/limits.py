"""Guards over limits and features: the product's, and the server's own where they can be read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.core.diagnostics import Diagnostic, error, warning
from reconciler.core.guards.projected import Protocol, activations_after, activations_before, names_after
from reconciler.core.kinds import BY_NAME
from reconciler.core.model import CurrentDomain, DesiredDomain, KindName, ServerLimits, Unset
from reconciler.core.ownership import is_hosts_own
from reconciler.core.plan import Change
from reconciler.core.product import Limits
from reconciler.core.quantities import human_size
from reconciler.core.source import Span
from reconciler.core.workspace import Policy

_SHOWN = 3
"""Names listed before the rest is only counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    """One thing that is limited, before and after; None = no limit, or none that is known."""

    kind: KindName
    singular: str
    plural: str
    key: str
    before: frozenset[str]
    after: frozenset[str]
    sold: int | None
    served: int | None
    added: tuple[Change, ...]


def over_limits(
    changes: Iterable[Change], desired: DesiredDomain, current: CurrentDomain, policy: Policy, limits: Limits
) -> tuple[Diagnostic, ...]:
    """More afterwards than product or server allow, whoever owns it, where the plan makes that worse.

    The product's limit refuses only what leaves more than there was. The server's own also refuses to add while it is
    still exceeded afterwards, since it would refuse that itself. The host's own account counts for neither, but it
    does take one of the server's seats.
    """
    listed = list(changes)
    own = {name for name, r in current.mailboxes.items() if is_hosts_own(r)}
    found: list[Diagnostic] = []
    for count in (*_resources(listed, current, limits), *_activations(listed, current, limits)):
        for server in (False, True):
            apart = own if count.kind == "mailbox" and not (server and count.key.endswith("Accounts")) else set()
            before, after = count.before - apart, count.after - apart
            limit = count.served if server else count.sold
            worse = len(after) > len(before) or (server and bool(count.added))
            if limit is None or len(after) <= limit or not worse:
                continue
            origin = next((c.origin for c in count.added if c.origin), desired.origin)
            makers = _attributions(after, count.kind, desired, policy, own)
            found.append(_exceeded(current.domain, count, limit, server=server, makers=makers, origin=origin))
    return tuple(found)


def _resources(changes: list[Change], current: CurrentDomain, limits: Limits) -> Iterable[_Count]:
    server = current.limits
    rows: Mapping[KindName, tuple[int | None, int | None]] = {
        "mailbox": (limits.mailboxes or None, server.mailboxes or None),
        "alias": (limits.aliases or None, server.aliases or None),
        "domainAlias": (limits.domain_aliases, server.domain_aliases or None),
    }
    for kind, (sold, served) in rows.items():
        yield _Count(
            kind=kind,
            singular=BY_NAME[kind].title,
            plural=BY_NAME[kind].plural,
            key=BY_NAME[kind].section,
            before=frozenset(current.section(kind)),
            after=frozenset(names_after(changes, current, kind)),
            sold=sold,
            served=served,
            added=tuple(c for c in changes if c.kind == kind and c.action == "create"),
        )


def _activations(changes: list[Change], current: CurrentDomain, limits: Limits) -> Iterable[_Count]:
    server = current.limits
    rows: tuple[tuple[Protocol, int | None, int | None], ...] = (
        ("eas", limits.eas_accounts or None, server.eas or None),
        ("mapi", limits.mapi_accounts or None, server.mapi or None),
    )
    for protocol, sold, served in rows:
        yield _Count(
            kind="mailbox",
            singular=f"{protocol.upper()} account",
            plural=f"{protocol.upper()} accounts",
            key=f"{protocol}Accounts",
            before=frozenset(activations_before(current, protocol)),
            after=frozenset(activations_after(changes, current, protocol)),
            sold=sold,
            served=served,
            added=_turning_on(changes, protocol),
        )


def _turning_on(changes: Iterable[Change], field_name: str) -> tuple[Change, ...]:
    """The changes that turn a switch on, or fill a list."""
    return tuple(c for c in changes if any(f.name == field_name and f.after for f in c.fields))


def _attributions(
    names: Iterable[str], kind: KindName, desired: DesiredDomain, policy: Policy, own: set[str]
) -> dict[str, int]:
    """How many of these names are whose, in words; none is left out."""
    section = desired.section(kind)
    declared = frozenset[str]() if isinstance(section, Unset) else frozenset(section)
    removed = {r.name for r in desired.removed if r.kind == kind}
    attributions = dict.fromkeys(
        ("declared", "unmanaged", "ignored by the policy", "still to be deleted", "the host's own"), 0
    )
    for name in names:
        if kind == "mailbox" and name in own:
            attributions["the host's own"] += 1
        elif policy.ignores(kind, name):
            attributions["ignored by the policy"] += 1
        elif name in declared:
            attributions["declared"] += 1
        else:
            attributions["still to be deleted" if name in removed else "unmanaged"] += 1
    return {word: n for word, n in attributions.items() if n}


def _exceeded(
    domain: str, count: _Count, limit: int, *, server: bool, makers: Mapping[str, int], origin: Span
) -> Diagnostic:
    total = sum(makers.values())
    parts = [f"{n} {word}" for word, n in makers.items()]
    said = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]} make {total}"
    owner = "server" if server else "product"
    way = "have the server's own limit raised" if server else f"raise `limits.{count.key}` of the product"
    others = "; what is not declared here counts too" if set(makers) - {"declared"} else ""
    return error(
        "GRD008",
        f"{domain}: {limit or 'no'} {count.singular if limit == 1 else count.plural} allowed by the {owner}, {said}",
        origin,
        hint=f"{total - limit} too many: take some out, or {way}{others}",
    )


def features_switched_off(changes: Iterable[Change], current: CurrentDomain) -> tuple[Diagnostic, ...]:
    """EAS, MAPI or forwarding for mailboxes of a domain where the server has it switched off.

    Servers answer such a write with a refusal, or with a yes that has no effect (API reference sections 5.8 and 5.9).
    """
    listed = list(changes)
    limits = current.limits
    rows = (
        ("eas", "EAS", "enableActiveSyncAccountManagement", limits.eas_enabled),
        ("mapi", "MAPI", "enableMapiEwsAccountManagement", limits.mapi_enabled),
        ("forwarding.to", "forwarding", "enableMailForwarding", limits.forwarding_enabled),
    )
    found: list[Diagnostic] = []
    for field_name, word, setting, enabled in rows:
        asking = _turning_on(listed, field_name) if enabled is False else ()
        if asking:
            names = [c.name for c in asking[:_SHOWN]]
            rest = f" and {len(asking) - _SHOWN} more" if len(asking) > _SHOWN else ""
            found.append(
                error(
                    "GRD011",
                    f"{current.domain}: {word} is switched off for this domain on the server, so it cannot be turned "
                    f"on for {len(asking)} mailbox{'es' * (len(asking) != 1)} ({', '.join(names)}{rest})",
                    asking[0].origin,
                    hint=f"have the host switch it on ({setting}), or take it out of the file",
                )
            )
    return tuple(found)


def quotas(changes: Iterable[Change], limits: ServerLimits) -> tuple[Diagnostic, ...]:
    """Quotas that a change sets higher than the server lets the whole domain grow: they can never be used."""
    size = limits.domain_size or 0
    return tuple(
        warning(
            "GRD013",
            f"mailbox {change.address}: a quota of {human_size(field.after)}, but the server lets the whole domain "
            f"grow to {human_size(size)}",
            change.origin,
            hint="lower the quota, or have the domain's size raised on the server",
        )
        for change in changes
        for field in change.fields
        if field.name == "quota" and isinstance(field.after, int) and size and field.after > size
    )
