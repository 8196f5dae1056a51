"""Decoding files into canonical values with locations, and writing values as files."""

import json
from datetime import date
from decimal import Decimal
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.config.decode.domain import decode_domain
from reconciler.config.decode.product import decode_product
from reconciler.config.decode.workspace import decode_workspace
from reconciler.config.document.loader import Document, load_text
from reconciler.config.emit import emit_domain
from reconciler.config.schema.compile import domain_validator
from reconciler.config.schema.compiled import validator
from reconciler.config.schema.validator import check
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.expectations import CHECK_IDS, CheckSetting, DnsOverrides
from reconciler.core.model import (
    UNSET,
    Alias,
    DesiredDomain,
    DomainAlias,
    Mailbox,
    Removal,
    Renaming,
    Unset,
)
from reconciler.core.product import Billing, Limits, Offer, PasswordPolicy, Product
from reconciler.core.secret import SecretRef
from reconciler.core.source import Span
from reconciler.core.workspace import Policy, ServerSettings, Workspace

HEAD = "apiVersion: reconciler/v1\nkind: Domain\ndomain: example.com\n"
FILE = "domains/example.com.yaml"


def load(text: str | bytes, display: str = FILE) -> Document:
    document, diagnostics = load_text(text.encode() if isinstance(text, str) else text, display)
    assert diagnostics == ()
    assert document is not None
    return document


def decode(text: str, **options: str) -> tuple[DesiredDomain, list[str]]:
    """The value, and the diagnostics as `line:column code`."""
    document = load(HEAD + dedent(text))
    assert check(document, domain_validator(None, "admin")) == ()
    desired, diagnostics = decode_domain(document, **options)
    assert desired is not None
    return desired, [place(d) for d in diagnostics]


def place(d: Diagnostic) -> str:
    assert d.span is not None
    assert d.span.file
    return f"{d.span.line}:{d.span.column} {d.code}"


def test_a_complete_domain_file_becomes_canonical_values() -> None:
    desired, diagnostics = decode("""\
        product: business
        server: mail1
        mailboxes:
          Alice:
            displayName: Alice Martin
            quota: 5 GiB
            password: {env: ALICE_PASSWORD, version: 2}
            enabled: true
            forwarding:
              to: [Zoe@Elsewhere.Example, bob, anna@münchen.example]
              keepCopy: true
            eas: true
            mapi: false
            protect: true
          bob:
        aliases:
          sales:
            displayName: Sales team
            to: [BOB, alice, partner@elsewhere.example]
            allowSending: false
            hideFromGal: true
            internalOnly: false
          info: [alice]
        domainAliases: [Example.CA, münchen.example]
        removed:
          mailboxes: [carol, dave: {purgeAfter: 2026-12-31}]
          aliases: [old-sales, older]
          domainAliases: [Example.ORG]
        renamed:
          mailboxes: {Robert: BOB}
        dns:
          mx: {hosts: [MX1.example.net., mx2.example.net]}
          spf:
            primary: "include:mail.example.net"
            secondary: ["ip4:192.0.2.4"]
            senders: [Out.Example.NET., 192.0.2.4, 2001:DB8:0::4, "::ffff:192.0.2.4"]
          autodiscover: {host: Auto.example.net, srvTarget: auto.example.net}
          dmarc: {check: true, rua: dmarc@example.net, policy: quarantine}
          checks: {spf: warn, dane: off}
          sends: false
        """)
    assert diagnostics == []
    assert desired == DesiredDomain(
        domain="example.com",
        server="mail1",
        product="business",
        mailboxes={
            "alice": Mailbox(
                name="alice",
                display_name="Alice Martin",
                quota=5 << 30,
                enabled=True,
                forward_to=("anna@xn--mnchen-3ya.example", "bob@example.com", "zoe@elsewhere.example"),
                forward_keep_copy=True,
                eas=True,
                mapi=False,
                password=SecretRef("env", "ALICE_PASSWORD", version=2),
                protect=True,
            ),
            "bob": Mailbox(name="bob"),
        },
        aliases={
            "info": Alias(name="info", targets=("alice@example.com",)),
            "sales": Alias(
                name="sales",
                display_name="Sales team",
                targets=("alice@example.com", "bob@example.com", "partner@elsewhere.example"),
                allow_sending=False,
                hide_from_gal=True,
                internal_only=False,
            ),
        },
        domain_aliases={
            "example.ca": DomainAlias(name="example.ca"),
            "xn--mnchen-3ya.example": DomainAlias(name="xn--mnchen-3ya.example"),
        },
        removed=(
            Removal(kind="alias", name="old-sales"),
            Removal(kind="alias", name="older"),
            Removal(kind="domainAlias", name="example.org"),
            Removal(kind="mailbox", name="carol"),
            Removal(kind="mailbox", name="dave", purge_after=date(2026, 12, 31)),
        ),
        renamed=(Renaming(kind="mailbox", old="robert", new="bob"),),
        dns=DnsOverrides(
            mx_hosts=("mx1.example.net", "mx2.example.net"),
            spf_primary="include:mail.example.net",
            spf_secondary=("ip4:192.0.2.4",),
            spf_senders=("out.example.net", "192.0.2.4", "2001:db8::4"),
            autodiscover_host="auto.example.net",
            autodiscover_srv_target="auto.example.net",
            dmarc_check=True,
            dmarc_rua="dmarc@example.net",
            dmarc_policy="quarantine",
            checks=(CheckSetting(id="dane", level="off"), CheckSetting(id="spf", level="warn")),
            sends=False,
        ),
    )


