"""The domain schema with a product's limits."""

import json
import re

import jsonschema_rs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.config.schema.compile import domain_schema, domain_validator, size_pattern, up_to
from reconciler.config.schema.compiled import load_schema, validator
from reconciler.core.product import Limits, Offer, Product
from reconciler.core.quantities import UNITS, parse_size
from reconciler.core.workspace import Role

MODEST = settings(max_examples=200, deadline=None)
HEADER = {"apiVersion": "reconciler/v1", "kind": "Domain", "domain": "example.com"}
GIB = 1 << 30


def product(**limits: int) -> Product:
    return Product(name="business", limits=Limits(**limits))


def accepts(sold: Product | None, body: dict[str, object], role: Role = "customer") -> bool:
    return domain_validator(sold, role).decides.is_valid({**HEADER, **body})


def mailboxes(count: int) -> dict[str, object]:
    return {"mailboxes": {f"m{i}": {} for i in range(count)}}


def quota(value: object) -> dict[str, object]:
    return {"mailboxes": {"m": {"quota": value}}}


def test_without_a_product_the_schema_is_unchanged() -> None:
    assert domain_schema(None, "customer") == load_schema("domain")
    assert domain_validator(None, "admin") is validator("domain")


@pytest.mark.parametrize("role", ["admin", "customer"])
def test_an_empty_product_rejects_nothing_more(role: Role) -> None:
    body = {**mailboxes(300), "aliases": {f"a{i}": [] for i in range(300)}, "domainAliases": ["a.example"] * 50}
    assert accepts(Product(name="free"), body, role)
    assert accepts(Product(name="free"), {"mailboxes": {"m": {"quota": "unlimited", "eas": True, "mapi": True}}}, role)


@pytest.mark.parametrize("role", ["admin", "customer"])
def test_the_compiled_schema_is_valid_self_contained_and_names_the_product(role: Role) -> None:
    sold = Product(
        name="business",
        limits=Limits(mailboxes=3, aliases=2, domain_aliases=0, mailbox_quota=GIB),
        offer=Offer(eas=False, mapi=False),
    )
    schema = domain_schema(sold, role)
    Draft202012Validator.check_schema(schema)
    assert jsonschema_rs.Draft202012Validator(schema).is_valid(HEADER)
    assert set(re.findall(r'"\$ref": "([^#"]*)', json.dumps(schema))) == {""}
    assert schema["title"] == "Domain with product business"
    assert schema["$id"] == f"https://reconciler.dev/schemas/v1/domain/business/{role}.schema.json"
    for part in (schema["properties"]["mailboxes"], schema["$defs"]["mailbox"]["properties"]["quota"]):
        assert "product business" in part["description"]


def test_the_shipped_schema_is_not_changed_by_compiling() -> None:
    before = load_schema("domain")
    domain_schema(product(mailboxes=1, domain_aliases=0), "customer")
    assert load_schema("domain") == before
    assert validator("domain").schema == before


def test_each_product_and_role_has_one_validator() -> None:
    assert domain_validator(product(mailboxes=4), "admin") is domain_validator(product(mailboxes=4), "admin")
    assert domain_validator(product(mailboxes=4), "admin") is not domain_validator(product(mailboxes=4), "customer")
    assert domain_validator(product(mailboxes=4), "admin") is not domain_validator(product(mailboxes=5), "admin")


@pytest.mark.parametrize(
    ("limit", "count", "fits"), [(3, 3, True), (3, 4, False), (0, 500, True), (1, 1, True), (1, 2, False)]
)
@pytest.mark.parametrize("role", ["admin", "customer"])
def test_mailboxes_are_counted_and_0_means_unlimited(limit: int, count: int, fits: bool, role: Role) -> None:
    assert accepts(product(mailboxes=limit), mailboxes(count), role) is fits


@pytest.mark.parametrize(("limit", "count", "fits"), [(2, 2, True), (2, 3, False), (0, 500, True)])
def test_aliases_are_counted_and_0_means_unlimited(limit: int, count: int, fits: bool) -> None:
    assert accepts(product(aliases=limit), {"aliases": {f"a{i}": [] for i in range(count)}}) is fits


