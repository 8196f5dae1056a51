"""The PHP modules of hosting panels: AstralInternet's for WHMCS (AST), SmarterWgsMail (WGS), Upmind and ERP."""

from __future__ import annotations

from typing import Any

import page_examples as page
import pytest
from plain_client import Answer, Wire, has_shape

DOMAIN = "customer.test"


class Astral:
    """AST: a system administrator's token, then a manage-domain token for everything below settings/domain."""

    def __init__(self, root: str) -> None:
        self.wire = Wire(root)
        self.system = self.domain = ""

    def login(self, username: str, password: str) -> dict[str, Any]:
        answer = self.call("POST", "auth/authenticate-user", {"username": username, "password": password}).done()
        self.system = answer["accessToken"]
        return answer

    def manage(self, domain: str) -> dict[str, Any]:
        answer = self.call("POST", f"settings/sysadmin/manage-domain/{domain}", {}, self.system).done()
        self.domain = answer["impersonateAccessToken"]
        return answer

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> Answer:
        """Every POST has a body and a length; every answer is asked for as JSON."""
        if method == "GET":
            return self.wire.get(f"/api/v1/{path}", token, Accept="application/json")
        sent = {} if body is None else body
        return self.wire.post(f"/api/v1/{path}", sent, token, Accept="application/json")

    def own(self, path: str, body: Any = None) -> dict[str, Any]:
        return self.call("POST", f"settings/domain/{path}", body, self.domain).done()

    def read(self, path: str) -> dict[str, Any]:
        return self.call("GET", f"settings/domain/{path}", None, self.domain).done()

    def create_domain(self, name: str, **data: Any) -> None:
        body = {
            "adminUsername": "postmaster-admin",
            "adminPassword": "Start-1234",
            "deliverLocallyForExternalDomain": False,
            "domainLocation": 0,
            "domainLocationAddress": "",
            "domainData": {
                "name": name, "path": f"C:\\SmarterMail\\Domains\\{name}", "hostname": f"mail.{name}", "isEnabled": True,
                "userLimit": 5, "aliasLimit": 4, "listLimit": 0, "domainAliasCount": 2, "maxSize": 10 * 1024**3,
                "isSplitDomain": False, **data,
            },
        }  # fmt: skip
        has_shape(self.call("POST", "settings/sysadmin/domain-put", body, self.system).done(), page.ENVELOPE)


@pytest.fixture
def ast(server: Any) -> Astral:
    client = Astral(server.root)
    login = client.login(server.username, server.password)
    has_shape(login, page.LOGIN)
    assert (login["isAdmin"], login["username"], login["emailAddress"]) == (True, "admin", "")
    client.create_domain(DOMAIN)
    found = client.manage(DOMAIN)
    has_shape(found, page.IMPERSONATION)
    assert (found["username"], found["email"]) == ("postmaster-admin", f"postmaster-admin@{DOMAIN}")
    return client


def user(name: str, **data: Any) -> dict[str, Any]:
    return {"userData": {"userName": name, "password": "Passw0rd-x", "fullName": name.title(), **data}}


def test_astral_creates_reads_suspends_and_deletes_a_domain(ast):
    domain = f"settings/sysadmin/domain/{DOMAIN}"
    has_shape(ast.call("GET", domain, None, ast.system).done(), page.DOMAIN)
    found = ast.call("GET", domain, None, ast.system).json["domainData"]
    assert (found["name"], found["hostname"], found["userLimit"], found["aliasLimit"], found["maxSize"]) == (
        DOMAIN, f"mail.{DOMAIN}", 5, 4, 10 * 1024**3,
    )  # fmt: skip
    path = f"settings/sysadmin/domain-settings/{DOMAIN}"
    settings = ast.call("GET", path, None, ast.system).done()
    has_shape(settings, page.DOMAIN_SETTINGS)
    assert settings["domainSettings"]["maxDomainAliases"] == 2
    merged = {**settings["domainSettings"], "isEnabled": False, "userLimit": 9}
    ast.call("POST", path, {"domainSettings": merged}, ast.system).done()
    after = ast.call("GET", path, None, ast.system).json["domainSettings"]
    assert after == {**settings["domainSettings"], "isEnabled": False, "maxUsers": 9}
    ast.call("POST", path, {"domainSettings": {"isEnabled": True}}, ast.system).done()
    assert ast.call("GET", path, None, ast.system).json["domainSettings"] == {**after, "isEnabled": True}
    assert ast.call("POST", f"settings/sysadmin/domain-delete/{DOMAIN}/true", {}, ast.system).done()
    assert ast.call("POST", f"settings/sysadmin/domain-delete/{DOMAIN}/true", {}, ast.system).status == 404
    assert ast.call("GET", domain, None, ast.system).status == 404


