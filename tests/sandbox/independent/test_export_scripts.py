"""Scripts that export, migrate and watch: GIST, GOM, JOE, PYW, PSW, INZ, ART and the smallest ones."""

from __future__ import annotations

import base64
import json
import time
from datetime import datetime
from typing import Any

import page_examples as page
import pytest
from plain_client import Wire, has_shape

DOMAIN = "customer.test"
PASSWORD = "Start-1234"


@pytest.fixture
def wire(server: Any) -> Wire:
    return Wire(server.root)


@pytest.fixture
def token(wire: Wire, server: Any) -> str:
    """A system administrator's token, in a server with one domain."""
    login = wire.post("/api/v1/auth/authenticate-user", {"username": "admin", "password": server.password}).done()
    body = {"domainData": {"name": DOMAIN}, "adminUsername": "boss", "adminPassword": PASSWORD}
    wire.post("/api/v1/settings/sysadmin/domain-put", body, login["accessToken"]).done()
    return str(login["accessToken"])


@pytest.fixture
def boss(wire: Wire, token: str) -> str:
    """A domain administrator's token; `token` has made the domain."""
    assert token
    body = {"username": f"boss@{DOMAIN}", "password": PASSWORD, "clientId": "boss"}
    return str(wire.post("/api/v1/auth/authenticate-user", body).done()["accessToken"])


def user(name: str, **more: Any) -> dict[str, Any]:
    return {"userData": {"userName": name, "password": PASSWORD, "fullName": name.title()}, **more}


def test_the_gist_exports_users_aliases_and_lists_of_all_domains_by_the_header(wire, token):
    own = {"X_SmarterMailDomain": DOMAIN}
    wire.post("/api/v1/settings/domain/user-put", user("anna"), token, **own).done()
    alias = {"alias": {"name": "sales", "displayName": "S", "aliasTargetList": ["anna"]}}
    wire.post("/api/v1/settings/domain/alias-put", alias, token, **own).done()
    wire.post("/api/v1/settings/domain/mailing-lists/add", {"name": "news"}, token, **own).done()
    wire.post("/api/v1/settings/domain/domain-alias-put/alias.test/true", {}, token, **own).done()
    rows = []
    for domain in wire.get("/api/v1/settings/sysadmin/domain-names", token).done()["data"]:
        asked = {"search": "", "searchFlags": ["users", "aliases", "mailingLists"], "skip": 0, "take": 10000,
                 "sortField": "userName", "sortDescending": False}  # fmt: skip
        path = "/api/v1/settings/domain/account-list-search"
        found = wire.post(path, asked, token, X_SmarterMailDomain=domain).done()
        has_shape(found, page.SEARCH)
        assert found["totalCount"] == len(found["results"])
        rows += [(row["userName"], row["accountType"]) for row in found["results"]]
        has_shape(wire.get("/api/v1/settings/domain/domain-aliases", token, **own).done(), page.DOMAIN_ALIASES)
    assert rows == [("anna", 0), ("boss", 1), ("news", 5), ("sales", 4)]


def test_the_migrator_moves_users_and_expires_their_passwords(wire, token):
    own = {"x_smartermaildomain": DOMAIN.upper()}
    exists = "/api/v1/settings/sysadmin/user-exists"
    assert wire.post(exists, {"email": f"anna@{DOMAIN}"}, token).refused() == "User does not exist."
    for name in ("anna", "bert"):
        wire.post("/api/v1/settings/domain/user-put", user(name), token, **own).done()
    assert wire.post(exists, {"email": f"anna@{DOMAIN}"}, token).done()
    found = wire.post("/api/v1/settings/domain/get-user", {"email": f"anna@{DOMAIN}"}, token, **own).done()
    has_shape(found, page.USER)
    body = {"emailAddresses": [f"anna@{DOMAIN}", f"bert@{DOMAIN}"]}
    wire.post("/api/v1/settings/domain/expire-users-passwords", body, token, **own).done()
    for name in ("anna", "bert"):
        data = wire.post("/api/v1/settings/domain/get-user", {"email": f"{name}@{DOMAIN}"}, token, **own).done()
        assert data["userData"]["isPasswordExpired"] is True
    unknown = wire.post("/api/v1/settings/domain/get-user", {"email": f"no@{DOMAIN}"}, token, **own)
    assert unknown.refused() == "User does not exist."
    nowhere = wire.post("/api/v1/settings/domain/get-user", {"email": "a@b.test"}, token, X_SmarterMailDomain="b.test")
    assert nowhere.refused() == "Domain does not exist"


