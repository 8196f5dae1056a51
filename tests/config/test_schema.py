"""The schemas: accepted files, the search for schema files, and agreement of both validators."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reconciler.config.document.loader import Document, load_text
from reconciler.config.schema import compiled as schema_module
from reconciler.config.schema.compile import domain_validator
from reconciler.config.schema.compiled import Validator, load_schema, validator
from reconciler.config.schema.faults import find_faults
from reconciler.config.schema.validator import check
from reconciler.core.errors import ReconcilerError
from reconciler.core.names import BadName, address, domain_name, host_name, local_part
from reconciler.core.product import Limits, Offer, Product

NAMES = ("workspace", "product", "domain")
MODEST = settings(max_examples=150, deadline=None)

WORKSPACE = """\
# yaml-language-server: $schema=schemas/workspace.schema.json
apiVersion: reconciler/v1
kind: Workspace
servers:
  mail1:
    url: https://mail1.example.net
    hostname: mail1.example.net
    username: {env: SMARTERMAIL_USER}
    password: {env: SMARTERMAIL_PASSWORD}
    role: admin
    maxConcurrency: 8
    caBundle: /etc/ssl/private-ca.pem
  mail2: {url: "http://127.0.0.1:9998/base", username: admin, password: {command: [pass, show, mail]}, role: customer}
policy:
  prune: {mailboxes: false, aliases: false, domainAliases: false}
  maxDeletions: {count: 5, percent: 10}
  protect: ["postmaster", "abuse", "*-archive"]
  ignore: {mailboxes: ["svc-*"], aliases: []}
  externalForwarding: warn
dns:
  resolvers: ["127.0.0.1:5353", "[::1]:53", 192.0.2.1]
  timeout: 0.5
"""
PRODUCT = """\
apiVersion: reconciler/v1
kind: Product
name: business
description: |
  For companies.
  Two lines.
limits:
  mailboxes: 25
  aliases: 0
  domainAliases: 2
  mailboxQuota: 10 GiB
  domainSize: unlimited
  easAccounts: 5
  mapiAccounts: 5
offer: {eas: true, mapi: false}
passwordPolicy: {minLength: 12, requireUppercase: true, requireDigit: true, requireSpecial: false}
billing: {currency: CAD, trancheGiB: 10, tranchePrice: 4.50, easPrice: "2.00", mapiPrice: 3, easMapiPrice: 4.5, thresholdDays: 1}
dns:
  mx: {hosts: [mail1.example.net]}
  spf:
    primary: "include:mail.example.com"
    secondary: ["ip4:192.0.2.4", a, "mx/24", "ip6:2001:db8::1"]
    senders: [192.0.2.4, "2001:db8::4", out.example.com]
  autodiscover: {host: mail1.example.net, srvTarget: mail1.example.net}
  dmarc: {check: true, rua: dmarc@example.com, policy: quarantine}
  checks:
    {mx: fail, spf: warn, dkim: info, autodiscover: off, dmarc: fail, ptr: warn, mta-sts: off, tls-rpt: off, dane: off,
      dnssec: info, client-srv: off, autoconfig: off, bulk: info, parked: fail, delegation: warn}
  sends: true
"""
DOMAIN = """\
apiVersion: reconciler/v1
kind: Domain
domain: example.com
product: business
server: mail1
mailboxes:
  alice:
    displayName: Alice Martin
    quota: 5 GiB
    password: {env: ALICE_PASSWORD}
    enabled: true
    forwarding: {to: [alice@elsewhere.example], keepCopy: true}
    eas: true
    mapi: false
    protect: true
  bob: {}
  carl:
  no: {quota: unlimited, displayName: "", forwarding: {to: []}}
  007: {quota: 1073741824, password: {generate: true, version: 2}}
  22:30: {quota: 5GiB, password: {file: secrets/x}}
  null: {password: {command: [pass, show, x]}}
aliases:
  sales:
    displayName: Sales team
    to: [alice, bob, partner@elsewhere.example]
    allowSending: false
    hideFromGal: false
    internalOnly: false
  info: [alice]
  empty: []
domainAliases: [example.ca, münchen.example, xn--mnchen-3ya.example]
removed:
  mailboxes: [carol, {dave: {purgeAfter: 2026-12-31}}, {eve: }, {fred: {}}]
  aliases: [old-sales]
  domainAliases: [example.org]
renamed:
  mailboxes: {robert: bob}
  aliases: {old: sales}