def test_astral_recognizes_a_name_in_use_by_its_code(ast):
    body = {"adminUsername": "a", "adminPassword": "Start-1234", "domainData": {"name": DOMAIN.upper()}}
    message = ast.call("POST", "settings/sysadmin/domain-put", body, ast.system).refused()
    assert "NAME_IN_USE" in message and message == "DOMAIN_ADD_ERROR_NAME_IN_USE"
    ast.own("user-put", user("anna"))
    put = "settings/domain/user-put"
    assert ast.call("POST", put, user("Anna"), ast.domain).refused() == "USER_ADD_ERROR_NAME_IN_USE"
    assert ast.call("POST", put, user("a b"), ast.domain).refused() == "USER_ADD_ERROR_INVALID_NAME"
    short = user("short", password="abc")
    assert ast.call("POST", put, short, ast.domain).refused() == "USER_ADD_ERROR_PASSWORD_TOO_SHORT"


def test_astral_lists_mailboxes_with_take_99999_and_with_the_quick_search(ast):
    ast.own("user-put", user("anna", maxMailboxSize=1073741824))
    ast.own("user-put", user("bert", securityFlags={"authType": 0, "authenticatingWindowsDomain": None,
                                                    "isDomainAdmin": False, "isDisabled": True}))  # fmt: skip
    asked = {"search": "", "searchFlags": ["users"], "skip": 0, "take": 99999, "sortField": "userName",
             "sortDescending": False}  # fmt: skip
    found = ast.own("account-list-search", asked)
    has_shape(found, page.SEARCH)
    rows = {row["userName"]: row for row in found["results"]}
    assert list(rows) == ["anna", "bert", "postmaster-admin"]
    assert [row["accountType"] for row in rows.values()] == [0, 0, 1]
    assert [row["isEnabled"] for row in rows.values()] == [True, False, True]
    assert rows["anna"]["displayName"] == "Anna" and rows["anna"]["emailAddress"] == f"anna@{DOMAIN}"
    quick = ast.own("account-search-quick", asked)
    has_shape(quick, page.QUICK)
    shown = [(row["userName"], row["bytesAllowed"], row["status"]) for row in quick["users"]]
    assert shown == [
        ("anna", 1073741824, "Enabled"), ("bert", None, "Disabled"), ("postmaster-admin", None, "Enabled"),
    ]  # fmt: skip


def test_astral_reads_a_user_changes_parts_of_it_and_keeps_the_rest(ast, server):
    ast.own("user-put", user("anna", maxMailboxSize=1000, description="d"))
    has_shape(ast.own("get-user", {"email": f"anna@{DOMAIN}"}), page.USER)
    ast.own("post-user", {"email": f"anna@{DOMAIN}", "userData": {"fullName": "Anna Ünïcode 🐦"}})
    ast.own("post-user", {"email": f"anna@{DOMAIN}", "userData": {"maxMailboxSize": 0}})
    ast.own("post-user", {"email": f"anna@{DOMAIN}", "userData": {"password": "Second-1234"}})
    found = ast.own("get-user", {"email": f"anna@{DOMAIN}"})["userData"]
    assert (found["fullName"], found["maxMailboxSize"], found["description"]) == ("Anna Ünïcode 🐦", 0, "d")
    assert "password" not in found
    client = Astral(server.root)
    assert client.login(f"anna@{DOMAIN}", "Second-1234")["isDomainAdmin"] is False
    mail = ast.own("get-user-mail", {"email": f"anna@{DOMAIN}"})
    has_shape(mail, page.USER_MAIL)
    mail["userMailSettings"]["enablePop"] = False
    ast.own("post-user-mail", {"email": f"anna@{DOMAIN}", "userMailSettings": mail["userMailSettings"]})
    assert ast.own("get-user-mail", {"email": f"anna@{DOMAIN}"})["userMailSettings"] == mail["userMailSettings"]
    unknown = ast.call("POST", "settings/domain/get-user", {"email": f"no@{DOMAIN}"}, ast.domain)
    assert unknown.refused() == "User does not exist."