def test_a_check_level_has_a_location_and_invalid_senders_are_left_out_and_reported() -> None:
    desired, diagnostics = decode("""\
        dns:
          checks: {spf: off}
          spf: {senders: [192.0.2.4, 192.0.2.400, "1:2:3:4:5:6:7:8:9"]}
        """)
    assert desired.dns.checks is not None
    assert desired.dns.checks[0].origin == Span("domains/example.com.yaml", 5, 17, 5, 20)
    assert desired.dns.spf_senders == ("192.0.2.4",)
    assert diagnostics == ["6:30 NAM001", "6:43 NAM001"]


def test_the_target_of_a_record_must_be_a_host_name_and_not_an_address_or_localhost() -> None:
    desired, diagnostics = decode("""\
        dns:
          mx: {hosts: [mx.example.net, 192.0.2.5, localhost]}
          autodiscover: {host: 192.0.2.4, srvTarget: auto.localhost}
        """)
    assert desired.dns.mx_hosts == ("mx.example.net",)
    assert (desired.dns.autodiscover_host, desired.dns.autodiscover_srv_target) == (None, None)
    assert [d.split()[1] for d in diagnostics] == ["NAM001"] * 4


def test_each_resource_has_the_location_of_its_key() -> None:
    desired, _ = decode("""\
        mailboxes:
          alice: {}
        aliases: {info: [alice]}
        domainAliases:
          - example.ca
        removed:
          mailboxes: [carol, {dave: {purgeAfter: 2026-12-31}}]
        renamed: {mailboxes: {robert: alice}}
        """)
    assert not isinstance(desired.mailboxes, Unset)
    assert not isinstance(desired.aliases, Unset)
    assert not isinstance(desired.domain_aliases, Unset)
    origins = [
        desired.origin,
        desired.mailboxes["alice"].origin,
        desired.aliases["info"].origin,
        desired.domain_aliases["example.ca"].origin,
        *(r.origin for r in desired.removed),
        desired.renamed[0].origin,
    ]
    assert [str(o).removeprefix(FILE) for o in origins] == [
        ":3:9",
        ":5:3",
        ":6:11",
        ":8:5",
        ":10:15",
        ":10:23",
        ":11:23",
    ]


def test_an_absent_section_is_not_managed_and_an_empty_one_is() -> None:
    nothing, _ = decode("")
    assert (nothing.mailboxes, nothing.aliases, nothing.domain_aliases) == (UNSET, UNSET, UNSET)
    empty, _ = decode("""\
        mailboxes:
          alice: {displayName: "", forwarding: {to: []}}
          bob: {forwarding: {keepCopy: false}}
        aliases: {}
        domainAliases: []
        """)
    assert (empty.aliases, empty.domain_aliases) == ({}, {})
    assert empty.mailboxes == {
        "alice": Mailbox(name="alice", display_name="", forward_to=()),
        "bob": Mailbox(name="bob", forward_keep_copy=False),
    }