def test_joes_tools_read_all_domains_and_the_forwards_as_the_user(wire, token):
    own = {"X_SmarterMailDomain": DOMAIN}
    forwards = {"forwardList": ["x@other.test"], "keepRecipients": True, "deleteOnForward": False}
    wire.post("/api/v1/settings/domain/user-put", user("anna", forwardList=forwards), token, **own).done()
    names = wire.get("/api/v1/settings/sysadmin/domain-names", token).done()["data"]
    assert names == [DOMAIN]
    usernames = wire.get(f"/api/v1/settings/sysadmin/list-usernames/{DOMAIN}", token).done()["usernames"]
    assert usernames == ["boss", "anna"]
    has_shape(wire.get(f"/api/v1/settings/sysadmin/user/anna@{DOMAIN}", token).done(), page.USER)
    login = wire.post("/api/v1/auth/authenticate-user", {"username": f"anna@{DOMAIN}", "password": PASSWORD}).done()
    again = wire.post("/api/v1/auth/refresh-token", {"token": login["refreshToken"]}).done()
    found = wire.get("/api/v1/settings/mailbox-forward-list", again["accessToken"]).done()
    has_shape(found, page.FORWARD)
    assert found["mailboxForwardList"]["forwardList"] == ["x@other.test"]
    temporary = wire.post(f"/api/v1/auth/generate-temp-pass/anna@{DOMAIN}", {}, token).done()["tempPassword"]
    body = {"username": f"anna@{DOMAIN}", "password": temporary}
    assert wire.post("/api/v1/auth/authenticate-user", body).done()
    wire.post(f"/api/v1/auth/revoke-temp-pass/anna@{DOMAIN}", {}, token).done()
    assert wire.post("/api/v1/auth/authenticate-user", body).status == 401


def test_joes_older_build_has_its_errors_in_the_reason_phrase(wire, token, server):
    server.quirks("reason-phrase-errors", "unknown-user-400", "business-errors-4xx")
    answer = wire.get(f"/api/v1/settings/sysadmin/user/no@{DOMAIN}", token)
    assert (answer.status, answer.reason, answer.raw) == (400, "User not found", b"")
    empty = wire.post("/api/v1/auth/authenticate-user", {"username": "", "password": ""})
    assert (empty.status, empty.reason) == (400, "Username or password is empty")


def test_the_python_package_posts_forms(wire, token, server):
    form = {"username": "admin", "password": server.password}
    login = wire.send("POST", "/api/v1/auth/authenticate-user", form=form).done()
    has_shape(login, page.LOGIN)
    own = login["accessToken"]
    path = "/api/v1/settings/sysadmin/get-user"
    by_form = wire.send("POST", path, form={"email": f"boss@{DOMAIN}"}, token=own).done()
    by_json = wire.post(path, {"email": f"boss@{DOMAIN}"}, own).done()
    has_shape(by_form, page.USER)
    assert by_form["userData"] == by_json["userData"] and by_form["userData"]["roles"]
    admins = wire.get(f"/api/v1/settings/sysadmin/domain-admins/{DOMAIN}", own).done()
    assert admins["domainAdmins"] == [f"boss@{DOMAIN}"]
    has_shape(wire.get(f"/api/v1/settings/sysadmin/domain/{DOMAIN}", own).done(), page.DOMAIN)