def test_astral_sets_and_clears_forwards(ast):
    email = {"email": f"anna@{DOMAIN}"}
    ast.own("user-put", user("anna"))
    has_shape(ast.own("get-mailbox-forward-list", email), page.FORWARD)
    wanted = {"forwardList": ["x@other.test", "y@other.test"], "keepRecipients": False, "deleteOnForward": True,
              "spamForwardOption": "MoveToJunk"}  # fmt: skip
    ast.own("post-mailbox-forward-list", {**email, "mailboxForwardList": wanted})
    assert ast.own("get-mailbox-forward-list", email)["mailboxForwardList"] == wanted
    ast.own("post-mailbox-forward-list", {**email, "mailboxForwardList": {**wanted, "forwardList": []}})
    assert ast.own("get-mailbox-forward-list", email)["mailboxForwardList"]["forwardList"] == []


def test_astral_writes_aliases_with_a_trailing_slash_and_renames_by_old_name(ast):
    ast.own("user-put", user("anna"))
    alias = {
        "name": "sales", "displayName": "Sales", "aliasTargetList": ["anna", "x@other.test"], "allowSending": True,
        "hideFromGAL": False, "internalOnly": False, "includeAllDomainUsers": False, "enableForXmpp": False,
    }  # fmt: skip
    ast.own("alias-put/", {"alias": alias})
    found = ast.read("alias/sales")
    has_shape(found, page.ALIAS)
    assert found["alias"] == {**alias, "description": "", "isEnabled": True}
    changed = {**alias, "name": "shop", "aliasTargetList": ["anna"], "allowSending": False}
    ast.own("alias/", {"oldName": "sales", "alias": changed})
    assert ast.read("alias/shop")["alias"] == {**changed, "description": "", "isEnabled": True}
    gone = ast.call("GET", "settings/domain/alias/sales", None, ast.domain)
    assert "not exist" in gone.refused()
    rows = ast.own("account-list-search", {"search": "", "searchFlags": ["aliases"], "skip": 0, "take": 99999})
    assert [(row["userName"], row["accountType"]) for row in rows["results"]] == [("shop", 4)]
    taken = ast.call("POST", "settings/domain/alias-put/", {"alias": {**alias, "name": "ANNA"}}, ast.domain)
    assert taken.refused() == "USER_ADD_ERROR_NAME_IN_USE"


def test_astral_deletes_any_account_by_name_and_finds_the_aliases_it_left_behind(ast):
    ast.own("user-put", user("anna"))
    for name in ("sales", "info"):
        ast.own("alias-put/", {"alias": {"name": name, "aliasTargetList": [f"anna@{DOMAIN}"]}})
    ast.own("account-list-delete", {"input": ["anna", "info"]})
    assert ast.read("alias/sales")["alias"]["aliasTargetList"] == [f"anna@{DOMAIN}"]
    again = ast.call("POST", "settings/domain/account-list-delete", {"input": ["anna"]}, ast.domain)
    assert "not exist" in again.refused()
    ast.own("alias-delete/sales")
    assert ast.read("aliases")["gridInfo"] is None