def test_keys_are_names_even_if_they_look_like_numbers_or_booleans() -> None:
    desired, diagnostics = decode("mailboxes: {no: , 007: , 22:30: , null: , true: , 1.5: , 2026-12-31: }")
    assert diagnostics == []
    assert not isinstance(desired.mailboxes, Unset)
    assert set(desired.mailboxes) == {"no", "007", "22:30", "null", "true", "1.5", "2026-12-31"}


def test_a_quota_becomes_bytes_and_unlimited_becomes_zero() -> None:
    desired, _ = decode("mailboxes: {a: {quota: unlimited}, b: {quota: 1048576}, c: {quota: 500 MiB}}")
    assert not isinstance(desired.mailboxes, Unset)
    assert [m.quota for m in desired.mailboxes.values()] == [0, 1 << 20, 500 << 20]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{env: PW}", SecretRef("env", "PW")),
        ("{file: secrets/pw}", SecretRef("file", "secrets/pw")),
        (
            "{command: [pass, show, a b], version: 3}",
            SecretRef("command", "pass show 'a b'", ("pass", "show", "a b"), 3),
        ),
        ("{sops: {file: s.yaml, key: mail.a}}", SecretRef("sops", "s.yaml#mail.a", ("s.yaml", "mail", "a"))),
        ("{sops: {file: s.yaml, key: [a.b]}}", SecretRef("sops", "s.yaml#a.b", ("s.yaml", "a.b"))),
        (
            "{version: 2, vault: {path: /secret/mail/a/, field: pw}}",
            SecretRef("vault", "secret/mail/a#pw", ("secret/mail/a", "pw"), 2),
        ),
        ("{keyring: {service: S, username: U}}", SecretRef("keyring", "S#U", ("S", "U"))),
        ("{generate: true}", SecretRef("generate")),
    ],
)
def test_a_password_is_a_reference(text: str, expected: SecretRef) -> None:
    desired, _ = decode(f"mailboxes: {{alice: {{password: {text}}}}}")
    assert not isinstance(desired.mailboxes, Unset)
    assert desired.mailboxes["alice"].password == expected


def test_a_domain_without_a_server_gets_the_only_server() -> None:
    assert decode("", default_server="mail1")[0].server == "mail1"
    assert decode("server: mail2", default_server="mail1")[0].server == "mail2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mailboxes:\n  bad name: {}\n  good: {}", ["5:3 NAM001"]),
        ("mailboxes: {a@example.com: {}}", ["4:13 NAM001"]),
        ("mailboxes: {a: {forwarding: {to: [b, a..b]}}}", ["4:38 NAM001"]),
        ("aliases: {a: [b@nodot]}", ["4:15 NAM001"]),
        ("aliases: {a: {to: ['']}}", ["4:20 NAM001"]),
        ("domainAliases: [localhost]", ["4:17 NAM001"]),
        ("removed: {mailboxes: [a b, {c d: {}}], aliases: {e f: }}", ["4:23 NAM001", "4:29 NAM001", "4:50 NAM001"]),
        ("renamed: {aliases: {a b: c d}}", ["4:21 NAM001", "4:26 NAM001"]),
        ("dns: {mx: {hosts: [mx1.example.net, 'm x']}}", ["4:37 NAM001"]),
    ],
)
def test_an_invalid_name_is_reported_at_its_location(text: str, expected: list[str]) -> None:
    document = load(HEAD + text)
    _, diagnostics = decode_domain(document)
    assert sorted(map(place, diagnostics)) == expected


