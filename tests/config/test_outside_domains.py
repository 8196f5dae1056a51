"""`policy.externalForwardingDomains`: external domains that may receive mail."""

from pathlib import Path

import pytest

from reconciler.config.decode.workspace import decode_workspace
from reconciler.config.document.loader import load_text
from reconciler.config.schema.compiled import validator
from reconciler.config.schema.validator import check
from reconciler.config.workspace import load_configuration
from reconciler.core.workspace import Policy

SERVERS = "servers: {mail1: {url: https://mail1.example.net, username: admin, password: {env: PW}}}\n"
HEAD = "apiVersion: reconciler/v1\nkind: {kind}\n"


def said(policy: str) -> tuple[Policy | None, list[str]]:
    """The policy, and its diagnostics as `line:column code`."""
    text = HEAD.format(kind="Workspace") + SERVERS + f"policy: {{externalForwardingDomains: {policy}}}\n"
    document, found = load_text(text.encode(), "reconciler.yaml")
    assert document is not None, found
    faults = check(document, validator("workspace"))
    policy_read, more = (None, ()) if faults else (lambda w, d: (w.policy, d))(*decode_workspace(document))
    return policy_read, [f"{d.span.line}:{d.span.column} {d.code}" for d in (*faults, *more) if d.span]


def test_domains_are_canonical_and_keep_their_wildcard() -> None:
    policy, faults = said("[Partner.Example., '*.MÜNCHEN.example', a.b.example]")
    assert faults == []
    assert policy is not None
    assert policy.external_forwarding_domains == ("*.xn--mnchen-3ya.example", "a.b.example", "partner.example")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[ok.example, localhost]", "4:50 SCH001"),
        ("['*']", "4:38 SCH001"),
        ("['a.*.example']", "4:38 SCH001"),
        ("['*.*.example']", "4:38 SCH001"),
        ("[x@partner.example]", "4:38 SCH001"),
        ("partner.example", "4:37 SCH001"),
        ("[ok.example, -bad-.example]", "4:50 NAM001"),
        ("['*.xn--a.example']", "4:38 NAM001"),
        ("[a.example, A.example]", "4:49 NAM002"),
    ],
)
def test_an_invalid_domain_is_reported_at_its_location(text: str, fault: str) -> None:
    assert said(text)[1] == [fault]


@pytest.mark.parametrize(
    ("domain", "free"),
    [
        ("partner.example", True),
        ("mail.partner.example", False),
        ("below.example", False),
        ("a.below.example", True),
        ("b.a.below.example", True),
        ("evilbelow.example", False),
        ("notpartner.example", False),
        ("xn--mnchen-3ya.example", True),
    ],
)
def test_a_wildcard_matches_subdomains_and_a_name_only_itself(domain: str, free: bool) -> None:
    policy, _ = said("[partner.example, '*.below.example', münchen.example]")
    assert policy is not None
    assert policy.allows_external(domain) is free


def test_validate_denies_only_targets_in_domains_that_are_not_listed(tmp_path: Path) -> None:
    policy = "policy: {externalForwarding: deny, externalForwardingDomains: ['*.partner.example']}\n"
    (tmp_path / "domains").mkdir()
    (tmp_path / "reconciler.yaml").write_text(HEAD.format(kind="Workspace") + SERVERS + policy, "utf-8")
    (tmp_path / "domains" / "example.com.yaml").write_text(
        HEAD.format(kind="Domain") + "domain: example.com\naliases: {s: [x@eu.partner.example, y@else.example]}\n",
        "utf-8",
    )
    found = load_configuration(tmp_path, here=tmp_path, environ={}).diagnostics
    assert [d.code for d in found] == ["GRD007"]
    assert "y@else.example" in found[0].message
    assert "policy.externalForwardingDomains" in found[0].hint


def test_the_message_describes_the_expected_value() -> None:
    text = HEAD.format(kind="Workspace") + SERVERS + "policy: {externalForwardingDomains: ['*.com']}\n"
    document, _ = load_text(text.encode(), "reconciler.yaml")
    assert document is not None
    (fault,) = check(document, validator("workspace"))
    assert "should be a domain name like partner.example, or *.partner.example for all below it" in fault.message
