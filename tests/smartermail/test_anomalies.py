"""Invalid answers at every endpoint: reads and writes detect them and name the request.

test_odd_answers.py tests single rows and values, test_faults.py the failures of networks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from client_world import DOMAIN, PASSWORD, settings
from odd_server import ANNA, run

from reconciler.core.errors import AmbiguousWrite, IncompleteRead, ReconcilerError, RefusedByServer, UnexpectedAnswer
from reconciler.core.ports import ReadScope
from reconciler.core.secret import Secret
from reconciler.smartermail import Server, connect

LOOPBACK = "http://127.0.0.1:9"
EVERYTHING = ReadScope(forwarding=frozenset({"anna"}), alias_flags=frozenset({"sales"}), eas=True, mapi=True)
BEN = {**ANNA, "userName": "ben", "emailAddress": f"ben@{DOMAIN}"}
SALES = {"name": "sales", "aliasTargetList": ["anna"]}
FORWARD = {"forwardList": [], "deleteOnForward": False}

GOOD: dict[str, Any] = {
    "data": {"domainData": {"name": DOMAIN, "userCount": 2, "aliasCount": 1}, "success": True},
    "list_users": {"userData": [ANNA, BEN], "success": True},
    "get_user": {"userData": BEN, "success": True},
    "get_user_mail": {"userMailSettings": {"enableMailForwarding": False}, "success": True},
    "get_mailbox_forward_list": {"mailboxForwardList": FORWARD, "success": True},
    "alias/sales": {"alias": SALES, "success": True},
    "domain/alias/sales": {"alias": SALES, "success": True},
    "active_sync_mailboxes": {"activeSyncAccounts": [], "success": True},
    "mapi_ews_mailboxes": {"mapiEwsAccounts": [], "success": True},
    "sysadmin/domains": {"data": [{"name": DOMAIN}], "success": True},
    "sysadmin/domain-names": {"data": [DOMAIN], "success": True},
    f"sysadmin/domain/{DOMAIN}": {"domainData": {"name": DOMAIN}, "success": True},
    **{
        name: {"success": True}
        for name in (
            *("user_put", "post_user", "domain/users-disable/true/true", "post_mailbox_forward_list"),
            *("post_user_mail", "users_delete", "domain/rename-user/ben/carl", "domain/alias", "domain/alias-delete/x"),
            *("domain/domain-alias-put/x.test/false", "domain/domain-alias-delete/x.test"),
            *("active_sync_mailboxes_patch", "mapi_ews_mailboxes_patch"),
        )
    },
}
"""Canned answers of a correct server, of which each test replaces one."""

Work = Callable[[Server], Awaitable[object]]


def domain(server: Server) -> Awaitable[object]:
    return server.reader().read_domain(DOMAIN, EVERYTHING)


READS: dict[str, Work] = {
    "list_users": domain,
    "aliases": domain,
    "domain_aliases": domain,
    "data": domain,
    "domain": domain,
    "active_sync_mailboxes": domain,
    "mapi_ews_mailboxes": domain,
    "get_mailbox_forward_list": domain,
    "domain/alias/sales": domain,
    "get_user": lambda s: s.reader().read_mailbox(DOMAIN, "ben"),
    "sysadmin/domains": lambda s: s.list_domains(),
    "sysadmin/domain-names": lambda s: s.list_domains(),
    f"sysadmin/manage-domain/{DOMAIN}": domain,
}

WRITES: dict[str, Work] = {
    "user_put": lambda s: s.writer().create_mailbox(DOMAIN, "new", {}, Secret("N3w-password")),
    "post_user": lambda s: s.writer().update_mailbox(DOMAIN, "ben", {"quota": 5}, None),
    "domain/users-disable/true/true": lambda s: s.writer().update_mailbox(DOMAIN, "ben", {"enabled": False}, None),
    "post_mailbox_forward_list": lambda s: s.writer().update_mailbox(
        DOMAIN, "ben", {"forwarding.to": ("x@y.z",)}, None
    ),
    "post_user_mail": lambda s: s.writer().update_mailbox(DOMAIN, "ben", {"forwarding.to": ("x@y.z",)}, None),
    "users_delete": lambda s: s.writer().delete_mailbox(DOMAIN, "ben"),
    "domain/rename-user/ben/carl": lambda s: s.writer().rename_mailbox(DOMAIN, "ben", "carl"),
    "alias_put": lambda s: s.writer().create_alias(DOMAIN, "x", {"to": ()}),
    "domain/alias": lambda s: s.writer().update_alias(DOMAIN, "sales", {"to": ("ben",)}),
    "domain/alias-delete/x": lambda s: s.writer().delete_alias(DOMAIN, "x"),
    "domain/domain-alias-put/x.test/false": lambda s: s.writer().create_domain_alias(DOMAIN, "x.test"),
    "domain/domain-alias-delete/x.test": lambda s: s.writer().delete_domain_alias(DOMAIN, "x.test"),
    "active_sync_mailboxes_patch": lambda s: s.writer().set_activations(DOMAIN, "eas", {"ben": True}),
    "mapi_ews_mailboxes_patch": lambda s: s.writer().set_activations(DOMAIN, "mapi", {"ben": True}),
}

ANSWERS: dict[str, tuple[Callable[[], httpx.Response], type[ReconcilerError], type[ReconcilerError]]] = {
    "success false with 200": (
        lambda: httpx.Response(200, json={"success": False, "message": "No"}),
        RefusedByServer,
        RefusedByServer,
    ),
    "a page with 200": (lambda: httpx.Response(200, text="<html>login</html>"), UnexpectedAnswer, AmbiguousWrite),
    "a redirect": (
        lambda: httpx.Response(302, headers={"location": "https://evil.test/"}),
        UnexpectedAnswer,
        AmbiguousWrite,
    ),
    "half of it": (lambda: httpx.Response(200, content=b'{"success": tr'), UnexpectedAnswer, AmbiguousWrite),
    "a list": (lambda: httpx.Response(200, json=[]), UnexpectedAnswer, AmbiguousWrite),
    "a text": (lambda: httpx.Response(200, json="yes"), UnexpectedAnswer, AmbiguousWrite),
    "nothing": (lambda: httpx.Response(200), UnexpectedAnswer, AmbiguousWrite),
    "nothing of what it is about": (
        lambda: httpx.Response(200, json={"resultCode": 200}),
        UnexpectedAnswer,
        AmbiguousWrite,
    ),
}
"""The answer, and the exceptions that it causes in a read and in a write."""


def part(name: str) -> str:
    """The part of the request's path that the message must contain."""
    return name.partition("/")[2].split("/")[0] if "/" in name else name.replace("_", "-")