@pytest.mark.parametrize(
    ("text", "expected", "says"),
    [
        ("mailboxes:\n  Alice: {}\n  alice: {quota: 1 GiB}", ["6:3 NAM002"], "'alice' and 'Alice' are the same name"),
        ("aliases: {a: [b], A: [c]}", ["4:19 NAM002"], "are the same name, a"),
        ("domainAliases: [münchen.example, xn--mnchen-3ya.example]", ["4:34 NAM002"], "xn--mnchen-3ya.example"),
        ("removed: {mailboxes: [a, A, {a: {}}]}", ["4:26 NAM002", "4:30 NAM002"], "are the same name, a"),
        ("renamed: {mailboxes: {a: b, A: c}}", ["4:29 NAM002"], "are the same name, a"),
    ],
)
def test_two_spellings_of_one_name_are_reported_at_the_second_and_the_first_counts(
    text: str, expected: list[str], says: str
) -> None:
    document = load(HEAD + text)
    desired, diagnostics = decode_domain(document)
    assert sorted(map(place, diagnostics)) == expected
    assert says in diagnostics[0].message
    assert desired is not None
    if not isinstance(desired.mailboxes, Unset):
        assert desired.mailboxes == {"alice": Mailbox(name="alice")}


def test_a_duplicate_target_counts_once_and_is_a_warning() -> None:
    desired, diagnostics = decode("aliases: {info: [alice, Alice@EXAMPLE.com, bob]}")
    assert diagnostics == ["4:25 NAM002"]
    assert desired.aliases == {"info": Alias(name="info", targets=("alice@example.com", "bob@example.com"))}


def test_an_invalid_domain_name_gives_no_value() -> None:
    document = load("apiVersion: reconciler/v1\nkind: Domain\ndomain: nodot\nmailboxes: {}\n")
    desired, diagnostics = decode_domain(document)
    assert desired is None
    assert list(map(place, diagnostics)) == ["3:9 NAM001"]


def test_an_invalid_date_is_reported_at_its_location() -> None:
    document = load(HEAD + "removed: {mailboxes: [{carol: {purgeAfter: 2026-02-30}}]}")
    _, diagnostics = decode_domain(document)
    assert list(map(place, diagnostics)) == ["4:44 SCH001"]


def test_messages_contain_no_control_characters_of_the_file() -> None:
    document = load(HEAD + 'mailboxes: {"a\\x1b[31mb": {}}')
    _, diagnostics = decode_domain(document)
    assert "\x1b" not in diagnostics[0].message
    assert "\\x1b[31mb" in diagnostics[0].message


def test_a_product_has_limits_offer_policy_prices_and_dns() -> None:
    document = load(
        dedent("""\
        apiVersion: reconciler/v1
        kind: Product
        limits: {mailboxes: 25, aliases: 50, domainAliases: 0, mailboxQuota: 10 GiB, domainSize: unlimited, easAccounts: 5, mapiAccounts: 2}
        offer: {eas: true, mapi: false}
        passwordPolicy: {minLength: 12, requireUppercase: false, requireDigit: true, requireSpecial: false}
        billing: {currency: CHF, trancheGiB: 5, tranchePrice: 14.50, easPrice: 0.10, mapiPrice: 3, easMapiPrice: 3.05, thresholdDays: 0}
        dns: {spf: {primary: "include:mail.example.net"}, dmarc: {check: false}}
        """),
        "products/business.yaml",
    )
    assert check(document, validator("product")) == ()
    product, diagnostics = decode_product(document, "business")
    assert diagnostics == ()
    assert product == Product(
        name="business",
        limits=Limits(
            mailboxes=25,
            aliases=50,
            domain_aliases=0,
            mailbox_quota=10 << 30,
            domain_size=0,
            eas_accounts=5,
            mapi_accounts=2,
        ),
        offer=Offer(eas=True, mapi=False),
        password_policy=PasswordPolicy(
            min_length=12, require_uppercase=False, require_digit=True, require_special=False
        ),
        billing=Billing(
            currency="CHF",
            tranche_gib=5,
            tranche_price=Decimal("14.5"),
            eas_price=Decimal("0.1"),
            mapi_price=Decimal(3),
            eas_mapi_price=Decimal("3.05"),
            threshold_days=0,
        ),
        dns=DnsOverrides(spf_primary="include:mail.example.net", dmarc_check=False),
    )


def test_a_product_name_that_differs_from_its_file_name_is_reported_at_the_name() -> None:
    document = load("apiVersion: reconciler/v1\nkind: Product\nname: gold\n", "products/silver.yaml")
    assert [place(d) for d in decode_product(document, "silver")[1]] == ["3:7 NAM003"]
    assert decode_product(document, "gold")[1] == ()


