"""Quirks of the envelope, the endpoints and the lists; and that every quirk, fault and endpoint has a test."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

import pytest

from reconciler.sandbox import FAULTS, QUIRKS, Sandbox, SandboxConfig, UnknownQuirkError
from reconciler.sandbox.routes.table import ROUTES


@lru_cache
def strings() -> frozenset[str]:
    """The string literals of the tests in this folder. A value inside an f-string is `*`."""
    found = set()
    for path in sorted(Path(__file__).parent.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.add("".join(part.value if isinstance(part, ast.Constant) else "*" for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return frozenset(found)


@pytest.mark.parametrize("quirk", QUIRKS)
def test_every_quirk_is_described_with_its_section_and_has_a_test(quirk):
    assert re.match(r"section \d", QUIRKS[quirk])
    assert quirk in strings()


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_a_test(fault):
    assert fault in strings()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.methods} {route.pattern}")
def test_every_endpoint_is_called_by_a_test(route):
    path = re.sub(r"\{[^}]*\}", "*", route.pattern)
    name = route.pattern.removeprefix("settings/domain/").removeprefix("settings/sysadmin/").partition("/{")[0]
    parts = (f"*{path}*", f"*{name.removesuffix('s')}*")
    assert any(fnmatchcase(text, part) for text in strings() for part in parts), route.pattern


def test_an_unknown_quirk_is_refused_by_name(world):
    with pytest.raises(UnknownQuirkError, match="no-such-thing"):
        Sandbox(SandboxConfig(quirks=frozenset({"no-such-thing"})))
    response = world.anon.http.post(
        f"{world.anon.url}/sandbox/quirks", json={"quirks": ["nope"]}, headers={"X-Sandbox": "1"}
    )
    assert response.status_code == 400 and "nope" in response.text


def test_quirks_may_be_set_in_the_configuration_and_added_and_removed(make):
    world = make(quirks=frozenset({"no-message"}))
    assert "message" not in world.sa.read("settings/sysadmin/domains")
    assert world.anon.sandbox("POST", "quirks", {"add": ["no-total-count"], "remove": ["no-message"]})["quirks"] == [
        "no-total-count"
    ]
    assert world.anon.sandbox("GET", "quirks") == {"quirks": ["no-total-count"]}


def test_business_errors_may_come_as_4xx(world):
    world.quirks("business-errors-4xx")
    response = world.da.post("settings/domain/user-put", world.user("anna"))
    assert (response.status_code, response.json()["success"]) == (400, False)
    assert response.json()["message"] == "USER_ADD_ERROR_NAME_IN_USE"


def test_the_error_text_may_be_the_reason_phrase_of_an_empty_answer(world):
    world.quirks("business-errors-4xx", "reason-phrase-errors")
    response = world.da.post("settings/domain/get-user", {"email": "no@example.test"})
    assert (response.status_code, response.reason_phrase, response.content) == (400, "User does not exist.", b"")
    assert world.da.read("settings/domain/data")["success"] is True


def test_quirks_change_the_envelope(world):
    found = world.da.read("settings/domain/data")
    assert (found["success"], found["resultCode"], found["message"], found["debugInfo"]) == (True, 200, "", None)
    world.quirks("no-message")
    assert not {"message", "debugInfo"} & set(world.da.read("settings/domain/data"))
    world.quirks("resultcode-string")
    assert world.da.read("settings/domain/data")["resultCode"] == "OK"
    assert world.da.post("settings/domain/get-user", {"email": "no@x"}).json()["resultCode"] == "BadRequest"
    world.quirks("no-success-on-writes")
    assert "success" not in world.da.post("settings/domain/user-put", world.user("n")).json()
    assert world.da.read("settings/domain/data")["success"] is True


def test_the_binder_is_lenient_unless_it_is_strict(world):
    body = {
        "UserData": {
            "UserName": "p",
            "PASSWORD": world.secret,
            "maxMailboxSize": "5",
            "SecurityFlags": {"IsDisabled": "True"},
        }
    }
    world.da.ok("settings/domain/user-put", body)
    found = world.state()["users"]["p"]["userData"]
    assert (found["maxMailboxSize"], found["securityFlags"]["isDisabled"]) == (5, True)
    world.quirks("strict-binder")
    assert world.da.post("settings/domain/user-put", body).status_code == 400
    strict = world.user("q", maxMailboxSize="5")
    assert world.da.post("settings/domain/user-put", strict).status_code == 400
    world.da.ok("settings/domain/user-put", world.user("q", maxMailboxSize=5))


def test_an_endpoint_spelling_may_be_missing_or_not_allowed(world):
    world.quirks("missing:settings/domain/list-users", "missing:GET settings/domain/user/{email}",
                 "not-allowed:POST settings/domain/get-user")  # fmt: skip
    assert world.da.get("settings/domain/list-users").status_code == 404
    assert world.da.get("settings/domain/user/anna@example.test").status_code == 404
    assert world.da.post("settings/domain/get-user", {"email": "anna@example.test"}).status_code == 405
    assert world.sa.read("settings/sysadmin/list-users/example.test")["userData"]
    world.quirks("no-sysadmin-user-put")
    assert world.sa.post("settings/sysadmin/user-put", {}).status_code == 404
    assert world.sa.post("settings/sysadmin/user-password-put", {}).status_code == 404


def test_rows_of_lists_vary_by_quirk(world):
    def row() -> dict:
        return world.da.read("settings/domain/list-users")["userData"][-1]

    world.quirks("list-rows-without-sizes")
    assert (
        not {"isPrimaryDomainAdmin", "currentMailboxSize", "maxMailboxSize"} & set(row()) and "securityFlags" in row()
    )
    world.quirks("list-rows-without-flags")
    assert "securityFlags" not in row()
    world.quirks("admin-hidden")
    assert [r["userName"] for r in world.da.read("settings/domain/list-users")["userData"]] == ["anna"]
    world.quirks("search-rows-with-seats")
    assert world.da.ok("settings/domain/account-list-search", {})["results"][0]["isActiveSyncEnabled"] is False


def test_a_quirk_makes_rows_unsorted_without_a_sort_field(world):
    for number in range(12):
        world.da.ok("settings/domain/user-put", world.user(f"u{number:02}"))
        world.da.ok("settings/domain/alias-put", {"alias": {"name": f"a{number:02}", "aliasTargetList": []}})

    def names() -> list[str]:
        return [row["userName"] for row in world.da.read("settings/domain/list-users")["userData"]]

    before = names()
    world.quirks("unsorted-rows")
    assert names() != before and sorted(names()) == sorted(before)
    grid = [row["name"] for row in world.da.read("settings/domain/aliases")["gridInfo"]]
    assert grid != sorted(grid)
    found = world.da.ok("settings/domain/account-list-search", {"searchFlags": ["users"], "sortField": "userName"})[
        "results"
    ]
    assert [row["userName"] for row in found] == sorted(before)


def test_searches_may_lack_a_total_truncate_and_mix_kinds(world):
    search = "settings/domain/account-list-search"
    world.da.ok("settings/domain/alias-put", {"alias": {"name": "x", "aliasTargetList": []}})
    world.quirks("search-mixed-kinds")
    assert len(world.da.ok(search, {"searchFlags": ["users"]})["results"]) == 3
    world.quirks("no-total-count", "truncate-take")
    for number in range(1000):
        assert world.da.post("settings/domain/user-put", world.user(f"u{number}")).json()["success"]
    found = world.da.ok(search, {"searchFlags": ["users"], "take": 99999})
    assert len(found["results"]) == 1000 and "totalCount" not in found
    rest = world.da.ok(search, {"searchFlags": ["users"], "skip": 1000, "take": 99999})["results"]
    assert len(rest) == 2


def test_a_search_can_be_limited_to_a_hundred_rows_and_can_ignore_skip(world):
    search = "settings/domain/account-list-search"
    for number in range(120):
        assert world.da.post("settings/domain/user-put", world.user(f"u{number:03}")).json()["success"]
    body = {"searchFlags": ["users"], "take": 1000, "sortField": "userName"}
    assert len(world.da.ok(search, body)["results"]) == 122
    world.quirks("truncate-take-to-100")
    first = world.da.ok(search, body)["results"]
    assert len(first) == 100
    rest = world.da.ok(search, {**body, "skip": 100})["results"]
    assert len(rest) == 22
    world.quirks("skip-ignored")
    assert len(world.da.ok(search, {**body, "skip": 100})["results"]) == 122


def test_domain_settings_may_lack_the_switches(world):
    switches = {"enableActiveSyncAccountManagement", "enableMapiEwsAccountManagement", "enableMailForwarding"}
    before = world.da.read("settings/domain/domain")["domainSettings"]
    assert switches <= set(before)
    world.quirks("settings-without-switches")
    assert set(before) - set(world.da.read("settings/domain/domain")["domainSettings"]) == switches
    system = world.sa.read("settings/sysadmin/domain-settings/example.test")["domainSettings"]
    assert not switches & set(system)
