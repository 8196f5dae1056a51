"""Files that are wrong in ways that only show in use: hints that lead out, resolvers, servers without a name."""

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
def test_what_is_required_is_not_to_be_left_out(plain: Any, inside: Run, nothing: str) -> None:
    path = plain.root / "reconciler.yaml"
    path.write_text(f"apiVersion: reconciler/v1\nkind: Workspace\nservers:{nothing}\n", "utf-8")
    done = inside(plain, "validate")
    assert done.code == 3
    assert "hint: add a server: `mail1: {url: " in done.out
    assert "remove it" not in done.out


@pytest.mark.parametrize("body", ["removed: {mailboxes: [null]}\n", "aliases: {all: [bob@example.com, null]}\n"])
def test_a_name_in_a_list_that_yaml_takes_for_nothing_is_to_be_quoted(plain: Any, inside: Run, body: str) -> None:
    plain.domain("example.com", body)
    done = inside(plain, "validate")
    assert done.code == 3
    assert 'hint: remove it, or put it in quotes if it is a name: "null"' in done.out


@pytest.mark.parametrize("resolver", ["dns.example", "1.2.3", "1.2.3.4:99999", "999.1.1.1"])
def test_a_resolver_is_an_address(plain: Any, inside: Run, sandbox: Sandbox, resolver: str) -> None:
    _edit(plain, sandbox.endpoint.dns, resolver)
    done = inside(plain, "validate")
    assert done.code == 3, done.out
    assert f"'{resolver}' is not the address of a resolver" in done.out


@pytest.mark.parametrize("resolver", ["127.0.0.1", "127.0.0.1:5353", "::1", "[::1]:53", "[fe80::1%lo]:53"])
def test_addresses_of_both_kinds_are_resolvers(plain: Any, inside: Run, sandbox: Sandbox, resolver: str) -> None:
    _edit(plain, sandbox.endpoint.dns, resolver)
    assert inside(plain, "validate").code == 0


@pytest.mark.parametrize("words", [("dns", "check"), ("dns", "records")])
def test_no_record_is_proposed_that_leads_to_an_address_instead_of_a_name(
    plain: Any, inside: Run, words: tuple[str, ...]
) -> None:
    _edit(plain, "    hostname: mail1.example.net\n", "")
    done = inside(plain, *words)
    assert done.code == 3
    assert done.out == ""
    assert "hostname" in done.err
    assert "mail1" in done.err
