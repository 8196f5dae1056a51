"""The current state of a server as a file would declare it, and the parts that no file can express."""

from reconciler.config.emit import field as emit_field
from reconciler.config.emit import flow_text
from reconciler.core.kinds import BY_NAME
from reconciler.core.model import (
    UNSET,
    Alias,
    CurrentDomain,
    DesiredDomain,
    KindName,
    Mailbox,
    Resource,
    Unset,
    Value,
)
from reconciler.core.names import BadName, address, local_part
from reconciler.core.ownership import is_hosts_own
from reconciler.core.product import Product
from reconciler.core.workspace import Policy, Role

_NO_POLICY = Policy()


def as_declared(
    current: CurrentDomain, *, server: str, product: Product | None, role: Role, policy: Policy = _NO_POLICY
) -> tuple[DesiredDomain, tuple[str, ...]]:
    """The domain as a file would declare it: complete, without default values and without passwords.

    The account that was created with the domain belongs to the host and is left out, and so are resources that the
    policy ignores. Values that a file cannot express stay unmanaged; the second result lists them.
    """
    left_out: list[str] = []
    none_sold = product is not None and product.limits.domain_aliases == 0
    if none_sold and current.domain_aliases:
        left_out.append(f"domain aliases: the product allows none, the server has {len(current.domain_aliases)}")
    mailboxes, aliases = (importable(kind, current, policy) for kind in ("mailbox", "alias"))
    desired = DesiredDomain(
        domain=current.domain,
        server=server,
        product=product.name if product else None,
        mailboxes={n: r for n, r in _declared(mailboxes, product, role, left_out).items() if isinstance(r, Mailbox)},
        aliases={n: r for n, r in _declared(aliases, product, role, left_out).items() if isinstance(r, Alias)},
        domain_aliases=UNSET if none_sold else dict(sorted(current.domain_aliases.items())),
    )
    return desired, tuple(left_out)


def importable(kind: KindName, current: CurrentDomain, policy: Policy) -> dict[str, Resource]:
    """The resources of a kind, by name, without the host's account and without those that the policy ignores."""
    rows = current.section(kind)
    return {
        name: rows[name] for name in sorted(rows) if not is_hosts_own(rows[name]) and not policy.ignores(kind, name)
    }


def declared(row: Resource, product: Product | None, role: Role, left_out: list[str]) -> Resource | None:
    """A resource as a file would declare it, without default values; None for a name that no file can hold."""
    if not isinstance(row, Mailbox | Alias):
        return row
    kind = BY_NAME["mailbox" if isinstance(row, Mailbox) else "alias"]
    try:
        canonical = local_part(row.name)
    except BadName as e:
        left_out.append(f"{kind.title} {row.name!r}: {e}")
        return None
    # A file could hold only one of the two, so neither choice is safe.
    if canonical != row.name:
        left_out.append(f"{kind.title} {row.name!r}: the server also has {canonical}, which is the same name")
        return None
    values: dict[str, Value] = {}
    for spec in kind.fields:
        value = getattr(row, spec.attribute)
        # A default value in the file would only add lines to review.
        if isinstance(value, Unset) or _is_default(row, spec.name, value):
            continue
        why = unsayable(spec.name, value, product, role)
        if why:
            left_out.append(f"{kind.title} {row.name}: {why}")
        else:
            values[spec.attribute] = value
    if kind.name == "mailbox":
        return Mailbox(name=row.name, **values)  # type: ignore[arg-type]  # values of the fields of that attribute
    return Alias(name=row.name, **values)  # type: ignore[arg-type]


def unsayable(field: str, value: Value, product: Product | None, role: Role) -> str:
    """Why a file cannot hold this value of a field (named as in `reconciler.core.kinds`); empty if it can."""
    if field == "displayName":
        # YAML cannot hold control characters, and UTF-8 cannot hold lone surrogates.
        if any(c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in str(value)):
            return "its display name contains characters that a file cannot hold"
    elif isinstance(value, tuple):
        for target in value:
            try:
                address(target, "")
            except BadName as e:
                return f"its target {target!r} cannot be written in a file: {e}"
    elif field in ("eas", "mapi") and value is True and product is not None and role == "customer":
        offered = product.offer.eas if field == "eas" else product.offer.mapi
        if not offered:
            return f"{field} is on, but the product does not offer it to customers"
    return ""


def shown_value(field: str, value: Value | Unset, domain: str) -> str:
    """A value as a file spells it, on one line."""
    return "not managed" if isinstance(value, Unset) else flow_text(emit_field(value, field, domain))


def _declared(
    rows: dict[str, Resource], product: Product | None, role: Role, left_out: list[str]
) -> dict[str, Resource]:
    made = {name: declared(row, product, role, left_out) for name, row in rows.items()}
    return {name: row for name, row in made.items() if row is not None}


def _is_default(row: Mailbox | Alias, field: str, value: Value) -> bool:
    """Whether a file can omit the value, because a new resource gets it from the server."""
    if field == "enabled":
        return value is True
    if field == "forwarding.keepCopy":
        return not (isinstance(row, Mailbox) and row.forward_to)
    return not value