def test_an_empty_product_has_the_defaults_of_the_hosting_panel() -> None:
    document = load("apiVersion: reconciler/v1\nkind: Product\n", "products/free.yaml")
    assert decode_product(document, "free")[0] == Product(name="free")


def workspace(text: str) -> tuple[Workspace, list[str]]:
    document = load("apiVersion: reconciler/v1\nkind: Workspace\n" + dedent(text), "reconciler.yaml")
    assert check(document, validator("workspace")) == ()
    value, diagnostics = decode_workspace(document)
    return value, [place(d) for d in diagnostics]


SERVERS = "servers: {mail1: {url: https://mail1.example.net, username: admin, password: {env: PW}}}\n"


def test_a_workspace_has_servers_policy_and_dns() -> None:
    value, diagnostics = workspace("""\
        servers:
          mail1:
            url: https://mail1.example.net/prefix/
            hostname: MX.example.net
            username: {env: SMARTERMAIL_USER}
            password: {file: secrets/pw}
            role: customer
            maxConcurrency: 3
            caBundle: /etc/ssl/private-ca.pem
        policy:
          prune: {mailboxes: false, aliases: true}
          maxDeletions: {count: 7, percent: 20}
          protect: ["Info", "*-archive"]
          ignore: {mailboxes: ["SVC-*"], aliases: []}
          externalForwarding: deny
        dns:
          resolvers: ["127.0.0.1:5353", "192.0.2.53", "[::1]:5353", "2001:db8::53"]
          timeout: 2.5
        """)
    assert diagnostics == []
    assert value.servers["mail1"] == ServerSettings(
        name="mail1",
        url="https://mail1.example.net/prefix",
        hostname="mx.example.net",
        username=SecretRef("env", "SMARTERMAIL_USER"),
        password=SecretRef("file", "secrets/pw"),
        role="customer",
        max_concurrency=3,
        ca_bundle="/etc/ssl/private-ca.pem",
    )
    assert value.policy == Policy(
        prune={"mailbox": False, "alias": True},
        max_deletions_count=7,
        max_deletions_percent=20,
        protect=("info", "*-archive"),
        ignore={"mailbox": ("svc-*",)},
        external_forwarding="deny",
    )
    assert value.dns.resolvers == (("127.0.0.1", 5353), ("192.0.2.53", 53), ("::1", 5353), ("2001:db8::53", 53))
    assert value.dns.timeout == 2.5


def test_a_user_name_may_be_plain_text_and_the_default_host_name_is_that_of_the_url() -> None:
    value, _ = workspace(SERVERS)
    assert value.servers["mail1"].username == "admin"
    assert value.servers["mail1"].hostname == "mail1.example.net"
    assert value.policy == Policy()


def test_one_prune_value_applies_to_all_kinds() -> None:
    value, _ = workspace(SERVERS + "policy: {prune: true}")
    assert value.policy.prune == {"mailbox": True, "alias": True, "domainAlias": True}


def test_an_invalid_host_name_is_reported_at_its_location() -> None:
    text = "servers: {mail1: {url: https://a.example, hostname: 'a b', username: admin, password: {env: PW}}}"
    document = load(f"apiVersion: reconciler/v1\nkind: Workspace\n{text}\n", "reconciler.yaml")
    assert [place(d) for d in decode_workspace(document)[1]] == ["3:53 NAM001"]


# Emitting, and property tests.

