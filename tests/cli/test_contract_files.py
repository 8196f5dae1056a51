"""Invalid settings: empty required keys, null in lists, resolvers, servers without a hostname."""

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.sandbox import Sandbox

Make = Callable[..., Any]
Run = Callable[..., Any]


@pytest.fixture
def plain(sandbox: Sandbox, workspace: Make) -> Any:
    """A valid workspace."""
    made = workspace(sandbox.endpoint)
    made.domain("example.com", "mailboxes: {bob: {}}\n")
    return made


def _edit(place: Any, old: str, new: str) -> None:
    path = place.root / "reconciler.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


@pytest.mark.parametrize("nothing", ["", " {}"])
def test_the_hint_for_an_empty_required_key_does_not_suggest_removing_it(plain: Any, inside: Run, nothing: str) -> None:
    path = plain.root / "reconciler.yaml"
    path.write_text(f"apiVersion: reconciler/v1\nkind: Workspace\nservers:{nothing}\n", "utf-8")
    done = inside(plain, "validate")
    assert done.code == 3
    assert "hint: add a server: `mail1: {url: " in done.out
    assert "remove it" not in done.out


@pytest.mark.parametrize("body", ["removed: {mailboxes: [null]}\n", "aliases: {all: [bob@example.com, null]}\n"])
def test_the_hint_for_a_null_in_a_list_suggests_quotes(plain: Any, inside: Run, body: str) -> None:
    plain.domain("example.com", body)
    done = inside(plain, "validate")
    assert done.code == 3
    assert 'hint: remove it, or put it in quotes if it is a name: "null"' in done.out


@pytest.mark.parametrize("resolver", ["dns.example", "1.2.3", "1.2.3.4:99999", "999.1.1.1"])
def test_a_resolver_that_is_not_an_ip_address_is_rejected(
    plain: Any, inside: Run, sandbox: Sandbox, resolver: str
) -> None:
    _edit(plain, sandbox.endpoint.dns, resolver)
    done = inside(plain, "validate")
    assert done.code == 3, done.out
    assert f"'{resolver}' is not the address of a resolver" in done.out


@pytest.mark.parametrize("resolver", ["127.0.0.1", "127.0.0.1:5353", "::1", "[::1]:53", "[fe80::1%lo]:53"])
def test_ipv4_and_ipv6_resolvers_are_accepted(plain: Any, inside: Run, sandbox: Sandbox, resolver: str) -> None:
    _edit(plain, sandbox.endpoint.dns, resolver)
    assert inside(plain, "validate").code == 0


@pytest.mark.parametrize("words", [("dns", "check"), ("dns", "records")])
def test_dns_commands_need_a_hostname_if_the_server_url_has_an_ip_address(
    plain: Any, inside: Run, words: tuple[str, ...]
) -> None:
    _edit(plain, "    hostname: mail1.example.net\n", "")
    done = inside(plain, *words)
    assert done.code == 3
    assert done.out == ""
    assert "hostname" in done.err
    assert "mail1" in done.err