async def failing(server: Server, work: Work) -> ReconcilerError:
    try:
        await work(server)
    except ReconcilerError as e:
        return e
    raise AssertionError("it was believed")


@pytest.mark.parametrize("name", READS)
def test_a_read_rejects_every_invalid_answer(name: str) -> None:
    may_forward = {"userMailSettings": {"enableMailForwarding": True}, "success": True}
    good = {**GOOD, "get_user_mail": may_forward}  # else a list that is refused is one that is not in effect
    run(READS[name], LOOPBACK, **good)
    for what, (answer, wanted, _) in ANSWERS.items():
        if (name, what) == ("domain", "nothing of what it is about"):
            answer = lambda: httpx.Response(200, json={"domainSettings": 5, "success": True})  # noqa: E731

        async def work(server: Server, wanted: type = wanted, what: str = what) -> None:
            error = await failing(server, READS[name])
            assert type(error) is wanted, (what, error)
            assert part(name) in error.message and error.message.startswith("mail1: "), (what, error.message)
            assert DOMAIN in error.message or "sysadmin" in error.message
            assert server.stats.writes == 0

        run(work, LOOPBACK, **{**good, name: answer()})


@pytest.mark.parametrize("name", WRITES)
def test_a_write_rejects_every_invalid_answer_and_is_not_sent_again_or_to_another_path(name: str) -> None:
    run(WRITES[name], LOOPBACK, **GOOD)
    for what, (answer, _, wanted) in ANSWERS.items():

        async def work(server: Server, wanted: type = wanted, what: str = what) -> None:
            error = await failing(server, WRITES[name])
            assert type(error) is wanted, (what, error)
            assert part(name) in error.message and error.message.startswith("mail1: POST settings/"), what
            assert DOMAIN in error.message and error.hint
            sent = {path: n for path, n in server.stats.by_endpoint.items() if part(name) in path}
            assert set(sent.values()) == {1}
            before_it = {"post_user_mail": 1}.get(name, 0)  # the forward list is written first
            assert server.stats.writes == 1 + before_it, what

        run(work, LOOPBACK, **{**GOOD, name: answer()})


