"""The product file of a workspace that `init --from` creates: the limits of the server."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.model import CurrentDomain, Unset
from reconciler.core.password_policy import ServerPasswordPolicy
from reconciler.core.product import Limits, Offer, PasswordPolicy, Product
from reconciler.core.quantities import format_size

PRODUCT = "standard"
"""The name of the product in the files."""
LENGTHS = (1, 128)
"""The shortest and longest `minLength` that a product file can say."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One limit: its key in the file, its names in both models, its use by a domain, and its notation."""

    key: str
    told: str
    sold: str
    used: Callable[[CurrentDomain], int]
    is_size: bool = False
    zero_is_unlimited: bool = True

    def shown(self, value: int) -> str:
        if self.is_size:
            return format_size(value)
        return "unlimited" if value == 0 else str(value)


def _activations(protocol: str) -> Callable[[CurrentDomain], int]:
    return lambda d: sum(getattr(m, protocol) is True for m in d.mailboxes.values())


def _quotas(domain: CurrentDomain) -> int:
    return sum(m.quota for m in domain.mailboxes.values() if not isinstance(m.quota, Unset))


def _mailboxes(domain: CurrentDomain) -> int:
    return sum(not m.facts.is_primary_admin for m in domain.mailboxes.values())


_ROWS = (
    _Row("mailboxes", "mailboxes", "mailboxes", _mailboxes),
    _Row("aliases", "aliases", "aliases", lambda d: len(d.aliases)),
    # Zero means "none" in a product, and "unlimited" on the server.
    _Row("domainAliases", "domain_aliases", "domain_aliases", lambda d: len(d.domain_aliases), zero_is_unlimited=False),
    _Row("domainSize", "domain_size", "domain_size", _quotas, is_size=True),
    _Row("easAccounts", "eas", "eas_accounts", _activations("eas")),
    _Row("mapiAccounts", "mapi", "mapi_accounts", _activations("mapi")),
)


def product_of(
    found: Mapping[str, CurrentDomain], policies: Mapping[str, ServerPasswordPolicy | None]
) -> tuple[Product, str]:
    """The product that the server's own limits make of some domains, and its file.

    A limit is stated where all domains have the same and none is beyond it; else a comment says what there is. So is
    a rule for passwords where the server tells the same of all domains.
    """
    stated: dict[str, int] = {}
    lines: list[str] = []
    for row in _ROWS:
        value, remark = _common(row, found)
        if value is None:
            lines.append(f"  # {row.key}: {remark}")
            continue
        stated[row.sold] = value
        text = format_size(value) if row.is_size else str(value)
        lines.append(f"  {row.key}: {text}" + ("   # unlimited" if value == 0 and not row.is_size else ""))
    offer = Offer(eas=_offered(found, "eas_enabled"), mapi=_offered(found, "mapi_enabled"))
    rules = _rules([policies.get(name) or ServerPasswordPolicy() for name in found])
    product = Product(
        name=PRODUCT,
        limits=Limits(**stated),
        offer=offer,
        password_policy=PasswordPolicy(**rules),  # type: ignore[arg-type]  # a length and three switches
    )
    text = "".join(f"{line}\n" for line in _product_lines(len(found), lines, stated, offer, rules))
    return product, text


_RULES = {
    "min_length": "minLength",
    "require_uppercase": "requireUppercase",
    "require_digit": "requireDigit",
    "require_special": "requireSpecial",
}


def _rules(told: Sequence[ServerPasswordPolicy]) -> dict[str, int | bool]:
    """The rules for passwords that hold in all domains, as far as a product can express them."""
    common: dict[str, int | bool] = {}
    for name in _RULES:
        values = {getattr(policy, name) for policy in told}
        value = values.pop() if len(values) == 1 else None
        if value is not None and (name != "min_length" or LENGTHS[0] <= value <= LENGTHS[1]):
            common[name] = value
    return common


def _common(row: _Row, found: Mapping[str, CurrentDomain]) -> tuple[int | None, str]:
    """The limit that all domains share, or None and the reason."""
    told = [getattr(d.limits, row.told) for d in found.values()]
    known = sorted({v for v in told if v is not None})
    if not known:
        return None, "unknown, because the server does not return it"
    if len(known) > 1 or None in told:
        texts = [row.shown(v) for v in (*(v for v in known if v), *(v for v in known if not v))]
        return (
            None,
            f"{', '.join(texts[:5])}{', …' if len(texts) > 5 else ''} on the server, different between domains",
        )
    (value,) = known
    if value == 0:
        return (0, "") if row.zero_is_unlimited else (None, "unlimited on the server; 0 here would allow none")
    beyond = next((d for d in found.values() if row.used(d) > value), None)
    if beyond is not None:
        return None, f"{row.shown(value)} on the server, but {beyond.domain} has {_amount(row, row.used(beyond))}"
    return value, ""


def _amount(row: _Row, value: int) -> str:
    return f"a sum of quotas of {format_size(value)}" if row.is_size else str(value)


def _offered(found: Mapping[str, CurrentDomain], switch: str) -> bool:
    """Whether the protocol is on in any domain, or may be."""
    return any(getattr(d.limits, switch) is not False for d in found.values())


def _product_lines(
    count: int, limits: list[str], stated: Mapping[str, int], offer: Offer, rules: Mapping[str, int | bool]
) -> Iterator[str]:
    domains = "one domain" if count == 1 else f"{count} domains"
    yield "# yaml-language-server: $schema=../schemas/product.schema.json"
    yield "#"
    yield "# A product: its limits and options. This is a starting point with the limits of the server for the"
    yield f"# {domains} imported. Name the file after the product, and write one file per product;"
    yield "# `product:` in the file of a domain refers to it. The numbers are the options of the hosting panel."
    yield "apiVersion: reconciler/v1"
    yield "kind: Product"
    yield "limits:" if stated else "limits: {}"
    yield from limits
    yield "  # mailboxQuota: 50 GiB   # the largest quota of one mailbox"
    yield f"offer: {{eas: {_word(offer.eas)}, mapi: {_word(offer.mapi)}}}   # what customers may turn on (14, 15)"
    yield "# The password policy (9 to 12). It should match the policy that the server enforces."
    if rules:
        texts = [f"{_RULES[name]}: {_word(v) if isinstance(v, bool) else v}" for name, v in rules.items()]
        yield f"passwordPolicy: {{{', '.join(texts)}}}   # from the server"
    else:
        yield "# passwordPolicy: {minLength: 8, requireUppercase: true, requireDigit: true, requireSpecial: true}"
    yield from _REST


def _word(value: bool) -> str:
    return "true" if value else "false"


_REST = (
    "# Prices per month (1 to 4, 16). With them, a plan shows the change of the bill.",
    "# billing:",
    "#   currency: USD",
    "#   trancheGiB: 10",
    '#   tranchePrice: "4.00"',
    '#   easPrice: "2.00"',
    '#   mapiPrice: "3.00"',
    '#   easMapiPrice: "4.50"',
    "#   thresholdDays: 1",
    "# Expected DNS records (13, 18 to 23). Without them, checks of SPF and DMARC use general rules.",
    "# dns:",
    '#   spf: {primary: "include:spf.example.net", secondary: []}',
    "#   autodiscover: {host: mail.example.net, srvTarget: mail.example.net}",
    "#   dmarc: {check: true, rua: dmarc@example.net, policy: none}",
)
