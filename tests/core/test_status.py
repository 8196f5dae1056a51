"""The figures of a domain: counted accounts, limits, unknown values."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from domain_builders import current, read_alias, read_box

from reconciler.core.model import UNSET, ServerLimits
from reconciler.core.password_policy import ServerPasswordPolicy
from reconciler.core.product import Billing, Limits, Product
from reconciler.core.status import Figures, Use, figures

SOLD = Product(
    name="business",
    limits=Limits(mailboxes=25, aliases=0, domain_aliases=0, domain_size=1 << 30, eas_accounts=2, mapi_accounts=0),
    billing=Billing(tranche_price=Decimal(4), eas_price=Decimal(2)),
)


def of(*boxes: Any, product: Product | None = SOLD, usage: int | None = 7, **limits: Any) -> Figures:
    there = replace(current(boxes, [read_alias("info", "anna")], ["b.example"]), usage_bytes=usage)
    policy = ServerPasswordPolicy(min_length=5)
    return figures(product, replace(there, limits=ServerLimits(**limits)), policy)


def test_no_figure_counts_the_hosts_own_account() -> None:
    found = of(read_box("boss", is_primary_admin=True, eas=True), read_box("chief", is_admin=True), read_box("anna"))
    assert found.mailboxes.used == 2
    assert found.eas.used == 0
    assert found.monthly == 4


def test_the_lower_limit_counts_and_zero_is_unlimited_except_for_domain_aliases() -> None:
    found = of(read_box("anna", mapi=True), mailboxes=20, aliases=0, domain_aliases=0, domain_size=5, eas=9, mapi=3)
    assert found.mailboxes == Use(used=1, sold=25, served=20)
    assert found.aliases == Use(used=1)
    assert found.domain_aliases == Use(used=1, sold=0)
    assert found.domain_aliases.exceeded
    assert found.disk == Use(used=7, sold=1 << 30, served=5)
    assert found.eas == Use(used=0, sold=2, served=9)
    assert found.mapi == Use(used=1, served=3)


def test_activations_that_were_not_read_are_unknown_and_so_is_the_bill() -> None:
    found = of(read_box("anna", eas=UNSET))
    assert found.eas.used is None
    assert found.mapi.used == 0
    assert (found.currency, found.monthly) == ("USD", None)


def test_a_feature_that_the_server_has_switched_off_is_marked() -> None:
    found = of(read_box("anna"), eas_enabled=False, mapi_enabled=None)
    assert (found.eas.switched_off, found.mapi.switched_off) == (True, False)


def test_without_a_product_only_the_servers_limits_are_known_and_nothing_is_compared() -> None:
    found = of(read_box("anna"), product=None, mailboxes=3)
    assert found.mailboxes == Use(used=1, served=3)
    assert (found.currency, found.monthly, found.passwords) == (None, None, None)


def test_a_product_without_prices_has_no_bill_and_its_password_policy_is_compared() -> None:
    found = of(read_box("anna"), product=Product(name="plain"))
    assert (found.currency, found.monthly) == (None, None)
    assert found.passwords is not None and found.passwords.state == "different"
