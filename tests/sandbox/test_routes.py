"""Every endpoint of the table with every kind of token, and with invalid bodies."""

from __future__ import annotations

import re

import pytest

from reconciler.sandbox.routes.table import ROUTES

VALUES = {"domain": "example.test", "email": "anna@example.test", "force": "false", "checkMx": "true", "verifyMx": "true",
          "disable": "false", "allowMail": "true", "size": "1024", "from": "1-1-2026", "to": "1-2-2026", "id": "1",
          "deleteFiles": "false", "wantHtml": "true"}  # fmt: skip
BODIES = [None, b"null", b"[]", b"[1]", b'[{"emailAddress": []}]', b'"text"', b"7", b"{", b"\xff\xfe", b'{"userData": 5, "alias": [], "input": {}}',
          b'{"userData": {"userName": 5, "password": {}}, "alias": {"name": null}, "domainData": {"name": 7}, "take": "x"}',
          b'{"userMailSettings": {"enablePop": "maybe"}, "mailboxForwardList": {"forwardList": 9}, "input": [null]}']  # fmt: skip


def calls() -> list[tuple[str, str, str]]:
    found = []
    for route in ROUTES:
        path = re.sub(r"\{(\w+)[.]*\}", lambda match: VALUES.get(match[1], "anna"), route.pattern)
        found += [(method, path, route.role) for method in route.methods.split()]
    return found


def send(world, api, method: str, path: str, body: bytes | None = None):
    headers = {**api.headers, "content-type": "application/json"}
    return world.anon.http.request(method, f"{world.anon.url}/api/v1/{path}", content=body, headers=headers)


def test_every_endpoint_rejects_a_role_that_is_too_low(world):
    token_free, too_low = 0, 0
    for method, path, role in calls():
        if path == "settings/domain/list-aliases":
            continue  # exists only with a quirk
        if role != "-":
            token_free += 1
            assert send(world, world.anon, method, path).status_code == 401, path
        if role in {"SA", "DA"}:
            too_low += 1
            assert send(world, world.u, method, path).status_code == 403, path
        if role == "SA":
            assert send(world, world.da, method, path).status_code == 403, path
        if role == "DA" and "user-mail/" not in path and "mailbox-forward-list/" not in path:
            assert send(world, world.sa, method, path).json()["success"] is False, path
    assert token_free > 100 and too_low > 90


@pytest.mark.parametrize("context", ["da", "header", "manage"])
def test_no_body_crashes_an_endpoint_and_refusals_change_nothing(world, context, long_run):
    """The sample sends three of the bodies to each endpoint, the long run all."""
    step = 1 if long_run else 4
    api = {"da": world.da, "header": world.sa.with_header("example.test"), "manage": world.sa.manage("example.test")}[
        context
    ]
    before = world.state()
    for number, (method, path, role) in enumerate(calls()):
        is_destructive = any(name in path for name in ("delete", "rename", "dkim", "logout", "temp-pass", "catch-all"))
        if is_destructive or role in {"step", "-"} or (role == "SA" and context != "header"):
            continue
        for body in BODIES[number % step :: step]:
            response = send(world, api, method, path, body)
            assert response.status_code < 500, (path, body, response.text)
    assert set(world.state()["users"]) == set(before["users"])
    assert world.state()["users"]["anna"]["userData"]["fullName"] == "Anna A"


def test_the_login_rejects_invalid_bodies(world):
    for path in (
        "auth/authenticate-user",
        "auth/refresh-token",
        "auth/authenticate-two-factor-code",
        "auth/force-reset-password",
    ):
        for body in BODIES:
            assert send(world, world.da, "POST", path, body).status_code in {400, 401}, (path, body)
