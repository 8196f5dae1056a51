"""The files that `init --from` writes: valid, with the values of the server and commented examples."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.app.onboarding.product import product_of
from reconciler.app.onboarding.server import BadAddress, server_settings
from reconciler.config.decode.product import decode_product
from reconciler.config.decode.workspace import decode_workspace
from reconciler.config.document.loader import load_text
from reconciler.config.schema.compiled import validator
from reconciler.config.schema.validator import check
from reconciler.core.model import CurrentDomain, Mailbox, MailboxFacts, ServerLimits
from reconciler.core.password_policy import ServerPasswordPolicy
from reconciler.core.product import PasswordPolicy, Product


def domain(name: str = "first.example", people: tuple[Mailbox, ...] = (), **limits: Any) -> CurrentDomain:
    """A domain with these mailboxes and these server limits."""
    return CurrentDomain(
        domain=name,
        mailboxes={m.name: m for m in people},
        aliases={},
        domain_aliases={},
        limits=ServerLimits(**limits),
    )


def read(text: str) -> Product:
    document, faults = load_text(text.encode(), "standard.yaml")
    assert document is not None and not faults, faults
    assert check(document, validator("product")) == ()
    product, diagnostics = decode_product(document, "standard")
    assert not diagnostics
    return product


def made(*domains: CurrentDomain, policies: Sequence[ServerPasswordPolicy | None] = ()) -> tuple[Product, str]:
    policy_of = dict(zip((d.domain for d in domains), policies or [None] * len(domains), strict=True))
    product, text = product_of({d.domain: d for d in domains}, policy_of)
    assert read(text) == product
    return product, text


def test_limits_that_all_domains_share_become_product_limits() -> None:
    both = {"mailboxes": 25, "aliases": 0, "domain_size": 5 << 30, "eas": 3, "eas_enabled": True}
    product, text = made(domain("a.example", **both), domain("b.example", **both))
    assert product.limits.mailboxes == 25
    assert product.limits.aliases == 0
    assert product.limits.domain_size == 5 << 30
    assert product.limits.eas_accounts == 3
    assert product.limits.mapi_accounts is None
    assert "  # mapiAccounts: unknown, because the server does not return it" in text
    assert "  domainSize: 5 GiB" in text


def test_limits_that_differ_between_domains_become_a_comment() -> None:
    product, text = made(
        domain("a.example", mailboxes=25), domain("b.example", mailboxes=5), domain("c.example", mailboxes=0)
    )
    assert product.limits.mailboxes is None
    assert "  # mailboxes: 5, 25, unlimited on the server, different between domains" in text


def test_a_limit_that_a_domain_exceeds_becomes_a_comment() -> None:
    boss = Mailbox(name="boss", facts=MailboxFacts(is_primary_admin=True))
    four = tuple(Mailbox(name=f"m{n}", quota=1 << 30) for n in range(4))
    beyond = domain("a.example", (boss, *four), mailboxes=3, domain_size=2 << 30)
    just, _ = made(domain("a.example", (boss, *four), mailboxes=4, domain_size=4 << 30))
    assert (just.limits.mailboxes, just.limits.domain_size) == (4, 4 << 30)
    product, text = made(beyond)
    assert product.limits.mailboxes is None
    assert "  # mailboxes: 3 on the server, but a.example has 4" in text
    assert "  # domainSize: 2 GiB on the server, but a.example has a sum of quotas of 4 GiB" in text


def test_an_unlimited_number_of_domain_aliases_is_not_written_as_zero() -> None:
    product, text = made(domain(domain_aliases=0))
    assert product.limits.domain_aliases is None
    assert "  # domainAliases: unlimited on the server" in text
    assert made(domain(domain_aliases=2))[0].limits.domain_aliases == 2


def test_the_product_does_not_offer_a_protocol_that_is_off_in_all_domains() -> None:
    product, _ = made(
        domain("a.example", eas_enabled=False, mapi_enabled=False), domain("b.example", eas_enabled=False)
    )
    assert (product.offer.eas, product.offer.mapi) == (False, True)


def test_password_rules_that_all_domains_share_become_the_product_policy() -> None:
    two = (domain("a.example"), domain("b.example"))
    first = ServerPasswordPolicy(min_length=12, require_digit=False, require_special=True)
    second = ServerPasswordPolicy(min_length=12, require_digit=True, require_special=True, require_uppercase=False)
    product, text = made(*two, policies=(first, second))
    assert product.password_policy == PasswordPolicy(min_length=12, require_special=True)
    assert "passwordPolicy: {minLength: 12, requireSpecial: true}   # from the server" in text
    product, text = made(*two, policies=(first, None))
    assert product.password_policy == PasswordPolicy()
    assert "# passwordPolicy:" in text
    odd = ServerPasswordPolicy(min_length=0, require_digit=False)
    assert made(two[0], policies=(odd,))[0].password_policy == PasswordPolicy(require_digit=False)


def test_the_commented_examples_are_valid_once_uncommented() -> None:
    _, text = made(domain(mailboxes=25))
    bare = re.sub(
        r"^(?:  )?# ?(?=(?:passwordPolicy|billing|dns):| {2,}\w+:|mailboxQuota:)", "", text, flags=re.MULTILINE
    )
    product = read(re.sub(r"^mailboxQuota", "  mailboxQuota", bare, flags=re.MULTILINE))
    assert product.billing.tranche_price is not None
    assert product.dns.spf_primary == "include:spf.example.net"
    assert product.limits.mailbox_quota == 50 << 30


limits = st.none() | st.integers(0, 50)


@settings(max_examples=60)
@given(st.lists(st.tuples(limits, limits, limits, limits, st.integers(0, 60)), min_size=1, max_size=4))
def test_any_server_state_gives_a_valid_product_that_no_domain_exceeds(
    rows: list[tuple[int | None, int | None, int | None, int | None, int]],
) -> None:
    domains = []
    for number, (mailboxes, aliases, size, eas, count) in enumerate(rows):
        people = [Mailbox(name=f"m{n}", quota=1 << 30, eas=n % 2 == 0) for n in range(count)]
        server_limits = {"mailboxes": mailboxes, "aliases": aliases, "domain_size": size and size << 30, "eas": eas}
        domains.append(domain(f"d{number}.example", tuple(people), **server_limits))
    product, _ = made(*domains)
    for found in domains:
        used = len(found.mailboxes)
        assert not product.limits.mailboxes or used <= product.limits.mailboxes
        assert not product.limits.domain_size or used << 30 <= product.limits.domain_size
        assert not product.limits.eas_accounts or (used + 1) // 2 <= product.limits.eas_accounts


@pytest.mark.parametrize(
    ("url", "hostname"),
    [
        ("https://mail.example.net/", "mail.example.net"),
        ("https://Mail.Example.net:8443/path/", "mail.example.net"),
        ("http://127.0.0.1:17017", "127.0.0.1"),
        ("http://[::1]:17017", "::1"),
    ],
)
def test_the_settings_contain_the_url_the_hostname_and_the_role_of_the_server(url: str, hostname: str) -> None:
    made, text = server_settings(url, role="customer")
    assert made.url == url.rstrip("/")
    assert (made.hostname, made.role) == (hostname, "customer")
    assert ("# hostname:" in text) == (hostname in ("127.0.0.1", "::1"))


def test_a_ca_bundle_inside_the_workspace_gets_a_relative_path(tmp_path: Path) -> None:
    bundle = tmp_path / "mail" / "ca.pem"
    bundle.parent.mkdir()
    bundle.write_text("", "utf-8")
    made, text = server_settings("https://m.example", role="admin", ca_bundle=bundle, folder=tmp_path / "mail")
    assert made.ca_bundle == str(bundle)
    assert "caBundle: ca.pem" in text
    _, elsewhere = server_settings("https://m.example", role="admin", ca_bundle=bundle, folder=tmp_path / "other")
    assert f'caBundle: "{bundle}"' in elsewhere


@settings(max_examples=150)
@given(st.text(max_size=40) | st.text(max_size=20).map("https://{}".format), st.none() | st.text(max_size=20))
def test_any_url_gives_a_valid_settings_file_or_is_rejected(url: str, hostname: str | None) -> None:
    try:
        made, text = server_settings(url, role="admin", hostname=hostname)
    except BadAddress:
        return
    document, faults = load_text(text.encode(), "reconciler.yaml")
    assert document is not None and not faults
    assert check(document, validator("workspace")) == ()
    workspace, diagnostics = decode_workspace(document)
    assert not diagnostics
    assert workspace.servers["mail1"].url == made.url == url.rstrip("/")
