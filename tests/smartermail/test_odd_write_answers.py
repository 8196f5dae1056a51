"""Single answers to writes, and unusable servers: the outcome of a request is never guessed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from client_world import DOMAIN, settings
from odd_server import URL, run

from reconciler.core.errors import AmbiguousWrite, ReconcilerError, RefusedByServer, UnexpectedAnswer, Unreachable
from reconciler.core.ports import ReadScope
from reconciler.core.secret import Secret
from reconciler.smartermail import Server, connect

SCOPE = ReadScope()

WRITES: dict[str, tuple[Any, type[ReconcilerError]]] = {
    "no success key": ({"resultCode": 200}, AmbiguousWrite),
    "success as null": ({"success": None}, AmbiguousWrite),
    "success as a text": ({"success": "yes"}, AmbiguousWrite),
    "a list": (httpx.Response(200, json=[]), AmbiguousWrite),
    "empty": (httpx.Response(204), AmbiguousWrite),
    "a redirect": (httpx.Response(307, headers={"location": "/elsewhere"}), AmbiguousWrite),
    "a refusal as a text": (httpx.Response(200, json={"success": "False", "message": "no"}), RefusedByServer),
    "a refusal": (httpx.Response(200, json={"success": False, "message": "NAME_IN_USE"}), RefusedByServer),
    "a refusal with a status": (
        httpx.Response(400, json={"success": False, "message": "NAME_IN_USE"}),
        RefusedByServer,
    ),
    "a refusal in the reason phrase": (
        httpx.Response(400, extensions={"reason_phrase": b"Invalid input parameters"}),
        RefusedByServer,
    ),
    "a page of a firewall": (httpx.Response(403, text="<html>"), AmbiguousWrite),
    "an unauthorised session": (httpx.Response(401), AmbiguousWrite),
    "a cut before sending": (httpx.ConnectError("refused"), Unreachable),
    "a cut while sending": (httpx.WriteError("broken pipe"), AmbiguousWrite),
    "a cut before the answer": (httpx.RemoteProtocolError("disconnected"), AmbiguousWrite),
    "no answer in time": (httpx.ReadTimeout("slow"), AmbiguousWrite),
    "a full pool": (httpx.PoolTimeout("full"), Unreachable),
    "an unreadable answer": (httpx.DecodingError("bad"), AmbiguousWrite),
    "nobody there to take it": (httpx.Response(404), UnexpectedAnswer),
}


@pytest.mark.parametrize("case", WRITES)
def test_the_outcome_of_a_write_is_never_guessed(case: str) -> None:
    answer, wanted = WRITES[case]

    async def work(server: Server) -> None:
        with pytest.raises(ReconcilerError) as caught:
            await server.writer().create_alias(DOMAIN, "x", {"to": ()})
        assert isinstance(caught.value, wanted)
        assert isinstance(caught.value, AmbiguousWrite) == (wanted is AmbiguousWrite)
        assert server.stats.writes == 1

    run(work, alias_put=answer)


def test_an_untrusted_certificate_is_reported_and_not_retried() -> None:
    error = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")

    async def work(server: Server) -> None:
        with pytest.raises(Unreachable, match="certificate is not trusted") as caught:
            await server.reader().read_domain(DOMAIN, SCOPE)
        assert "caBundle" in caught.value.hint
        assert server.stats.by_endpoint["GET settings/domain/list-users"] == 1

    run(work, list_users=error)


def test_a_too_long_requested_pause_ends_the_request() -> None:
    busy = httpx.Response(503, headers={"retry-after": "3600"}, text="busy")

    async def work(server: Server) -> None:
        with pytest.raises(Unreachable, match="requests a pause of 3600 s"):
            await server.reader().read_domain(DOMAIN, SCOPE)
        assert server.stats.by_endpoint["GET settings/domain/list-users"] == 1

    run(work, list_users=busy)


@pytest.mark.parametrize("url", ["http://mail1.example.net", "ftp://127.0.0.1", "mail1.example.net", "http://10.0.0.1"])
def test_an_address_without_encryption_is_rejected(url: str) -> None:
    with pytest.raises(Unreachable, match="not an https:// address"):
        connect(settings(url), username="admin", password=Secret("p"))


def test_an_unreadable_ca_bundle_is_named() -> None:
    with pytest.raises(Unreachable, match=r"caBundle /nowhere/ca\.pem"):
        connect(settings(URL, ca_bundle="/nowhere/ca.pem"), username="admin", password=Secret("p"))