OTHER_OBJECTS: dict[str, tuple[dict[str, Any], Work, type[ReconcilerError]]] = {
    "a read of a mailbox, answered with another one": (
        {"get_user": {"userData": ANNA, "success": True}},
        lambda s: s.reader().read_mailbox(DOMAIN, "ben"),
        UnexpectedAnswer,
    ),
    "a read of a mailbox, answered with one of another domain": (
        {"get_user": {"userData": {**BEN, "emailAddress": "ben@other.test"}, "success": True}},
        lambda s: s.reader().read_mailbox(DOMAIN, "ben"),
        IncompleteRead,
    ),
    "an update of a mailbox that would modify another one": (
        {"get_user": {"userData": ANNA, "success": True}},
        lambda s: s.writer().update_mailbox(DOMAIN, "ben", {"quota": 5}, None),
        UnexpectedAnswer,
    ),
    "an update of a mailbox that would modify one of another domain": (
        {"get_user": {"userData": {**BEN, "emailAddress": "ben@other.test"}, "success": True}},
        lambda s: s.writer().update_mailbox(DOMAIN, "ben", {"quota": 5}, None),
        IncompleteRead,
    ),
    "a deletion of a mailbox, answered with another one": (
        {"get_user": {"userData": ANNA, "success": True}},
        lambda s: s.writer().delete_mailbox(DOMAIN, "ben"),
        UnexpectedAnswer,
    ),
    "a read of an alias, answered with another one": (
        {"domain/alias/sales": {"alias": {**SALES, "name": "info"}, "success": True}},
        lambda s: s.reader().read_alias(DOMAIN, "sales"),
        UnexpectedAnswer,
    ),
    "an update of an alias that would modify another one": (
        {"domain/alias/sales": {"alias": {**SALES, "name": "info"}, "success": True}},
        lambda s: s.writer().update_alias(DOMAIN, "sales", {"hideFromGal": True}),
        UnexpectedAnswer,
    ),
    "activations of another domain": (
        {"active_sync_mailboxes": {"activeSyncAccounts": [{"emailAddress": "ben@other.test"}], "success": True}},
        domain,
        IncompleteRead,
    ),
    "a session of another domain": (
        {"data": {"domainData": {"name": "other.test", "userCount": 2}, "success": True}},
        lambda s: s.writer().delete_alias(DOMAIN, "x"),
        UnexpectedAnswer,
    ),
}


@pytest.mark.parametrize("case", OTHER_OBJECTS)
def test_objects_of_another_domain_or_mailbox_are_neither_used_nor_modified(case: str) -> None:
    answers, asked, wanted = OTHER_OBJECTS[case]

    async def work(server: Server) -> None:
        error = await failing(server, asked)
        assert type(error) is wanted, error
        assert error.message.startswith("mail1: ") and DOMAIN in error.message
        assert server.stats.writes == 0

    run(work, LOOPBACK, **{**GOOD, **answers})


class Listener:
    """An HTTP server that gives one answer to all requests to a path, and success with a token to all others."""

    def __init__(self, path: str, answer: bytes) -> None:
        self._path, self._answer = path, answer
        self.heard: list[bytes] = []

    async def __aenter__(self) -> Listener:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heard.append(head)
        body = (
            b'{"success": true, "accessToken": "t0ken", "refreshToken": "r3fresh", "isAdmin": true, '
            b'"impersonateAccessToken": "t0ken2", "domainData": {"name": "%s"}}' % DOMAIN.encode()
        )
        good = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        writer.write(self._answer if self._path.encode() in head.split(b"\r\n")[0] else good)
        await writer.drain()
        writer.close()


@pytest.mark.parametrize("status", [302, 308])
@pytest.mark.parametrize("path", ["auth/authenticate-user", "manage-domain", "domain-aliases", "alias-put"])
def test_a_redirect_is_not_followed_and_the_other_server_gets_no_request(path: str, status: int) -> None:
    async def main() -> tuple[ReconcilerError, list[bytes], list[bytes]]:
        async with Listener("", b"") as other:
            answer = b"HTTP/1.1 %d Moved\r\nlocation: %s/api/v1/x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            async with Listener(path, answer % (status, other.url.encode())) as first:
                server = connect(settings(first.url), username="admin", password=Secret(PASSWORD))
                async with server:
                    read: Work = lambda s: s.reader().read_domain_aliases(DOMAIN)  # noqa: E731
                    error = await failing(server, WRITES["alias_put"] if path == "alias-put" else read)
                    return error, first.heard, other.heard

    error, heard, elsewhere = asyncio.run(main())
    assert elsewhere == [], "neither password nor token went there"
    assert f"redirect ({status})" in error.message and path in error.message
    assert isinstance(error, AmbiguousWrite if path == "alias-put" else UnexpectedAnswer)
    assert sum(path.encode() in head.split(b"\r\n")[0] for head in heard) == 1