LOCAL = st.one_of(
    st.sampled_from(
        [
            "no",
            "007",
            "22:30",
            "null",
            "true",
            "~",
            "1e3",
            "0x1f",
            "2026-12-31",
            "-",
            "a-b",
            "=",
            "#",
            "&a",
            "*a",
            "?",
            "!x",
        ]
    ),
    st.from_regex(r"[a-z0-9!#$&'*+=?^_`{|}~:-]{1,8}(\.[a-z0-9_-]{1,4})?", fullmatch=True),
)
DOMAIN = st.sampled_from(
    ["example.com", "example.net", "no.example", "123.example", "xn--mnchen-3ya.example", "xn--fa-hia.example"]
)
ADDRESS = st.builds("{}@{}".format, LOCAL, DOMAIN)
TARGETS = st.lists(ADDRESS, max_size=12, unique=True).map(lambda rows: tuple(sorted(rows)))
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)
KEY = st.sampled_from(["business", "no", "007", "mail-1", "null", "1.5"])
SIZE = st.one_of(st.just(0), st.integers(1, 1 << 45), st.integers(1, 4096).map(lambda n: n << 30))
REF = st.builds(
    lambda kind, word, version: {
        "env": SecretRef("env", f"V{word}", version=version),
        "file": SecretRef("file", f"secrets/{word} #1", version=version),
        "command": SecretRef("command", f"pass {word}", ("pass", str(word)), version),
        "sops": SecretRef("sops", f"s/{word}.yaml#a.b@x.example", (f"s/{word}.yaml", "a", "b@x.example"), version),
        "vault": SecretRef("vault", f"secret/{word}#pass, word", (f"secret/{word}", "pass, word"), version),
        "keyring": SecretRef("keyring", f"mail: {word}#no", (f"mail: {word}", "no"), version),
        "generate": SecretRef("generate", version=version),
    }[kind],
    st.sampled_from(["env", "file", "command", "sops", "vault", "keyring", "generate"]),
    st.integers(0, 9),
    st.integers(1, 3),
)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.just(UNSET), values)


def named(rows: list[Any]) -> dict[str, Any]:
    return {row.name: row for row in sorted(rows, key=lambda row: row.name)}


MAILBOX = st.builds(
    Mailbox,
    name=LOCAL,
    display_name=maybe(TEXT),
    quota=maybe(SIZE),
    enabled=maybe(st.booleans()),
    forward_to=maybe(TARGETS),
    forward_keep_copy=maybe(st.booleans()),
    eas=maybe(st.booleans()),
    mapi=maybe(st.booleans()),
    password=maybe(REF),
    protect=st.booleans(),
)
ALIAS = st.builds(
    Alias,
    name=LOCAL,
    targets=maybe(TARGETS),
    display_name=maybe(TEXT),
    allow_sending=maybe(st.booleans()),
    hide_from_gal=maybe(st.booleans()),
    internal_only=maybe(st.booleans()),
)
REMOVAL = st.one_of(
    st.builds(Removal, kind=st.just("mailbox"), name=LOCAL, purge_after=st.none() | st.dates(date(2020, 1, 1))),
    st.builds(Removal, kind=st.just("alias"), name=LOCAL),
    st.builds(Removal, kind=st.just("domainAlias"), name=DOMAIN),
)
DNS = st.builds(
    DnsOverrides,
    mx_hosts=st.none() | st.just(("mx1.example.net", "no.example")),
    spf_primary=st.none() | st.just("include:mail.example.net"),
    spf_secondary=st.none() | st.just(("ip4:192.0.2.4", "a")),
    spf_senders=st.none() | st.just(()) | st.just(("192.0.2.4", "2001:db8::4", "out.example.net")),
    autodiscover_host=st.none() | st.just("auto.example.net"),
    dmarc_check=st.none() | st.booleans(),
    dmarc_rua=st.none() | st.just("dmarc@example.net"),
    dmarc_policy=st.none() | st.sampled_from(["none", "quarantine", "reject"]),
    checks=st.none()
    | st.dictionaries(st.sampled_from(CHECK_IDS), st.sampled_from(["off", "info", "warn", "fail"])).map(
        lambda rows: tuple(CheckSetting(id=check, level=rows[check]) for check in sorted(rows))
    ),
    sends=st.none() | st.booleans(),
)
DESIRED = st.builds(
    DesiredDomain,
    domain=DOMAIN,
    server=KEY,
    product=st.none() | KEY,
    mailboxes=maybe(st.lists(MAILBOX, max_size=4, unique_by=lambda m: m.name).map(named)),
    aliases=maybe(st.lists(ALIAS, max_size=4, unique_by=lambda a: a.name).map(named)),
    domain_aliases=maybe(
        st.lists(st.builds(DomainAlias, name=DOMAIN), max_size=3, unique_by=lambda a: a.name).map(named)
    ),
    removed=st.lists(REMOVAL, max_size=4, unique_by=lambda r: (r.kind, r.name)).map(
        lambda rows: tuple(sorted(rows, key=lambda r: (r.kind, r.name)))
    ),
    renamed=st.lists(
        st.builds(Renaming, kind=st.sampled_from(["mailbox", "alias"]), old=LOCAL, new=LOCAL),
        max_size=3,
        unique_by=lambda r: (r.kind, r.old),
    ).map(lambda rows: tuple(sorted(rows, key=lambda r: (r.kind, r.old)))),
    dns=DNS,
)


