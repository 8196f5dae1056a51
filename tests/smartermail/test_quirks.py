"""All quirks of the sandbox: reads return the same values, and writes produce the same state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from client_world import DOMAIN, SECRET, World, fill
from sampling import sampled

from reconciler.core.errors import AmbiguousWrite, IncompleteRead, RefusedByServer
from reconciler.core.model import CurrentDomain
from reconciler.core.ports import ReadScope
from reconciler.core.secret import Secret
from reconciler.sandbox import QUIRKS
from reconciler.smartermail import Server

SPELLINGS = (
    "missing:settings/domain/list-users",
    "missing:settings/domain/get-user",
    "missing:POST settings/domain/get-user-mail",
    "missing:settings/domain/get-mailbox-forward-list",
    "missing:settings/domain/post-user-mail",
    "missing:settings/domain/users-delete",
    "missing:settings/sysadmin/manage-domain",
    "missing:settings/sysadmin/domain-names",
    "not-allowed:settings/domain/get-user",
    "not-allowed:settings/domain/users-disable",
    "not-allowed:settings/domain/users-delete",
)
SCOPE = ReadScope(
    forwarding=frozenset({"anna", "ben", "carl"}),
    alias_flags=frozenset({"sales", "info", "help"}),
    eas=True,
    mapi=True,
)


async def sure(write: Awaitable[None], *, doubtful: bool) -> int:
    """A confirmed write. On servers without confirmation it may raise AmbiguousWrite, which is counted."""
    try:
        await write
    except AmbiguousWrite as e:
        assert doubtful, e.message
        return 1
    return 0


async def change(server: Server, *, doubtful: bool) -> None:
    """One write of each kind."""
    w = server.writer()
    writes: list[Callable[[], Awaitable[None]]] = [
        lambda: w.create_mailbox(DOMAIN, "carl", {"quota": 1 << 20, "enabled": False}, Secret(SECRET)),
        lambda: w.create_mailbox(DOMAIN, "doomed", {}, Secret(SECRET)),
        lambda: w.update_mailbox(DOMAIN, "anna", {"displayName": "Anna B", "quota": 0}, Secret("An0ther-secret")),
        lambda: w.update_mailbox(DOMAIN, "anna", {"forwarding.to": ("z@else.test", "a@else.test")}, None),
        lambda: w.update_mailbox(DOMAIN, "ben", {"forwarding.keepCopy": True, "enabled": False}, None),
        lambda: w.update_mailbox(DOMAIN, "ben", {"enabled": True}, None),
        lambda: w.rename_mailbox(DOMAIN, "ben", "benno"),
        lambda: w.rename_mailbox(DOMAIN, "benno", "ben"),
        lambda: w.update_alias(DOMAIN, "info", {"hideFromGal": True}),
        lambda: w.update_alias(DOMAIN, "sales", {"to": (f"ben@{DOMAIN}",)}),
        lambda: w.rename_alias(DOMAIN, "info", "help"),
        lambda: w.create_alias(DOMAIN, "gone", {"to": ("q@else.test",), "internalOnly": True}),
        lambda: w.delete_alias(DOMAIN, "gone"),
        lambda: w.create_domain_alias(DOMAIN, "example.ca"),
        lambda: w.delete_domain_alias(DOMAIN, "example.org"),
        lambda: w.set_activations(DOMAIN, "eas", {"anna": False, "ben": True}),
        lambda: w.set_activations(DOMAIN, "mapi", {"anna": True}),
        lambda: w.delete_mailbox(DOMAIN, "doomed"),
    ]
    doubts = [await sure(write(), doubtful=doubtful) for write in writes]
    # Writing a forward includes a read that shows the outcome.
    assert sum(doubts) == (len(writes) - 1 if doubtful else 0)


async def read(server: Server) -> CurrentDomain:
    return await server.reader().read_domain(DOMAIN, SCOPE)


def plain(state: dict[str, Any]) -> dict[str, Any]:
    """The state of the server without internal values."""
    kept = {n: state[n] for n in ("aliases", "domainAliases")}
    for alias in kept["aliases"].values():
        alias["targets"] = [t if "@" in t else f"{t}@{DOMAIN}" for t in alias["targets"]]
    kept["users"] = {
        name: {
            **{k: user["userData"][k] for k in ("fullName", "maxMailboxSize", "description", "enableSmtpAccounts")},
            "disabled": user["userData"]["securityFlags"]["isDisabled"],
            "admin": user["userData"]["securityFlags"]["isDomainAdmin"],
            **{k: user[k] for k in ("mailboxForwardList", "effectiveForwards", "eas", "mapi", "receivesMail")},
            "mail": {
                k: user["userMailSettings"][k] for k in ("canReceiveMail", "enableImap", "hideFromGAL", "localeId")
            },
        }
        for name, user in state["users"].items()
    }
    return kept


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    """The result of a server without quirks, filled at the first use."""
    return {}


def reference(make: Callable[..., World], expected: dict[str, Any]) -> dict[str, Any]:
    if not expected:
        world = make()
        world.run(fill)
        expected["state"], expected["before"], expected["after"] = story(world, doubtful=False)
    return expected


def story(world: World, *, doubtful: bool) -> tuple[dict[str, Any], CurrentDomain, CurrentDomain]:
    async def work(server: Server) -> tuple[CurrentDomain, CurrentDomain]:
        before = await read(server)
        await change(server, doubtful=doubtful)
        after = await read(server)
        assert server.stats.logins == 1
        assert server.stats.retries == 0
        return before, after

    before, after = world.run(work)
    return plain(world.state()), before, after


@pytest.mark.parametrize("quirk", sampled([*QUIRKS, *SPELLINGS], 5))
def test_reads_and_writes_have_the_same_result_with_every_quirk(
    quirk: str, make: Callable[..., World], expected: dict[str, Any]
) -> None:
    wanted = reference(make, expected)
    world = make(quirks=frozenset({quirk} - {"no-success-on-writes"}))
    world.run(fill)
    world.quirks(quirk)
    state, before, after = story(world, doubtful=quirk == "no-success-on-writes")
    flag_off = {"eas-flag-off": "eas", "mapi-flag-off": "mapi"}.get(quirk)
    if flag_off:  # success without effect (section 10 no. 2): only a new read shows it
        assert after.mailboxes["anna"].eas is False
        assert not any(user[flag_off] for user in state["users"].values())
        assert getattr(after.limits, f"{flag_off}_enabled") is False
        return
    if "users-disable" in quirk:  # post-user replaces it and cannot keep incoming mail enabled
        assert state["users"]["carl"]["disabled"] is True
        state["users"]["carl"]["receivesMail"] = True
    assert state == wanted["state"]
    if quirk == "settings-without-switches":  # a missing switch is unknown
        assert (before.limits.eas_enabled, before.limits.mapi_enabled, before.limits.forwarding_enabled) == (None,) * 3
        before, after = switched_as(before, wanted["before"]), switched_as(after, wanted["after"])
    assert comparable(before) == comparable(wanted["before"])
    assert comparable(after) == comparable(wanted["after"])


def switched_as(current: CurrentDomain, other: CurrentDomain) -> CurrentDomain:
    switches = ("eas_enabled", "mapi_enabled", "forwarding_enabled")
    limits = replace(current.limits, **{name: getattr(other.limits, name) for name in switches})
    return replace(current, limits=limits)


def comparable(current: CurrentDomain) -> CurrentDomain:
    return replace(current, requests=0)


def test_administrators_are_recognized_in_every_form_of_the_list(make: Callable[..., World]) -> None:
    quirks = ("list-rows-without-sizes", "list-rows-without-flags", "admin-hidden", "search-mixed-kinds")
    for quirk in ("none", *quirks):
        world = make(quirks=frozenset({quirk} - {"none"}))
        world.run(fill)
        boss = world.run(read).mailboxes["boss"]
        assert boss.facts.is_admin and boss.facts.is_primary_admin, quirk


def test_a_row_without_flags_costs_one_more_request(make: Callable[..., World]) -> None:
    world = make(quirks=frozenset({"list-rows-without-flags"}))
    world.run(fill)
    current = world.run(lambda s: s.reader().read_domain(DOMAIN, ReadScope()))
    assert current.requests == 7 + 3


def test_a_missing_spelling_is_tried_once_in_a_run(make: Callable[..., World]) -> None:
    world = make(quirks=frozenset({"missing:settings/domain/get-mailbox-forward-list"}))
    world.run(fill)
    world.reset()

    async def work(server: Server) -> None:
        for _ in range(3):
            await read(server)

    world.run(work)
    asked = world.requests()
    assert (
        1 <= asked.count("POST settings/domain/get-mailbox-forward-list") + sum("get-mailbox" in a for a in asked) <= 4
    )
    assert asked.count("GET settings/domain/mailbox-forward-list/{email}") == 6


def test_users_are_read_page_by_page_if_only_the_search_exists(make: Callable[..., World]) -> None:
    import asyncio

    world = make(
        quirks=frozenset(
            {
                "missing:settings/domain/list-users",
                "missing:settings/sysadmin/list-users",
                "missing:settings/domain/aliases",
                "search-mixed-kinds",
                "truncate-take",
            }
        )
    )

    async def work(server: Server) -> None:
        w = server.writer()
        for start in range(0, 1200, 100):
            await asyncio.gather(
                *(w.create_alias(DOMAIN, f"a{n:04}", {"to": ("x@else.test",)}) for n in range(start, start + 100))
            )
        current = await server.reader().read_domain(DOMAIN, ReadScope())
        assert len(current.aliases) == 1200 and list(current.mailboxes) == ["boss"]
        assert current.aliases["a1199"].targets == ("x@else.test",)
        assert server.stats.by_endpoint["POST settings/domain/account-list-search"] == 4

    world.run(work)


def test_an_empty_list_with_a_count_of_one_is_rejected(make: Callable[..., World]) -> None:
    world = make(quirks=frozenset({"admin-hidden"}))
    with pytest.raises(IncompleteRead, match=r"list-users.*0 mailboxes.*counts 1"):
        world.run(read)


def test_a_refused_activation_shows_the_servers_message(make: Callable[..., World]) -> None:
    world = make(quirks=frozenset({"eas-flag-off", "seats-403-when-off"}))

    async def work(server: Server) -> None:
        await server.writer().create_mailbox(DOMAIN, "anna", {}, Secret(SECRET))
        with pytest.raises(RefusedByServer, match="Access denied"):
            await server.writer().set_activations(DOMAIN, "eas", {"anna": True})

    world.run(work)