dns: {}
"""
EXAMPLES = {"workspace": WORKSPACE, "product": PRODUCT, "domain": DOMAIN}
BUSINESS = Product(
    name="business",
    limits=Limits(mailboxes=3, aliases=2, domain_aliases=1, mailbox_quota=5 << 30),
    offer=Offer(eas=False, mapi=True),
)


def parsed(text: str) -> Document:
    document, diagnostics = load_text(text.encode(), "f.yaml")
    assert diagnostics == ()
    assert document is not None
    return document


def same_verdict(against: Validator, value: object) -> bool:
    """Whether a value is valid, after checking that both validators agree."""
    decided = against.decides.is_valid(value)
    assert (find_faults(against.schema, value) == []) is decided
    return decided


def parts(schema: object) -> Iterator[dict[str, Any]]:
    """Every mapping in a schema, including itself, without those in examples."""
    if isinstance(schema, dict):
        yield schema
        for key, part in schema.items():
            if key not in ("examples", "default", "const", "enum"):
                yield from parts(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from parts(part)


# --- the files themselves


@pytest.mark.parametrize("name", NAMES)
def test_each_schema_is_valid_and_has_its_own_id(name: str) -> None:
    schema = load_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"https://reconciler.dev/schemas/v1/{name}.schema.json"


@pytest.mark.parametrize("name", NAMES)
def test_every_property_has_a_description_and_every_mapping_is_closed(name: str) -> None:
    for part in parts(load_schema(name)):
        for key, value in part.get("properties", {}).items():
            assert value.get("description", "").strip(), key
        types = part.get("type", ())
        if "object" in ([types] if isinstance(types, str) else types):
            assert "additionalProperties" in part, part.get("description")


@pytest.mark.parametrize("name", NAMES)
def test_every_pattern_is_anchored_and_has_the_same_meaning_in_both_dialects(name: str) -> None:
    patterns = [part["pattern"] for part in parts(load_schema(name)) if isinstance(part.get("pattern"), str)]
    assert patterns
    for pattern in patterns:
        assert pattern.startswith("^")
        assert pattern.endswith("$")
        assert not re.search(r"\\[dwsbDWSBAZ]|\(\?", pattern), pattern


@pytest.mark.parametrize("name", NAMES)
def test_examples_in_a_schema_are_valid(name: str) -> None:
    schema = load_schema(name)
    for part in parts(schema):
        for value in part.get("examples", ()):
            inner = Validator(name, {**part, "$defs": schema["$defs"]})
            assert same_verdict(inner, value), (part.get("description"), value)


def test_shared_definitions_are_equal_in_all_schemas() -> None:
    schemas = [load_schema(name) for name in NAMES]
    for first in schemas:
        for second in schemas:
            for name in first["$defs"].keys() & second["$defs"].keys():
                assert first["$defs"][name] == second["$defs"][name]
    product, domain = load_schema("product"), load_schema("domain")
    assert product["properties"]["dns"]["properties"] == domain["properties"]["dns"]["properties"]


def test_the_options_of_a_product_have_the_numbers_of_the_hosting_panel() -> None:
    text = json.dumps(load_schema("product"))
    found = {int(number) for number in re.findall(r"option (\d+)", text)}
    elsewhere = {5, 6, 8}  # the life cycle of domains and the outbound address are not managed
    assert found == set(range(1, 24)) - elsewhere


# --- the search for schema files


@pytest.mark.source
def test_schemas_of_the_installed_package_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "_data" / "schemas"
    folder.mkdir(parents=True)
    (folder / "domain.schema.json").write_text('{"title": "from the wheel"}')
    monkeypatch.setattr(schema_module, "files", lambda package: tmp_path)
    schema_module._schema_text.cache_clear()
    try:
        assert load_schema("domain") == {"title": "from the wheel"}
        assert load_schema("product")["title"] == "Product"  # missing from the package, so from the checkout
    finally:
        schema_module._schema_text.cache_clear()


@pytest.mark.source
def test_schemas_of_the_checkout_come_second_and_a_missing_schema_names_both_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_module, "files", lambda package: tmp_path / "package")
    schema_module._schema_text.cache_clear()
    try:
        assert load_schema("domain")["title"] == "Domain"
        with pytest.raises(ReconcilerError, match="the schema nonsense is missing from") as caught:
            load_schema("nonsense")
        assert str(tmp_path / "package" / "_data" / "schemas") in caught.value.message
        assert str(Path(schema_module.__file__).parents[3] / "schemas") in caught.value.message
    finally:
        schema_module._schema_text.cache_clear()


def test_a_caller_may_change_a_loaded_schema() -> None:
    load_schema("domain").clear()
    assert load_schema("domain")["title"] == "Domain"


# --- verdicts


@pytest.mark.parametrize("name", NAMES)
def test_every_example_of_the_contract_is_accepted(name: str) -> None:
    document = parsed(EXAMPLES[name])
    assert check(document, validator(name)) == ()
    assert same_verdict(validator(name), document.value)


@pytest.mark.parametrize(
    "text",
    [
        "removed: {mailboxes: {carol: , dave: {}, eve: {purgeAfter: 2026-12-31}}}",
        "removed: {mailboxes: []}",
        "removed: {}",
        "mailboxes: {}",
        "aliases: {}",
        "domainAliases: []",
        "aliases: {x: {}}",
        'mailboxes: {A.B+c: {}, "o\'neil": {}}',
        "domainAliases: [EXAMPLE.org., münchen。example]",
        "mailboxes: {a: {quota: 1e3}}",
        "dns: {spf: {secondary: []}, dmarc: {check: false}}",
        "dns: {spf: {senders: []}, checks: {}, sends: false}",
    ],
)
def test_unusual_but_valid_files_are_accepted(text: str) -> None:
    document = parsed(f"apiVersion: reconciler/v1\nkind: Domain\ndomain: example.com\n{text}\n")
    assert check(document, validator("domain")) == ()


def mutations(value: Any, replacement: object) -> Iterator[Any]:
    """The value with each of its parts replaced, removed and joined by an unknown key, one at a time."""
    yield replacement
    if isinstance(value, dict):
        yield {**value, "unknown": replacement}
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
            for changed in mutations(value[key], replacement):
                yield {**value, key: changed}
    elif isinstance(value, list):
        yield [*value, replacement]
        for i, item in enumerate(value):
            for changed in mutations(item, replacement):
                yield [*value[:i], changed, *value[i + 1 :]]


REPLACEMENTS: list[object] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    10**30,
    1.5,
    "",
    "x",
    "a\n",
    "5 GiB\n",
    "é",
    "٣ GiB",
    "env",
    [],
    [None],
    {},
    {"x": 1},
]


@pytest.mark.parametrize("name", [*NAMES, "business"])
def test_both_validators_agree_on_every_example_with_one_changed_part(name: str, long_run: bool) -> None:
    """The sample puts one or two of the replacements in each place, the long run all."""
    step = 1 if long_run else 12
    against = domain_validator(BUSINESS, "customer") if name == "business" else validator(name)
    value = parsed(EXAMPLES["domain" if name == "business" else name]).value
    verdicts = [
        same_verdict(against, changed)
        for number, replacement in enumerate(REPLACEMENTS)
        for changed in list(mutations(value, replacement))[number % step :: step]
    ]
    assert False in verdicts


KEYS = sorted({key for name in NAMES for part in parts(load_schema(name)) for key in part.get("properties", {})})
WORDS = [
    "reconciler/v1",
    "Domain",
    "Product",
    "Workspace",
    "5 GiB",
    "unlimited",
    "example.com",
    "a@b.example",
    "2026-12-31",
    "admin",
    "none",
    "https://x",
    "ip4:1.2.3.4",
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=8)
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=15,
)


@MODEST
@given(st.sampled_from(NAMES), st.dictionaries(st.sampled_from(KEYS), TREES, max_size=8))
@example("domain", {"apiVersion": "reconciler/v1", "kind": "Domain", "domain": "example.com\n"})
def test_both_validators_agree_on_any_document(name: str, body: dict[str, object]) -> None:
    header = {"apiVersion": "reconciler/v1", "kind": name.capitalize(), "domain": "example.com"}
    same_verdict(validator(name), body)
    same_verdict(validator(name), {**header, **body})
    same_verdict(domain_validator(BUSINESS, "admin"), {**header, **body})


# --- names: the schema accepts all names that the program accepts


NAME_LETTERS = st.text(alphabet="abzAZ019.-_+@:/%é中。 !#$'*=?^`{|}~&", max_size=12)


def accepted(canonical: Any, text: str) -> bool:
    try:
        canonical(text)
    except BadName:
        return False
    return True


@MODEST
@given(NAME_LETTERS)
def test_the_patterns_of_names_accept_every_valid_name(text: str) -> None:
    defs = load_schema("domain")["$defs"]
    for title, canonical in (("localPart", local_part), ("domainName", domain_name), ("hostName", host_name)):
        if accepted(canonical, text):
            assert same_verdict(Validator(title, defs[title]), text), (title, text)
    if accepted(lambda t: address(t, "example.com"), text):
        assert same_verdict(Validator("address", defs["address"]), text)


@MODEST
@given(NAME_LETTERS)
def test_the_pattern_of_local_parts_accepts_exactly_the_valid_ones(text: str) -> None:
    assert same_verdict(Validator("x", load_schema("domain")["$defs"]["localPart"]), text) == accepted(local_part, text)


def test_a_fault_that_only_jsonschema_rs_finds_is_shown_without_the_value() -> None:
    # The Arabic three is a digit in Python, but not in ECMA-262, so the explainer finds nothing.
    odd = Validator("odd", {"properties": {"a": {"properties": {"b": {"pattern": r"^\d$"}}}}})
    document = parsed("a:\n  b: ٣\n")
    assert find_faults(odd.schema, document.value) == []
    (fault,) = check(document, odd)
    assert (fault.code, str(fault.span)) == ("SCH001", "f.yaml:2:6")
    assert "٣" not in fault.message
    assert fault.message == 'this does not fit the schema: … does not match "^\\d$"'