def test_astral_adds_domain_aliases_with_and_without_the_mx_check(ast, server):
    assert ast.read("domain-aliases")["domainAliasData"] is None
    put = "settings/domain/domain-alias-put"
    assert ast.call("POST", f"{put}/wrong.test/true", {}, ast.domain).refused() == "MX record does not match"
    ast.own("domain-alias-put/wrong.test/false")
    ast.own("domain-alias-put/alias.test/true")
    found = ast.read("domain-aliases")
    has_shape(found, page.DOMAIN_ALIASES)
    assert [row["name"] for row in found["domainAliasData"]] == ["wrong.test", "alias.test"]
    third = ast.call("POST", f"{put}/third.test/false", {}, ast.domain)
    assert third.refused(), "domainAliasCount of domain-put is the limit"
    ast.own("domain-alias-delete/wrong.test")
    raw = ast.call("POST", f"{put}/third.test/false", {}, ast.system)
    assert raw.refused() == "Domain does not exist"
    direct = Astral(server.root)
    direct.login(f"postmaster-admin@{DOMAIN}", "Start-1234")
    held = direct.call("POST", f"{put}/wrong.test/false", {}, direct.system)
    assert held.refused() == "MX record does not match"


def test_astral_makes_publishes_and_activates_a_dkim_key(ast, server):
    def keys() -> dict[str, Any]:
        found: dict[str, Any] = ast.read("domain")["domainSettings"]["domainKeysSettings"]
        return found

    has_shape(ast.read("domain"), page.DOMAIN_OWN_SETTINGS)
    assert (keys()["isActive"], keys()["pending"]) == (False, None)
    ast.own("dkim-enable/false")
    has_shape(keys()["pending"], page.PENDING)
    assert keys()["isActive"] is False, "success without effect while DNS has nothing"
    pending = keys()["pending"]
    name = f"{pending['selector']}._domainkey.{DOMAIN}"
    server.admin(
        "records", {"add": [{"name": name, "type": "TXT", "value": f"v=DKIM1; k=rsa; p={pending['publicKey']}"}]}
    )
    ast.own("dkim-enable/false")
    assert (keys()["isActive"], keys()["selector"], keys()["publicKey"]) == (
        True, pending["selector"], pending["publicKey"],
    )  # fmt: skip
    made = ast.own("dkim-create-rollover/2048")
    has_shape(made, page.ROLLOVER)
    assert keys()["pending"]["selector"] == made["selector"] != pending["selector"]
    ast.call("POST", "settings/domain/dkim-verify-rollover/false", {}, ast.domain).refused()
    ast.own("dkim-delete-rollover")
    ast.call("POST", "settings/domain/dkim-delete-rollover", {}, ast.domain).refused()
    ast.own("dkim-create-rollover/4096")
    ast.own("dkim-verify-rollover/true")
    assert (keys()["keySize"], keys()["pending"]) == (4096, None)
    ast.own("dkim-disable")
    assert keys()["isActive"] is False
    for probe in ("dkim-settings", "dkim"):
        assert ast.call("GET", f"settings/domain/{probe}", None, ast.domain).status == 404


def test_astral_activates_accounts_with_a_bare_array_and_lists_only_those(ast):
    ast.own("user-put", user("anna"))
    ast.own("user-put", user("bert"))
    for kind, shape in (("active-sync", page.ACTIVATIONS), ("mapi-ews", page.MAPI_SEATS)):
        key = next(iter(shape))
        assert ast.read(f"{kind}-mailboxes")[key] == []
        ast.own(f"{kind}-mailboxes-patch", [{"emailAddress": f"anna@{DOMAIN}", "isActive": True}])
        found = ast.read(f"{kind}-mailboxes")
        has_shape(found, shape)
        assert [row["emailAddress"] for row in found[key]] == [f"anna@{DOMAIN}"]
        ast.own(f"{kind}-mailboxes-patch", [{"emailAddress": f"anna@{DOMAIN}", "isActive": False}])
        assert ast.read(f"{kind}-mailboxes")[key] == []


def test_astral_shows_a_dashboard_and_logs_in_to_webmail(ast):
    has_shape(ast.read("data"), page.DOMAIN_OWN_DATA)
    assert ast.read("data")["domainData"]["userCount"] == 1
    found = ast.call("GET", "settings/sysadmin/system-info", None, ast.system).done()
    assert found["productVersion"] and found["productEdition"] and found["totalDomains"] == 1
    body = {"username": "postmaster-admin", "domain": DOMAIN}
    token = ast.call("POST", "auth/retrieve-login-token", body, ast.system).done()
    assert token["autoLoginToken"] and token["autoLoginUrl"].startswith("http")
    by_address = {"username": f"postmaster-admin@{DOMAIN}"}
    assert ast.call("POST", "auth/retrieve-login-token", by_address, ast.system).done()["autoLoginToken"]
    for path in (f"settings/sysadmin/manage-user/anna@{DOMAIN}", f"settings/sysadmin/impersonate-user/anna@{DOMAIN}"):
        assert ast.call("POST", path, {}, ast.system).status == 404