def test_the_shell_scripts_make_forward_only_mailboxes_and_find_the_aliases_of_one(wire, boss):
    forwards = {"forwardList": ["x@other.test"], "keepRecipients": False, "deleteOnForward": True}
    settings = {"isEnabled": True, "canReceiveMail": True, "enableMailForwarding": True}
    body = user("anna", forwardList=forwards, userMailSettings=settings)
    wire.post("/api/v1/settings/domain/user-put", body, boss).done()
    found = wire.get(f"/api/v1/settings/domain/mailbox-forward-list/anna@{DOMAIN}", boss).done()["mailboxForwardList"]
    assert found == {**forwards, "spamForwardOption": "None"}
    for name, targets in (("full", [f"anna@{DOMAIN}"]), ("bare", ["anna"]), ("other", ["boss"])):
        wire.post(
            "/api/v1/settings/domain/alias-put", {"alias": {"name": name, "aliasTargetList": targets}}, boss
        ).done()
    for search in (f"anna@{DOMAIN}", f"anna%40{DOMAIN}", "anna", "ANNA"):
        rows = wire.get(f"/api/v1/settings/domain/aliases/{search}", boss).done()["gridInfo"]
        assert [row["name"] for row in rows] == ["full", "bare"], search


def test_the_inbox_tool_works_with_a_path_prefix_and_uses_the_exp_of_the_token(wire, server, token):
    prefixed = Wire(f"{server.root}/webmail")
    body = {"username": "admin", "password": server.password, "clientId": "inbox"}
    answer = prefixed.post("/api/v1/auth/authenticate-user", body)
    assert not 300 <= answer.status < 400
    login = answer.done()
    payload = login["accessToken"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    given = datetime.fromisoformat(login["accessTokenExpiration"]).timestamp()
    assert claims["exp"] == given and 800 < given - time.time() <= 901
    assert 59 < (datetime.fromisoformat(login["refreshTokenExpiration"]).timestamp() - time.time()) / 86400 <= 60
    assert "SysAdmin" in claims["role"] and "CanImpersonate" in claims["role"]
    for path in ("settings/sysadmin/domains", "settings/sysadmin/domains/", "nowhere", "settings/domain/data"):
        assert not 300 <= prefixed.get(f"/api/v1/{path}", login["accessToken"]).status < 400
    assert prefixed.get("/api/v1/settings/sysadmin/domain-names", token).done()["data"] == [DOMAIN]


def test_a_provider_that_guesses_endpoints_gets_404_and_finds_the_renamed_alias_list(wire, boss, token, server):
    wire.post(
        "/api/v1/settings/domain/alias-put", {"alias": {"name": "sales", "aliasTargetList": ["boss"]}}, boss
    ).done()

    def first(*names: str) -> str:
        for name in names:
            answer = wire.get(f"/api/v1/settings/domain/{name}", boss)
            if answer.status == 200:
                has_shape(answer.done(), page.ALIASES)
                return name
            assert (answer.status, answer.raw) == (404, b"")
        raise AssertionError(names)

    assert first("aliases", "alias-list", "list-aliases") == "aliases"
    server.quirks("aliases-moved")
    assert first("aliases", "alias-list", "list-aliases") == "list-aliases"
    unknown = wire.post("/api/v1/settings/sysadmin/get-user", {"email": "a@nowhere.test"}, token)
    assert unknown.refused() == "Domain does not exist"
    listed = wire.get("/api/v1/settings/domain/list-users", token)
    assert "domain was not found" in listed.refused()
    assert wire.get("/Documentation/api").status == 200


def test_the_smallest_clients_find_their_endpoints(wire, boss):
    extra = wire.get("/api/v1/settings/domain/list-users-extra", boss).done()
    has_shape(extra, {"userData": [page.USER["userData"]]})
    body = {"userMailSettings": {"hideFromGAL": True}}
    wire.post(f"/api/v1/settings/domain/user-mail/boss@{DOMAIN}", body, boss).done()
    assert wire.get(f"/api/v1/settings/domain/user-mail/boss@{DOMAIN}", boss).json["userMailSettings"]["hideFromGAL"]
