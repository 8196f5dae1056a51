"""Guards for limits and features: those of the product, and those of the server as far as it reports them."""

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
"""A message lists this many names and counts the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    """The names that count toward one limit, before and after the plan.

    Attributes:
        singular, plural: the unit for messages: `mailbox`, `EAS accounts`.
        key: the limit's name in product files.
        sold, served: the limits of the product and the server; None = unlimited or unknown.
        added: the changes that add to the count.
    """

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
    """GRD008: more resources after the plan than the product or the server allows, if the plan makes it worse.

    The product's limit refuses only a plan that increases the count. The server's limit also refuses every addition
    to a domain that exceeds the limit after the plan, because the server would reject it. The host's own account
    counts for neither limit, except for the EAS and MAPI limits of the server.
    """
    listed = list(changes)
    own = {name for name, r in current.mailboxes.items() if is_hosts_own(r)}
    found: list[Diagnostic] = []
    for count in (*_resources(listed, current, limits), *_activations(listed, current, limits)):
        for server in (False, True):
            # The host's own account uses one of the server's EAS or MAPI activations like any other mailbox.
            uncounted = own if count.kind == "mailbox" and not (server and count.key.endswith("Accounts")) else set()
            before, after = count.before - uncounted, count.after - uncounted
            # The product's limit never refuses a plan that does not increase the count. The server rejects every
            # addition above its own limit, even if the plan deletes more than it creates.
            limit = count.served if server else count.sold
            worse = len(after) > len(before) or (server and bool(count.added))
            if limit is None or len(after) <= limit or not worse:
                continue
            # The first addition is a line that the user can change. Without any location, the message points to the
            # file.
            origin = next((c.origin for c in count.added if c.origin), desired.origin)
            groups = _groups(after, count.kind, desired, policy, own)
            found.append(_exceeded(current.domain, count, limit, server=server, groups=groups, origin=origin))
    return tuple(found)


def _resources(changes: list[Change], current: CurrentDomain, limits: Limits) -> Iterable[_Count]:
    server = current.limits
    # 0 is "unlimited", except for the domain aliases of a product, where it is "not offered".
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
    """The changes that turn a switch on, or add targets. Turning off and clearing are always allowed."""
    return tuple(c for c in changes if any(f.name == field_name and f.after for f in c.fields))


def _groups(
    names: Iterable[str], kind: KindName, desired: DesiredDomain, policy: Policy, own: set[str]
) -> dict[str, int]:
    """How many of these names are declared, unmanaged, ignored and so on. Each name is in one group."""
    section = desired.section(kind)
    declared = frozenset[str]() if isinstance(section, Unset) else frozenset(section)
    removed = {r.name for r in desired.removed if r.kind == kind}
    groups = dict.fromkeys(("declared", "unmanaged", "ignored by the policy", "still to delete", "the host's own"), 0)
    for name in names:
        if kind == "mailbox" and name in own:
            groups["the host's own"] += 1
        elif policy.ignores(kind, name):
            groups["ignored by the policy"] += 1
        elif name in declared:
            groups["declared"] += 1
        else:
            groups["still to delete" if name in removed else "unmanaged"] += 1
    return {word: n for word, n in groups.items() if n}


def _exceeded(
    domain: str, count: _Count, limit: int, *, server: bool, groups: Mapping[str, int], origin: Span
) -> Diagnostic:
    total = sum(groups.values())
    listed = ", ".join(f"{n} {word}" for word, n in groups.items())
    owner = "server" if server else "product"
    remedy = "ask the host to raise the server's limit" if server else f"raise `limits.{count.key}` of the product"
    others = "; resources that the file does not declare count too" if set(groups) - {"declared"} else ""
    return error(
        "GRD008",
        f"{domain}: the {owner} allows {limit or 'no'} {count.singular if limit == 1 else count.plural}; "
        f"this plan results in {total} ({listed})",
        origin,
        hint=f"remove {total - limit} of them, or {remedy}{others}",
    )


def features_switched_off(changes: Iterable[Change], current: CurrentDomain) -> tuple[Diagnostic, ...]:
    """GRD011: EAS, MAPI or forwarding for mailboxes of a domain for which the server has the feature switched off.

    Servers reject such a write, or accept it without effect (API reference sections 5.8 and 5.9).
    """
    listed = list(changes)
    limits = current.limits
    rows = (
        ("eas", "EAS", limits.eas_enabled),
        ("mapi", "MAPI", limits.mapi_enabled),
        ("forwarding.to", "forwarding", limits.forwarding_enabled),
    )
    found: list[Diagnostic] = []
    for field_name, word, enabled in rows:
        # Only a reported "off" refuses. An unknown switch must not block a server that does not report its features.
        asking = _turning_on(listed, field_name) if enabled is False else ()
        if asking:
            # The host looks for the switch by the server's own name, which only the server's side knows.
            setting = limits.setting_names.get(field_name)
            shown = f" ({setting})" if setting else ""
            names = [c.name for c in asking[:_SHOWN]]
            rest = f" and {len(asking) - _SHOWN} more" if len(asking) > _SHOWN else ""
            found.append(
                error(
                    "GRD011",
                    f"{current.domain}: the server has {word} switched off for this domain; cannot turn it on "
                    f"for {len(asking)} mailbox{'es' * (len(asking) != 1)} ({', '.join(names)}{rest})",
                    asking[0].origin,
                    hint=f"ask the host to switch it on{shown}, or remove it from the file",
                )
            )
    return tuple(found)


def quotas(changes: Iterable[Change], limits: ServerLimits) -> tuple[Diagnostic, ...]:
    """GRD013: quotas that a change sets higher than the size limit of the domain: a mailbox can never use them up."""
    size = limits.domain_size or 0
    return tuple(
        # A warning and not an error: the quota does no harm, because the limit of the domain still applies.
        warning(
            "GRD013",
            f"mailbox {change.address}: the quota of {human_size(field.after)} is larger than the server's size limit "
            f"of {human_size(size)} for the domain",
            change.origin,
            hint="lower the quota, or ask the host to raise the size limit of the domain",
        )
        for change in changes
        for field in change.fields
        if field.name == "quota" and isinstance(field.after, int) and size and field.after > size
    )