@given(desired=DESIRED)
@settings(max_examples=150, deadline=None)
def test_an_emitted_file_fits_the_schema_and_reads_back_as_an_equal_value(desired: DesiredDomain) -> None:
    document = load(emit_domain(desired))
    assert check(document, domain_validator(None, "admin")) == ()
    assert decode_domain(document) == (desired, ())


@given(text=st.text())
@settings(max_examples=200, deadline=None)
def test_a_display_name_with_any_characters_is_preserved(text: str) -> None:
    desired = DesiredDomain(domain="example.com", server="s", mailboxes={"a": Mailbox(name="a", display_name=text)})
    assert decode_domain(load(emit_domain(desired)))[0] == desired


def shuffled(value: Any, draw: Any) -> Any:
    if isinstance(value, dict):
        return {key: shuffled(value[key], draw) for key in draw(st.permutations(list(value)))}
    return [shuffled(row, draw) for row in value] if isinstance(value, list) else value


def as_json(value: Any) -> str:
    """JSON that is also YAML: unprintable characters are escaped, and surrogate pairs are not."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() or ord(c) > 0xFFFF else f"\\u{ord(c):04x}" for c in text)


@given(desired=DESIRED, data=st.data())
@settings(max_examples=50, deadline=None)
def test_the_order_of_keys_changes_neither_the_values_nor_their_order(
    desired: DesiredDomain, data: st.DataObject
) -> None:
    value: Any = load(emit_domain(desired)).value
    first, _ = decode_domain(load(as_json(value)))
    second, _ = decode_domain(load(as_json(shuffled(value, data.draw))))
    assert first == second == desired
    for kind in ("mailbox", "alias", "domainAlias"):
        assert list(first.section(kind) or ()) == list(second.section(kind) or ())


def test_an_emitted_file_looks_like_a_handwritten_one() -> None:
    desired, _ = decode("""\
        product: business
        server: mail1
        mailboxes:
          alice: {displayName: José Müller, quota: 5368709120, forwarding: {to: [bob, x@münchen.example], keepCopy: true}}
          bob: {}
          "no": {displayName: "yes", protect: true, password: {env: PW, version: 2}}
        aliases:
          info: [alice]
          sales: {to: [bob], hideFromGal: true}
        domainAliases: [example.ca]
        removed: {mailboxes: [carol, {dave: {purgeAfter: 2026-12-31}}]}
        renamed: {mailboxes: {robert: bob}}
        """)
    assert emit_domain(desired, schema="../schemas/domain.schema.json") == dedent("""\
        # yaml-language-server: $schema=../schemas/domain.schema.json
        apiVersion: reconciler/v1
        kind: Domain
        domain: example.com
        product: business
        server: mail1
        mailboxes:
          alice:
            displayName: José Müller
            quota: 5 GiB
            forwarding:
              to: [bob, x@münchen.example]
              keepCopy: true
          bob: {}
          "no":
            displayName: "yes"
            password: {env: PW, version: 2}
            protect: true
        aliases:
          info: [alice]
          sales:
            to: [bob]
            hideFromGal: true
        domainAliases: [example.ca]
        removed:
          mailboxes:
            - carol
            - dave: {purgeAfter: 2026-12-31}
        renamed:
          mailboxes:
            robert: bob
        """)


def test_a_long_list_has_one_target_per_line() -> None:
    targets = tuple(sorted(f"somebody-{i}@example.com" for i in range(12)))
    text = emit_domain(
        DesiredDomain(domain="example.com", server="s", aliases={"all": Alias(name="all", targets=targets)})
    )
    assert "  all:\n    - somebody-0\n    - somebody-10\n" in text


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    desired = DesiredDomain(
        domain="example.com", server="s", mailboxes={"a": Mailbox(name="a", display_name="x\ud800")}
    )
    assert 'displayName: "x\ufffd"' in emit_domain(desired)
