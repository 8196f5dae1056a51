"""Single answers that no correct server sends: each of them stops the read."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import pytest
from client_world import DOMAIN
from odd_server import ANNA, run

from reconciler.core.errors import (
    IncompleteRead,
    RefusedByServer,
    UnexpectedAnswer,
)
from reconciler.core.model import UNSET, CurrentDomain
from reconciler.core.ports import ReadScope
from reconciler.core.secret import Secret
from reconciler.smartermail import Server

SCOPE = ReadScope()


def read(**answers: Any) -> CurrentDomain:
    found: CurrentDomain = run(lambda s: s.reader().read_domain(DOMAIN, SCOPE), **answers)
    return found


def test_the_unmodified_answers_are_valid() -> None:
    current = read()
    assert current.aliases["sales"].targets == (f"anna@{DOMAIN}",)
    assert current.mailboxes["anna"].facts.is_primary_admin, "the domain's settings name her"


def users(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"userData": list(rows), "success": True, **more}


def aliases(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"gridInfo": list(rows), "success": True, **more}


SALES = {"name": "sales", "targets": []}

INCOMPLETE: dict[str, dict[str, Any]] = {
    "a mailbox twice": {"list_users": users(ANNA, {**ANNA, "userName": "ANNA"})},
    "an alias twice": {"aliases": aliases(SALES, SALES)},
    "a row of another domain": {"list_users": users(ANNA, {**ANNA, "userName": "x", "emailAddress": "x@other.test"})},
    "a name of another domain": {"aliases": aliases({"name": "sales@other.test", "targets": []})},
    "a domain alias of another domain": {
        "domain_aliases": {"domainAliasData": [{"name": "x.test", "domainName": "other.test"}], "success": True}
    },
    "an alias among the mailboxes": {"list_users": users(ANNA, {**ANNA, "userName": "sales", "emailAddress": ""})},
    "a row of another kind": {"list_users": users({**ANNA, "accountType": 4})},
    "a mailing list among the aliases": {"aliases": aliases({**SALES, "accountType": 5})},
    "fewer mailboxes than counted": {
        "data": {"domainData": {"name": DOMAIN, "userCount": 2, "aliasCount": 1}, "success": True}
    },
    "no mailboxes and no count": {
        "list_users": users(),
        "data": {"domainData": {"name": DOMAIN}, "success": True},
        "domain": {"domainSettings": {}, "success": True},
    },
    "fewer aliases than counted": {"aliases": aliases()},
    "fewer aliases than counted, as null": {"aliases": {"gridInfo": None, "success": True}},
    "fewer domain aliases than counted": {
        "data": {
            "domainData": {"name": DOMAIN, "userCount": 1, "aliasCount": 1, "domainAliasCount": 1},
            "success": True,
        }
    },
    "a page of a longer list": {"list_users": users(ANNA, totalCount=500)},
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_incomplete_rows_stop_the_domain(case: str) -> None:
    with pytest.raises(IncompleteRead) as caught:
        read(**INCOMPLETE[case])
    assert caught.value.message.startswith("mail1: GET settings/domain/")
    assert caught.value.hint


BOMB = httpx.Response(200, content=gzip.compress(b" " * 5_000_000), headers={"content-encoding": "gzip"})

UNEXPECTED: dict[str, Any] = {
    "a redirect": httpx.Response(302, headers={"location": "https://evil.test/api"}),
    "a page": httpx.Response(200, text="<html>maintenance</html>", headers={"content-type": "application/json"}),
    "a list": httpx.Response(200, json=[ANNA]),
    "nothing": httpx.Response(200),
    "half of it": httpx.Response(200, content=b'{"userData": ['),
    "a deep nest": httpx.Response(200, content=b"[" * 100_000),
    "broken compression": httpx.Response(
        200, stream=httpx.ByteStream(b"no gzip"), headers={"content-encoding": "gzip"}
    ),
    "not UTF-8": httpx.Response(200, content=b'{"success": true, "userData": [{"userName": "\xff"}]}'),
    "an informal status": httpx.Response(299, json={"success": True}),
    "a page for a refusal": httpx.Response(403, text="<html>firewall</html>"),
    "no list": {"success": True},
    "null where the list must be": {"userData": None, "success": True},
    "a text for the list": {"userData": "anna", "success": True},
    "rows of texts": {"userData": ["anna"], "success": True},
    "a row without a name": users({"fullName": "Anna"}),
    "a number for the name to show": users({**ANNA, "fullName": 7}),
    "a text for the quota": users({**ANNA, "maxMailboxSize": "0"}),
    "a text for a flag": users({**ANNA, "securityFlags": {"isDisabled": "False", "isDomainAdmin": False}}),
}


@pytest.mark.parametrize("case", UNEXPECTED)
def test_an_answer_outside_the_api_stops_the_domain(case: str) -> None:
    with pytest.raises(UnexpectedAnswer) as caught:
        read(list_users=UNEXPECTED[case])
    assert type(caught.value) is UnexpectedAnswer
    assert "list-users" in caught.value.message
    assert len(caught.value.message) < 600


def test_a_too_large_answer_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.smartermail.transport import session

    monkeypatch.setattr(session, "MAX_BODY", 1 << 20)
    with pytest.raises(UnexpectedAnswer, match="larger than 1 MiB"):
        read(list_users=BOMB)


def test_the_answer_of_another_domain_is_rejected() -> None:
    other = {"domainData": {"name": "other.test", "userCount": 1, "aliasCount": 1}, "success": True}
    with pytest.raises(UnexpectedAnswer, match=r"answered for other\.test"):
        read(data=other)

    async def write(server: Server) -> None:
        with pytest.raises(UnexpectedAnswer, match="nothing was read or written"):
            await server.writer().create_alias(DOMAIN, "x", {"to": ()})
        assert server.stats.writes == 0

    run(write, data=other)


def test_names_are_compared_in_canonical_form() -> None:
    data = {"domainData": {"name": "EXAMPLE.test.", "userCount": 1, "aliasCount": 1}, "success": True}
    row = {**ANNA, "userName": "Anna@Example.TEST", "emailAddress": "ANNA@EXAMPLE.TEST"}
    current = read(data=data, list_users=users(row))
    assert list(current.mailboxes) == ["anna"]


def test_targets_that_are_not_addresses_are_kept_in_lower_case() -> None:
    row = {"name": "sales", "targets": ["Not An Address", "X@MÜNCHEN.example", "anna", "ANNA@example.test", "a@b@c"]}
    assert read(aliases=aliases(row)).aliases["sales"].targets == (
        "a@b@c",
        f"anna@{DOMAIN}",
        "not an address",
        "x@xn--mnchen-3ya.example",
    )


def test_a_value_in_no_answer_stays_unset_and_a_possible_administrator_is_protected() -> None:
    bare = {"userName": "anna"}
    single = {"userData": {"userName": "anna", "maxMailboxSize": None}, "success": True}
    current = read(list_users=users(bare), get_user=single, domain={"domainSettings": {}, "success": True})
    anna = current.mailboxes["anna"]
    assert (anna.quota, anna.enabled, anna.display_name) == (UNSET, UNSET, UNSET)
    assert anna.facts.is_admin, "no answer shows that she is not"
    assert not anna.facts.is_primary_admin
    assert current.dkim is None and current.limits.eas_enabled is None


def test_year_one_means_never_and_null_names_are_empty() -> None:
    row = {**ANNA, "lastLoginTime": "0001-01-01T00:00:00", "fullName": None, "currentMailboxSize": 12}
    anna = read(list_users=users(row)).mailboxes["anna"]
    assert (anna.facts.last_login, anna.display_name, anna.facts.usage_bytes) == (None, "", 12)
    row["lastLoginTime"] = "2026-11-01T10:00:00.1234567Z"
    assert read(list_users=users(row)).mailboxes["anna"].facts.last_login == "2026-11-01T10:00:00Z"


def test_malicious_text_of_a_server_becomes_one_harmless_line() -> None:
    text = "no\r\n\x1b[31mp4ss-of-admin t0ken-of-domain eyJhbGciOi.eyJzdWIiOi.c2ln \u202eevil " + "x" * 5000
    with pytest.raises(RefusedByServer) as caught:
        read(aliases={"success": False, "message": text, "debugInfo": "at Secret.Stack()"})
    message = caught.value.message
    assert message.isprintable() and len(message) < 500
    for secret in ("p4ss-of-admin", "t0ken", "eyJ", "Stack"):
        assert secret not in message
    assert "[31m*** *** *** evil xxx" in message


def test_a_password_in_the_servers_message_is_removed() -> None:
    answer = {"success": False, "message": "Password 'N3w-Canary' is too common"}

    async def work(server: Server) -> None:
        with pytest.raises(RefusedByServer) as caught:
            await server.writer().create_mailbox(DOMAIN, "bob", {}, Secret("N3w-Canary"))
        assert "Password '***' is too common" in caught.value.message

    run(work, user_put=answer)
