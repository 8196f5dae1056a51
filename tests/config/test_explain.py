"""Explanations of schema faults: message, location and hint."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.config.document.loader import load_text
from reconciler.config.schema.compile import domain_validator
from reconciler.config.schema.compiled import Validator, validator
from reconciler.config.schema.validator import check
from reconciler.core.codes import CODES
from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.product import Limits, Offer, Product
from reconciler.core.source import Span

HEADERS = {
    "domain": "apiVersion: reconciler/v1\nkind: Domain\ndomain: example.com\n",
    "product": "apiVersion: reconciler/v1\nkind: Product\n\n",
    "workspace": "apiVersion: reconciler/v1\nkind: Workspace\nservers: {m: {url: 'https://x.example', username: u, password: {env: P}}}\n",
}
BUSINESS = Product(
    name="business",
    limits=Limits(mailboxes=2, aliases=1, domain_aliases=1, mailbox_quota=5 << 30),
    offer=Offer(eas=False, mapi=False),
    origin=Span("products/business.yaml"),
)


def refused(text: str, against: Validator) -> tuple[Diagnostic, ...]:
    document, diagnostics = load_text(text.encode(), "f.yaml")
    assert diagnostics == ()
    assert document is not None
    found = check(document, against)
    assert all(d.severity is Severity.ERROR and d.code in CODES and d.span for d in found)
    return found


def reported(faults: tuple[Diagnostic, ...]) -> list[str]:
    return [f"{d.span.line}:{d.span.column}-{d.span.end_column} {d.code} {d.message}" for d in faults if d.span]


# The text after the three header lines (so it begins in line 4), the diagnostics, and the hint of the first one.
CASES = [
    # unknown keys
    ("domain", "mailboxs: {}", ["4:1-9 SCH002 `mailboxs` is not known"], "did you mean `mailboxes`?"),
    ("domain", "domain_aliases: []", ["4:1-15 SCH002 `domain_aliases` is not known"], "did you mean `domainAliases`?"),
    ("domain", "zebra: 1", ["4:1-6 SCH002 `zebra` is not known"], "use one of the known keys: apiVersion, kind, domain, product, server, mailboxes, aliases, domainAliases, removed, renamed, dns"),
    ("domain", "mailboxes:\n  a:\n    displayname: x\n    Quotas: 5 GiB", ["6:5-16 SCH002 `displayname` is not known in `mailboxes.a`", "7:5-11 SCH002 `Quotas` is not known in `mailboxes.a`"], "did you mean `displayName`?"),
    ("domain", "mailboxes: {a: {keepCopy: true}}", ["4:17-25 SCH002 `keepCopy` is not known in `mailboxes.a`"], "move `keepCopy` into `forwarding`"),
    ("domain", '"a\\e[1m": 1', [r"4:1-9 SCH002 `'a\x1b[1m'` is not known"], None),
    ("product", "limits: {mailboxQuotas: 1}", ["4:10-23 SCH002 `mailboxQuotas` is not known in `limits`"], "did you mean `mailboxQuota`?"),
    # missing keys
    ("workspace", "policy: {}\ndns: {}", [], None),
    # types
    ("domain", "mailboxes:\n  a:\n    enabled: yes", ["6:14-17 SCH001 `mailboxes.a.enabled` should be true or false, but is the text 'yes'"], "write true or false, without quotes: yes, no, on and off are text in YAML 1.2"),
    ("domain", "mailboxes: {a: {displayName: 42}}", ["4:30-32 SCH001 `mailboxes.a.displayName` should be text without line breaks and control characters, but is the number 42"], "put it in quotes to make it text"),
    ("domain", "mailboxes: {a: {displayName: true}}", ["4:30-34 SCH001 `mailboxes.a.displayName` should be text without line breaks and control characters, but is true"], "put it in quotes to make it text"),
    ("domain", 'mailboxes: {a: {displayName: "x\\ny"}}', [r"4:30-36 SCH001 `mailboxes.a.displayName` should be text without line breaks and control characters, but is the text 'x\ny'"], ""),
    ("domain", "mailboxes:\n- alice", ["4:1-10 SCH001 `mailboxes` should be a mapping, but is a list"], "write each entry as `name: …` on its own line, without a dash"),
    ("domain", "mailboxes: {a: hunter2}", ["4:16-23 SCH001 `mailboxes.a` should be a mapping of the mailbox's fields, or {}, but is text"], ""),
    ("domain", "aliases: {info: bob}", ["4:17-20 SCH001 `aliases.info` should be a list of targets, or a mapping with `to`, but is text"], "write a list: [one, two]"),
    ("domain", "aliases: {info: [bob, 5]}", ["4:23-24 SCH001 `aliases.info[1]` should be a mail address, or a name in this domain, but is the number 5"], "put it in quotes to make it text"),
    ("product", 'limits: {mailboxes: "5"}', ["4:21-24 SCH001 `limits.mailboxes` should be a whole number of 0 or more, but is the text '5'"], "write only the number, without quotes, units or leading zeros"),
    ("product", "limits: {mailboxes: 2.5}", ["4:21-24 SCH001 `limits.mailboxes` should be a whole number of 0 or more, but is the number 2.5"], ""),
    ("workspace", 'policy: {prune: "yes"}', ["4:17-22 SCH001 `policy.prune` should be true, false, or a mapping of kinds to true or false, but is the text 'yes'"], "write true or false, without quotes: yes, no, on and off are text in YAML 1.2"),
    # nothing behind a colon
    ("domain", "mailboxes:", ["4:1-10 SCH001 `mailboxes` has no value, it should be a mapping"], "write `mailboxes: {}` for none, or remove it"),
    ("domain", "domainAliases:", ["4:1-14 SCH001 `domainAliases` has no value, it should be a list"], "write `domainAliases: []` for none, or remove it"),
    ("domain", "removed:\n  mailboxes:", ["5:3-12 SCH001 `removed.mailboxes` has no value, it should be a list of names, or a mapping of names to {purgeAfter: DAY}"], "write `mailboxes: []` for none, or remove it"),
    ("domain", "mailboxes: {a: {quota: }}", ["4:17-22 SCH001 `mailboxes.a.quota` has no value, it should be a size like 5 GiB, a number of bytes, or unlimited"], "write a value after the colon, or remove the key"),
    ("domain", "mailboxes: {a: {password: }}", ["4:17-25 SCH001 `mailboxes.a.password` has no value, it should be a reference like {env: NAME}"], "name a source of the secret: {env: NAME}, {file: path}, {vault: {path: …, field: …}} or another"),
    # values
    ("domain", "mailboxes: {a: {quota: 5 GB}}", ["4:24-28 SCH001 `mailboxes.a.quota` should be a size like 5 GiB, a number of bytes, or unlimited, but is the text '5 GB'"], ""),
    ("domain", "mailboxes: {a: {quota: 0}}", ["4:24-25 SCH001 `mailboxes.a.quota` should be a size like 5 GiB, a number of bytes, or unlimited, but is the number 0"], "write unlimited for no limit"),
    ("domain", "removed: {mailboxes: [{a: {purgeAfter: 2026-13-01}}]}", ["4:40-50 SCH001 `removed.mailboxes[0].a.purgeAfter` should be a day like 2026-12-31, but is the text '2026-13-01'"], ""),
    ("domain", "removed: {mailboxes: [{a: , b: }]}", ["4:23-33 SCH001 `removed.mailboxes[0]` has 2 entries, the maximum is 1"], "write one name per item"),
    ("domain", "removed: {mailboxes: [{}]}", ["4:23-25 SCH001 `removed.mailboxes[0]` is empty, it needs at least 1"], "remove it"),
    ("domain", "dns: {spf: {primary: 'v=spf1 a ~all'}}", ["4:22-37 SCH001 `dns.spf.primary` should be one SPF mechanism like include:mail.example.com, not a complete record, but is the text 'v=spf1 a ~all'"], ""),
    ("domain", "dns: {checks: {spf: no}}", ["4:21-23 SCH001 `dns.checks.spf` should be off, info, warn or fail, but is the text 'no'"], None),
    ("domain", "dns: {checks: {spff: off}}", ["4:16-20 SCH002 `spff` is not known in `dns.checks`"], "did you mean `spf`?"),
    ("domain", "dns: {spf: {senders: [192.0.2.0/24]}}", ["4:23-35 NAM001 '192.0.2.0/24': neither an IP address nor a host name"], ""),
    ("domain", "dns: {dmarc: {policy: Reject}}", ["4:23-29 SCH001 `dns.dmarc.policy` should be none, quarantine or reject, but is the text 'Reject'"], "did you mean `reject`?"),
    ("domain", "dns: {dmarc: {rua: 'mailto:x@example.com'}}", ["4:20-42 SCH001 `dns.dmarc.rua` should be a mail address like dmarc@example.com, without mailto:, but is the text 'mailto:x@example.com'"], ""),
    ("domain", "product: ../etc", ["4:10-16 SCH001 `product` should be a name of letters, digits, dots, hyphens and underscores, but is the text '../etc'"], ""),
    ("domain", f"product: {'x' * 65}", ["4:10-75 SCH001 `product` has 65 characters, the maximum is 64"], ""),
    ("product", "billing: {currency: usd, easPrice: '2,00', trancheGiB: 0}", ["4:21-24 SCH001 `billing.currency` should be a currency's three capital letters, like USD, but is the text 'usd'", "4:36-42 SCH001 `billing.easPrice` should be a price like 2.00, but is the text '2,00'", "4:56-57 SCH001 `billing.trancheGiB` should be a whole number of 1 or more, but is the number 0"], ""),
    ("workspace", "policy: {maxDeletions: {percent: 101}, externalForwarding: allows}", ["4:34-37 SCH001 `policy.maxDeletions.percent` should be a whole number from 0 to 100, but is the number 101", "4:60-66 SCH001 `policy.externalForwarding` should be allow, warn or deny, but is the text 'allows'"], ""),
    ("workspace", "dns: {timeout: 0}", ["4:16-17 SCH001 `dns.timeout` should be a number above 0 and up to 300, but is the number 0"], ""),
    # names
    ("domain", "mailboxes: {a@b: {}, 'a b': {}}", ["4:13-16 NAM001 'a@b': write only the part before the @; the file name sets the domain", "4:22-27 NAM001 'a b': the character ' ' is not allowed before the @"], ""),
    ("domain", "mailboxes: {'': {}}", ["4:13-15 NAM001 '': the name is empty"], ""),
    ("domain", f"aliases: {{{'x' * 65}: []}}", [f"4:11-76 NAM001 '{'x' * 60}…': the part before the @ has 65 characters, 64 are allowed (RFC 5321)"], ""),
    ("domain", "aliases: {a: ['x y']}", ["4:15-20 NAM001 'x y': the character ' ' is not allowed before the @"], ""),
    ("domain", "domainAliases: [localhost]", ["4:17-26 NAM001 'localhost': a domain name needs a dot, like example.com"], ""),
    ("domain", "renamed: {mailboxes: {a..b: 'c d'}}", ["4:23-27 NAM001 'a..b': a dot is allowed only between two other characters (RFC 5322)", "4:29-34 NAM001 'c d': the character ' ' is not allowed before the @"], ""),
    ("domain", "removed: {mailboxes: ['x y'], domainAliases: [x]}", ["4:23-28 NAM001 'x y': the character ' ' is not allowed before the @", "4:47-48 NAM001 'x': a domain name needs a dot, like example.com"], ""),
    # secrets
    ("domain", "mailboxes: {a: {password: hunter2}}", ["4:27-34 SEC001 `mailboxes.a.password` is written in plain text: git keeps it forever"], "name a source of the secret: {env: NAME}, {file: path}, {vault: {path: …, field: …}} or another; then change the password"),
    ("domain", "mailboxes: {a: {password: 12345}}", ["4:27-32 SEC001 `mailboxes.a.password` is written in plain text: git keeps it forever"], None),
    ("domain", "mailboxes: {a: {password: [hunter2]}}", ["4:17-25 SCH001 `mailboxes.a.password` should be a reference like {env: NAME}, but is a list"], None),
    ("domain", "mailboxes: {a: {password: {hunter2}}}", ["4:28-35 SCH002 a key is not known in `mailboxes.a.password`"], "use one of the known keys: env, file, command, sops, vault, keyring, generate, version"),
    ("domain", "mailboxes: {a: {password: {evn: X}}}", ["4:28-31 SCH002 a key is not known in `mailboxes.a.password`"], "did you mean `env`?"),
    ("domain", "mailboxes: {a: {password: {env: 'hunter2!'}}}", ["4:33-43 SCH001 `mailboxes.a.password.env` should be the name of an environment variable, but is text"], ""),
    ("domain", "mailboxes: {a: {password: {env: A, file: b}}}", ["4:17-25 SCH001 `mailboxes.a.password` names 2 sources: env, file"], "keep one of them"),
    ("domain", "mailboxes: {a: {password: {version: 2}}}", ["4:17-25 SCH003 `mailboxes.a.password` names no source of the secret"], None),
    ("domain", "mailboxes: {a: {password: {generate: false}}}", ["4:38-43 SCH001 `mailboxes.a.password.generate` should be true, but is false"], None),
    ("domain", "mailboxes: {a: {password: {command: pass show x}}}", ["4:37-48 SCH001 `mailboxes.a.password.command` should be a list with the program and its arguments, but is text"], "write a list: [one, two]"),
    ("domain", "mailboxes: {a: {password: {env: A, version: 0}}}", ["4:45-46 SCH001 `mailboxes.a.password.version` should be a whole number of 1 or more, but is a number"], None),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "text", "expected", "hint"), CASES)
def test_each_fault_has_a_message_a_location_and_a_hint(
    schema: str, text: str, expected: list[str], hint: str | None
) -> None:
    found = refused(HEADERS[schema] + text + "\n", validator(schema))
    assert reported(found) == expected
    if hint is not None:
        assert found[0].hint == hint


def test_missing_keys_are_reported_at_the_first_key_of_the_file() -> None:
    found = refused("# comment\n\nproduct: x\n", validator("domain"))
    assert reported(found) == [
        "3:1-8 SCH003 the file lacks `apiVersion`",
        "3:1-8 SCH003 the file lacks `domain`",
        "3:1-8 SCH003 the file lacks `kind`",
    ]
    assert [d.hint for d in found] == ["add `apiVersion: reconciler/v1`", "add `domain: …`", "add `kind: Domain`"]


def test_a_missing_key_of_a_mapping_is_reported_at_the_key_of_the_mapping() -> None:
    text = "apiVersion: reconciler/v1\nkind: Workspace\nservers:\n  mail1:\n    url: https://x.example\n"
    assert reported(refused(text, validator("workspace"))) == [
        "4:3-8 SCH003 `servers.mail1` lacks `password`",
        "4:3-8 SCH003 `servers.mail1` lacks `username`",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1]", "1:1-4 SCH001 the file should be a mapping with apiVersion and kind, but is a list"),
        ("hunter2", "1:1-8 SCH001 the file should be a mapping with apiVersion and kind, but is text"),
        ("null", "1:1-5 SCH001 the file should be a mapping with apiVersion and kind, but is empty"),
    ],
)
def test_a_file_that_is_not_a_mapping_is_rejected(text: str, expected: str) -> None:
    assert reported(refused(text, validator("domain"))) == [expected]


def test_an_unknown_version_and_an_unknown_kind_are_rejected() -> None:
    text = "apiVersion: reconciler/v2\nkind: domain\ndomain: example.com\n"
    assert reported(refused(text, validator("domain"))) == [
        "1:13-26 SCH004 `apiVersion` should be reconciler/v1, but is the text 'reconciler/v2'",
        "2:7-13 SCH004 `kind` should be Domain, but is the text 'domain'",
    ]


def test_a_file_of_another_kind_is_reported_once_with_its_correct_folder() -> None:
    found = refused("apiVersion: reconciler/v1\nkind: Product\nlimits: {mailboxes: 5}\n", validator("domain"))
    assert reported(found) == ["2:7-14 SCH004 this file has kind Product, but a file here needs kind Domain"]
    assert found[0].hint == "move it: a Product belongs in products/, a Domain in domains/"


# --- the best branch


SERVER = "apiVersion: reconciler/v1\nkind: Workspace\nservers:\n  m:\n    url: https://x.example\n    password: {{env: P}}\n    username: {}\n"


@pytest.mark.parametrize(
    ("username", "expected"),
    [
        ("5", "7:15-16 SCH001 `servers.m.username` should be text or a mapping, but is a number"),
        ("[a]", "7:5-13 SCH001 `servers.m.username` should be text or a mapping, but is a list"),
        ("", "7:5-13 SCH001 `servers.m.username` should be text or a mapping, but is empty"),
        ("''", "7:15-17 SCH001 `servers.m.username` should be an account's name, but is the text ''"),
        ("{env: A, x: 1}", "7:24-25 SCH002 a key is not known in `servers.m.username`"),
        (
            "{env: a b}",
            "7:21-24 SCH001 `servers.m.username.env` should be the name of an environment variable, but is text",
        ),
        ("{}", "7:5-13 SCH003 `servers.m.username` names no source of the secret"),
    ],
)
def test_of_several_allowed_forms_the_closest_one_is_explained(username: str, expected: str) -> None:
    assert reported(refused(SERVER.format(username), validator("workspace"))) == [expected]


def test_a_server_password_in_plain_text_or_to_generate_is_rejected() -> None:
    text = HEADERS["workspace"].replace("{env: P}", "hunter2")
    assert reported(refused(text, validator("workspace"))) == [
        "3:64-71 SEC001 `servers.m.password` is written in plain text: git keeps it forever"
    ]
    text = HEADERS["workspace"].replace("{env: P}", "{generate: true}")
    assert [d.code for d in refused(text, validator("workspace"))] == ["SCH002"]


# --- a product's limits


LIMITED = (
    HEADERS["domain"]
    + "mailboxes:\n  z: {}\n  a: {}\n  m: {}\n  b: {}\naliases: {y: [a], x: [a]}\ndomainAliases: [a.example, b.example]\n"
)


def test_an_exceeded_limit_is_reported_at_the_first_resource_over_it_with_the_numbers() -> None:
    found = refused(LIMITED, domain_validator(BUSINESS, "admin"))
    assert reported(found) == [
        "7:3-4 LIM001 4 mailboxes, but product business allows 2; this is the first one over the limit",
        "9:19-20 LIM002 2 aliases, but product business allows 1; this is the first one over the limit",
        "10:28-37 LIM003 2 domain aliases, but product business allows 1; this is the first one over the limit",
    ]
    assert found[0].hint == "remove 2, or raise `limits.mailboxes` (products/business.yaml)"


def test_domain_aliases_that_are_not_offered_are_reported_at_the_section() -> None:
    sold = replace(BUSINESS, limits=Limits(domain_aliases=0))
    (fault,) = refused(HEADERS["domain"] + "domainAliases: [a.example]\n", domain_validator(sold, "admin"))
    assert reported((fault,)) == ["4:1-14 LIM003 product business offers no domain aliases"]
    assert fault.hint == "remove the section, or raise `limits.domainAliases` (products/business.yaml)"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("6 GiB", "LIM004 the quota of a is 6 GiB, but product business allows 5 GiB"),
        ("unlimited", "LIM004 the quota of a is unlimited, but product business allows 5 GiB"),
        ("5368709121", "LIM004 the quota of a is 5368709121, but product business allows 5 GiB"),
        ("5121MiB", "LIM004 the quota of a is 5121 MiB, but product business allows 5 GiB"),
        (
            "6 GB",
            "SCH001 `mailboxes.a.quota` should be a size like 5 GiB, a number of bytes, or unlimited, but is the text '6 GB'",
        ),
        (
            "-1",
            "SCH001 `mailboxes.a.quota` should be a size like 5 GiB, a number of bytes, or unlimited, but is the number -1",
        ),
        (
            "true",
            "SCH001 `mailboxes.a.quota` should be a size like 5 GiB, a number of bytes, or unlimited, but is true",
        ),
    ],
)
def test_a_quota_over_the_limit_and_an_invalid_quota_have_different_messages(value: str, expected: str) -> None:
    found = refused(HEADERS["domain"] + f"mailboxes: {{a: {{quota: {value}}}}}\n", domain_validator(BUSINESS, "admin"))
    assert reported(found) == [f"4:24-{24 + len(value)} {expected}"]


def test_an_activation_that_is_not_offered_to_customers_is_reported_at_the_value() -> None:
    text = HEADERS["domain"] + "mailboxes: {a: {eas: true, mapi: true}, b: {eas: false, mapi: on}}\n"
    found = refused(text, domain_validator(BUSINESS, "customer"))
    assert reported(found) == [
        "4:22-26 LIM006 EAS is on for a, but product business does not offer it to customers",
        "4:34-38 LIM007 MAPI is on for a, but product business does not offer it to customers",
        "4:63-65 SCH001 `mailboxes.b.mapi` should be false, but is the text 'on'",
    ]


# --- secrets


SECRETS = st.text(alphabet="QXZJ0123456789!$%-_ ", min_size=6, max_size=12).map(lambda text: f"Kw{text}Yq")
SHAPES = (
    "mailboxes: {{a: {{password: {0}}}}}",
    "mailboxes: {{a: {{password: [{0}]}}}}",
    "mailboxes: {{a: {{password: {{{0}: }}}}}}",
    "mailboxes: {{a: {{password: {{env: {0}}}}}}}",
    "mailboxes: {{a: {{password: {{env: [{0}]}}}}}}",
    "mailboxes: {{a: {{password: {{file: {{x: {0}}}}}}}}}",
    "mailboxes: {{a: {{password: {{command: {0}}}}}}}",
    "mailboxes: {{a: {{password: {{generate: {0}}}}}}}",
    "mailboxes: {{a: {{password: {{env: A, version: {0}}}}}}}",
    "mailboxes: {{a: {{passwd: {0}}}}}",
    "mailboxes: {{a: {0}}}",
    "password: {0}",
)


@settings(max_examples=60, deadline=None)
@given(SECRETS, st.sampled_from(SHAPES))
def test_no_message_contains_a_possible_secret(secret: str, shape: str) -> None:
    found = refused(HEADERS["domain"] + shape.format(f'"{secret}"') + "\n", validator("domain"))
    for fault in found:
        assert secret not in repr(fault)
        assert secret not in str(fault)