def test_astral_distinguishes_an_unknown_domain_from_an_expired_token(ast):
    unknown = ast.call("POST", "settings/sysadmin/manage-domain/nowhere.test", {}, ast.system)
    assert unknown.refused(400) == "INVALID_PERMISSIONS"
    dead = ast.call("POST", f"settings/sysadmin/manage-domain/{DOMAIN}", {}, "dead")
    assert (dead.status, dead.raw) == (401, b"")
    assert ast.call("POST", f"settings/sysadmin/manage-domain/{DOMAIN}", {}, ast.domain).refused(403)


def test_wgs_sends_credentials_to_manage_domain_and_the_administrators_name_twice(server):
    wire = Wire(f"{server.root}/")
    token = wire.post("/api/v1/auth/authenticate-user", {"username": "admin", "password": server.password}).done()[
        "accessToken"
    ]
    data = {"name": "wgs.test", "path": "", "hostname": "mail.wgs.test", "mainDomainAdmin": "chief", "outgoingIP": "192.0.2.7",
            "userLimit": "10", "maxSize": "1073741824", "isEnabled": "True", "aliasLimit": 0}  # fmt: skip
    body = {"adminUsername": "chief", "adminPassword": "Start-1234", "domainData": data}
    wire.post("/api/v1/settings/sysadmin/domain-put/", body, token).done()
    settings = wire.get("/api/v1/settings/sysadmin/domain-settings/wgs.test", token).done()["domainSettings"]
    assert (settings["outgoingIP"], settings["mainDomainAdmin"], settings["maxUsers"]) == ("192.0.2.7", "chief", 10)
    credentials = {"username": "admin", "password": server.password}
    managed = wire.post("/api/v1/settings/sysadmin/manage-domain/wgs.test", credentials, token).done()
    own = managed["impersonateAccessToken"]
    defaults = "/api/v1/settings/domain/user-defaults"
    before = wire.get(defaults, own).done()
    wire.post(defaults, {"userDefaults": {"maxMailboxSize": 5000}}, own).done()
    after = wire.get(defaults, own).done()
    assert after["userDefaults"] == {**before["userDefaults"], "maxMailboxSize": 5000}
    wire.post("/api/v1/settings/domain/user-put/", user("anna"), own).done()
    assert wire.get("/api/v1/settings/domain/list-users", own).json["userData"][1]["maxMailboxSize"] == 5000
    assert isinstance(wire.get("/api/v1/settings/password-requirements", own).done()["passwordRequirements"], dict)
    assert "100.0." in wire.get("/api/v1/licensing/about", token).raw.decode()
    assert wire.get("/api/v1/settings/domain/domain", own).done()["domainSettings"]["mainDomainAdmin"] == "chief"


def test_upmind_and_an_erp_create_a_domain_and_merge_its_settings(server):
    wire = Wire(server.root)
    token = wire.post("/api/v1/auth/authenticate-user", {"username": "admin", "password": server.password}).json[
        "accessToken"
    ]
    body = {"domainData": {"name": "up.test"}, "adminUsername": "boss", "adminPassword": "Start-1234", "new": {"x": 1}}
    wire.post("/api/v1/settings/sysadmin/domain-put", body, token).done()
    path = "/api/v1/settings/sysadmin/domain-settings/up.test"
    wire.post(path, {"domainSettings": {"maxUsers": 3, "noSuchSetting": True}}, token).done()
    found = wire.get(path, token).done()["domainSettings"]
    assert found["maxUsers"] == 3 and "noSuchSetting" not in found
    login = wire.post("/api/v1/auth/retrieve-login-token", {"username": "boss", "domain": "up.test"}, token).done()
    assert {"autoLoginToken", "autoLoginUrl"} <= set(login)
