"""The effects of writes on the server, and the values that they keep."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from client_world import DOMAIN, SECRET, World, fill

from reconciler.core.errors import RefusedByServer
from reconciler.core.secret import Secret
from reconciler.smartermail import Server


def test_an_update_keeps_all_other_fields_of_a_mailbox(filled: World) -> None:
    before = filled.state()["users"]["ben"]
    filled.run(lambda s: s.writer().update_mailbox(DOMAIN, "ben", {"quota": 7}, None))
    after = filled.state()["users"]["ben"]
    assert after["userData"]["maxMailboxSize"] == 7
    before["userData"]["maxMailboxSize"] = before["userMailSettings"]["maxSize"] = 7
    assert after == before


def test_a_disabled_mailbox_still_receives_mail_also_if_created_disabled(filled: World) -> None:
    async def work(server: Server) -> None:
        await server.writer().create_mailbox(DOMAIN, "carl", {"enabled": False}, Secret(SECRET))
        await server.writer().update_mailbox(DOMAIN, "anna", {"enabled": False}, None)

    filled.run(work)
    for name in ("carl", "anna"):
        user = filled.state()["users"][name]
        assert user["userData"]["securityFlags"]["isDisabled"] is True
        assert user["receivesMail"] is True


def test_a_forward_takes_effect_if_forwarding_is_off_for_new_mailboxes(make: Callable[..., World]) -> None:
    world = make(quirks=frozenset({"forward-flag-off-default", "forward-needs-flag"}))

    async def work(server: Server) -> None:
        w = server.writer()
        await w.create_mailbox(DOMAIN, "anna", {}, Secret(SECRET))
        found = await w.read_mailbox(DOMAIN, "anna")
        assert found is not None and found.forward_to == ()
        await w.update_mailbox(DOMAIN, "anna", {"forwarding.to": ("x@else.test",), "forwarding.keepCopy": False}, None)
        found = await w.read_mailbox(DOMAIN, "anna")
        assert found is not None and (found.forward_to, found.forward_keep_copy) == (("x@else.test",), False)

    world.run(work)
    assert world.state()["users"]["anna"]["effectiveForwards"] == ["x@else.test"]


def test_an_old_forward_list_is_replaced_before_forwarding_is_enabled(filled: World) -> None:
    async def work(server: Server) -> None:
        filled.reset()
        await server.writer().update_mailbox(DOMAIN, "anna", {"forwarding.to": ("new@else.test",)}, None)

    filled.run(work)
    assert filled.state()["users"]["anna"]["effectiveForwards"] == ["new@else.test"]
    assert [r for r in filled.requests() if r.startswith("POST settings/domain/post-")] == [
        "POST settings/domain/post-mailbox-forward-list"
    ], "the switch is on already, so it is not written"


def test_a_mailbox_of_an_administrator_is_not_deleted(filled: World) -> None:
    async def work(server: Server) -> None:
        w = server.writer()
        for name, why in (
            ("sales", "does not exist"),
            ("boss", "is a domain administrator"),
            ("nobody", "does not exist"),
        ):
            with pytest.raises(RefusedByServer, match=why):
                await w.delete_mailbox(DOMAIN, name)
        assert server.stats.writes == 0
        with pytest.raises(RefusedByServer):
            await w.delete_alias(DOMAIN, "anna")
        await w.delete_mailbox(DOMAIN, "anna")

    filled.run(work)
    assert set(filled.state()["users"]) == {"ben", "boss"}
    assert set(filled.state()["aliases"]) == {"sales", "info"}


def test_the_bulk_deletion_is_used_last_and_never_deletes_an_alias(make: Callable[..., World]) -> None:
    world = make(quirks=frozenset({"missing:settings/domain/users-delete", "missing:settings/domain/user-delete"}))
    world.run(fill)
    world.reset()

    async def work(server: Server) -> None:
        with pytest.raises(RefusedByServer):
            await server.writer().delete_mailbox(DOMAIN, "sales")
        await server.writer().delete_mailbox(DOMAIN, "ben")

    world.run(work)
    assert world.requests().count("POST settings/domain/account-list-delete") == 1
    assert set(world.state()["aliases"]) == {"sales", "info"}


def test_the_servers_message_is_part_of_the_error(filled: World) -> None:
    async def work(server: Server) -> None:
        w = server.writer()
        with pytest.raises(RefusedByServer, match="NAME_IN_USE"):
            await w.create_mailbox(DOMAIN, "sales", {}, Secret(SECRET))
        with pytest.raises(RefusedByServer, match="PASSWORD"):
            await w.create_mailbox(DOMAIN, "short", {}, Secret("x"))
        with pytest.raises(RefusedByServer, match="NAME_IN_USE"):
            await w.rename_alias(DOMAIN, "info", "anna")

    filled.run(work)


def test_the_mx_check_applies_to_a_customer_but_not_to_an_administrator(filled: World) -> None:
    import asyncio

    async def work() -> None:
        async with filled.customer() as server:
            with pytest.raises(RefusedByServer, match="MX record does not match"):
                await server.writer().create_domain_alias(DOMAIN, "example.ca")
            await server.writer().create_mailbox(DOMAIN, "carl", {}, Secret(SECRET))
        async with filled.connect() as server:
            await server.writer().create_domain_alias(DOMAIN, "example.ca")

    asyncio.run(work())
    assert filled.state()["domainAliases"] == ["example.ca", "example.org"]


@pytest.mark.parametrize("name", ["o'brien", "a+b", "x&y", "h#1", "q?z", "22:30", "null"])
def test_names_with_special_characters_of_urls_are_sent_unchanged(name: str, filled: World) -> None:
    async def work(server: Server) -> None:
        w = server.writer()
        await w.create_alias(DOMAIN, name, {"to": ("x@else.test",)})
        found = await w.read_alias(DOMAIN, name)
        assert found is not None and found.name == name
        await w.delete_alias(DOMAIN, name)
        assert await w.read_alias(DOMAIN, name) is None

    filled.run(work)


def test_activations_are_set_in_one_request(filled: World) -> None:
    async def work(server: Server) -> None:
        await server.writer().set_activations(DOMAIN, "mapi", {"anna": True, "ben": True})
        assert server.stats.writes == 1

    filled.run(work)
    assert all(filled.state()["users"][n]["mapi"] for n in ("anna", "ben"))
