"""Reads for the bill and for the comparison of password policies: values are reported or unknown, never guessed."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from client_world import DOMAIN, World
from odd_server import run

from reconciler.core.errors import RefusedByServer, Unreachable
from reconciler.core.model import UNSET, CurrentDomain
from reconciler.core.password_policy import ServerPasswordPolicy
from reconciler.core.ports import ReadScope
from reconciler.smartermail import Server

BOTH = frozenset({"eas", "mapi"})
FLAGS = {"requireCapital": True, "requireNumber": False, "requireSymbol": True}


def read(world: World, scope: ReadScope) -> CurrentDomain:
    async def work(server: Server) -> CurrentDomain:
        return await server.reader().read_domain(DOMAIN, scope)

    return world.run(work)


async def policy(server: Server) -> ServerPasswordPolicy | None:
    return await server.reader().read_password_policy(DOMAIN)


def told(answer: Any) -> ServerPasswordPolicy | None:
    """The policy of a server with this answer."""
    found: ServerPasswordPolicy | None = run(policy, password_settings=answer)
    return found


def test_activations_for_a_bill_cost_one_request_per_protocol_and_are_read_like_managed_ones(filled: World) -> None:
    plain, billed = read(filled, ReadScope()), read(filled, ReadScope(activations=BOTH))
    assert billed.requests == plain.requests + 2
    assert plain.mailboxes["anna"].eas is UNSET
    assert {n: (m.eas, m.mapi) for n, m in billed.mailboxes.items()} == {
        "anna": (True, False),
        "ben": (False, False),
        "boss": (False, False),
    }
    assert billed == read(filled, ReadScope(eas=True, mapi=True))
    assert read(filled, ReadScope(eas=True, activations=frozenset({"eas"}))).requests == plain.requests + 1


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(403, json={"success": False, "message": "no"}), httpx.Response(404), {"success": True}],
    ids=["refused", "missing", "of another shape"],
)
def test_a_server_without_activation_lists_stops_the_read_only_if_they_are_managed(answer: Any) -> None:
    async def work(server: Server, scope: ReadScope) -> CurrentDomain:
        return await server.reader().read_domain(DOMAIN, scope)

    found = run(lambda s: work(s, ReadScope(activations=frozenset({"eas"}))), active_sync_mailboxes=answer)
    assert found.mailboxes["anna"].eas is UNSET
    with pytest.raises(Exception, match="active-sync-mailboxes"):
        run(lambda s: work(s, ReadScope(eas=True)), active_sync_mailboxes=answer)


def test_both_roles_read_the_password_policy_in_one_request(filled: World) -> None:
    async def as_customer() -> ServerPasswordPolicy | None:
        async with filled.customer() as server:
            return await policy(server)

    served = ServerPasswordPolicy(min_length=5, require_uppercase=False, require_digit=False, require_special=False)
    assert filled.run(policy) == served
    filled.reset()
    assert asyncio.run(as_customer()) == served
    assert filled.requests().count("GET settings/domain/password-settings") == 1


def test_a_policy_that_the_domain_overrides_is_read_as_documented() -> None:
    answer = {"success": True, "overrides": {**FLAGS, "minLength": {"enabled": True, "ruleValue": 12}}}
    assert told(answer) == ServerPasswordPolicy(
        min_length=12, require_uppercase=True, require_digit=False, require_special=True
    )


@pytest.mark.parametrize(
    "length",
    [None, 8, {}, {"enabled": False, "ruleValue": 8}, {"enabled": True}, {"enabled": True, "ruleValue": "8"}, True],
)
def test_an_ambiguous_minimum_length_is_unknown(length: Any) -> None:
    found = told({"success": True, "overrides": {**FLAGS, "minLength": length}})
    assert found is not None and found.min_length is None and found.require_uppercase is True


@pytest.mark.parametrize(
    "answer",
    [
        {"success": True},
        {"success": True, "overrides": None},
        {"success": True, "overrides": []},
        {"success": True, "overrides": {}},
        {"success": True, "overrides": {"requireCapital": "yes", "requireNumber": None}},
        {"success": True, "settings": FLAGS},
        {"success": False, "message": "not yours"},
        httpx.Response(403),
        httpx.Response(404),
        httpx.Response(200, text="<html>"),
    ],
)
def test_a_refused_missing_or_malformed_policy_is_unknown(answer: Any) -> None:
    assert told(answer) is None


def test_an_unreachable_server_is_an_error_and_not_an_unknown_policy() -> None:
    with pytest.raises((Unreachable, RefusedByServer)):
        told(httpx.ConnectError("gone"))