@pytest.mark.parametrize("role", ["admin", "customer"])
def test_domain_aliases_are_counted_and_0_means_not_offered(role: Role) -> None:
    assert accepts(product(domain_aliases=1), {"domainAliases": ["a.example"]}, role)
    assert not accepts(product(domain_aliases=1), {"domainAliases": ["a.example", "b.example"]}, role)
    assert not accepts(product(domain_aliases=0), {"domainAliases": ["a.example"]}, role)
    assert "domainAliases" not in domain_schema(product(domain_aliases=0), role)["properties"]
    assert accepts(product(domain_aliases=0), {"removed": {"domainAliases": ["a.example"]}}, role)


@pytest.mark.parametrize("activation", ["eas", "mapi"])
def test_a_customer_can_only_turn_off_an_activation_that_is_not_offered(activation: str) -> None:
    sold = Product(name="plain", offer=Offer(**{activation: False}))
    other = {"eas": "mapi", "mapi": "eas"}[activation]
    assert not accepts(sold, {"mailboxes": {"m": {activation: True}}})
    assert accepts(sold, {"mailboxes": {"m": {activation: False}}})
    assert accepts(sold, {"mailboxes": {"m": {other: True}}})
    assert accepts(sold, {"mailboxes": {"m": {activation: True}}}, "admin")


@pytest.mark.parametrize("value", ["5 GiB", "5GiB", "5120 MiB", "1 KiB", 1, 5 * GIB])
def test_quotas_up_to_the_limit_are_accepted(value: object) -> None:
    assert accepts(product(mailbox_quota=5 * GIB), quota(value))


@pytest.mark.parametrize(
    "value", ["unlimited", "6 GiB", "1 TiB", "5121 MiB", 5 * GIB + 1, 0, "5 GB", "05 GiB", " 5 GiB", "5 GiB\n"]
)
def test_quotas_over_the_limit_and_invalid_quotas_are_rejected(value: object) -> None:
    assert not accepts(product(mailbox_quota=5 * GIB), quota(value))


def test_a_limit_below_every_unit_allows_only_bytes() -> None:
    assert size_pattern(1023) is None
    assert accepts(product(mailbox_quota=1023), quota(1023))
    assert not accepts(product(mailbox_quota=1023), quota("1 KiB"))
    assert accepts(product(mailbox_quota=1024), quota("1 KiB"))


def test_a_product_without_a_quota_limit_allows_unlimited() -> None:
    assert accepts(product(mailbox_quota=0), quota("unlimited"))


@MODEST
@given(st.integers(1, 10**7), st.integers(0, 10**7 + 10))
@example(1, 1)
@example(9, 10)
@example(10, 9)
@example(100, 99)
@example(109, 110)
def test_the_pattern_up_to_a_number_agrees_with_arithmetic(limit: int, number: int) -> None:
    for candidate in (number, limit - 1, limit, limit + 1, limit * 10, limit // 10):
        assert bool(re.fullmatch(up_to(limit), str(candidate))) == (1 <= candidate <= limit)
    assert not re.fullmatch(up_to(limit), f"0{limit}")


def test_the_pattern_up_to_a_small_number_is_correct_for_all_numbers() -> None:
    for limit in range(1, 130):
        assert [n for n in range(1500) if re.fullmatch(up_to(limit), str(n))] == list(range(1, limit + 1))


@MODEST
@given(st.integers(1, 1 << 52), st.integers(1, 1 << 32), st.sampled_from(sorted(UNITS)), st.sampled_from(["", " "]))
def test_the_pattern_of_sizes_agrees_with_arithmetic_in_both_dialects(
    limit: int, number: int, unit: str, space: str
) -> None:
    pattern = size_pattern(limit)
    nearest = max(1, limit // UNITS[unit])
    for n in (number, nearest, nearest + 1, max(1, nearest - 1)):
        text = f"{n}{space}{unit}"
        fits = parse_size(text) <= limit
        assert (pattern is not None and bool(re.fullmatch(pattern, text))) == fits
        assert pattern is None or jsonschema_rs.is_valid({"pattern": pattern}, text) == fits
