"""C# clients: SolidCP's provider (SCP), TechneWare's command line (TEC), and requests as write-ups captured them (HTB)."""

from __future__ import annotations

from typing import Any

import page_examples as page
import pytest
from plain_client import NOTHING, Answer, Wire, has_shape

DOMAIN = "solid.test"


class SolidCP:
    """SCP: mostly the system administrator's token, booleans as "True", a double slash here and there, empty bodies."""

    def __init__(self, root: str, password: str) -> None:
        self.wire = Wire(root)
        body = {"username": "admin", "password": password, "language": "en"}
        login = self.wire.post("/api/v1/auth/authenticate-user", body).done()
        has_shape(login, page.LOGIN)
        self.system = login["accessToken"]

    def call(self, method: str, path: str, body: Any = NOTHING, token: str = "") -> Answer:
        return self.wire.send(method, f"/api/v1/{path}", body, token or self.system)

    def impersonate(self, email: str) -> str:
        """The older form, with the address in the path and nothing in the body."""
        found = self.call("POST", f"settings/domain/impersonate-user/{email}").done()
        has_shape(found, page.IMPERSONATION)
        assert found["email"] == email
        return str(found["impersonateAccessToken"])

    def create_domain(self, name: str) -> None:
        data = {"name": name, "path": f"C:\\Domains\\{name}", "hostname": f"mail.{name}", "isEnabled": "True",
                "userLimit": "0", "aliasLimit": "0", "listLimit": "0", "maxSize": "0"}  # fmt: skip
        body = {"domainData": data, "adminUsername": "system.domain.admin", "adminPassword": "Start-1234",
                "deliverLocallyForExternalDomain": "False", "domainLocation": "0", "domainLocationAddress": ""}  # fmt: skip
        self.call("POST", "/settings/sysadmin/domain-put", body).done()


@pytest.fixture
def scp(server: Any) -> SolidCP:
    client = SolidCP(server.root, server.password)
    client.create_domain(DOMAIN)
    return client


@pytest.fixture
def own(scp: SolidCP) -> str:
    """A token of the domain's administrator."""
    return scp.impersonate(f"system.domain.admin@{DOMAIN}")


def user(address: str, **data: Any) -> dict[str, Any]:
    flags = {"authType": "0", "authenticatingWindowsDomain": None, "isDomainAdmin": "False", "isDisabled": "False"}
    return {
        "userData": {"userName": address, "fullName": "Anna A", "password": "Passw0rd-x", "securityFlags": flags,
                     "isPasswordExpired": "False", "maxMailboxSize": "104857600", **data},
        "userMailSettings": {"canReceiveMail": "True", "enableMailForwarding": "True", "isEnabled": "True"},
    }  # fmt: skip


def test_solidcp_takes_success_of_domain_settings_as_the_test_whether_a_domain_exists(scp):
    found = scp.call("GET", f"/settings/sysadmin/domain-settings/{DOMAIN}").done()
    has_shape(found, page.DOMAIN_SETTINGS)
    assert found["domainSettings"]["mainDomainAdmin"] == "system.domain.admin"
    assert scp.call("GET", "settings/sysadmin/domain-settings/other.test").refused() == "Domain does not exist"
    has_shape(scp.call("GET", "settings/sysadmin/domains").done(), page.DOMAINS)
    body = {"domainSettings": {"isEnabled": "True", "maxUsers": "7", "maxAliases": "8", "showListMenu": "False"}}
    scp.call("POST", f"settings/sysadmin/domain-settings/{DOMAIN}", body).done()
    after = scp.call("GET", f"settings/sysadmin/domain-settings/{DOMAIN}").json["domainSettings"]
    assert (after["maxUsers"], after["maxAliases"], after["showListMenu"]) == (7, 8, False)
    assert scp.call("GET", "licensing/info").done()["edition"] == 0


def test_solidcp_creates_a_user_by_its_full_address_and_hides_the_domain_administrator(scp, own):
    scp.call("POST", "settings/domain/user-put", user(f"Anna@{DOMAIN}"), own).done()
    listed = scp.call("GET", f"settings/sysadmin/list-users/{DOMAIN}").done()
    has_shape(listed, page.LIST_USERS)
    assert [row["isPrimaryDomainAdmin"] for row in listed["userData"]] == [True, False]
    shown = [row for row in listed["userData"] if not row["securityFlags"]["isDomainAdmin"]]
    assert [(row["userName"], row["fullName"], row["maxMailboxSize"]) for row in shown] == [
        ("anna", "Anna A", 104857600)
    ]
    for path, token in ((f"settings/domain/user/anna@{DOMAIN}", own), (f"settings/sysadmin/user/anna@{DOMAIN}", "")):
        found = scp.call("GET", path, token=token).done()
        has_shape(found, page.USER)
        assert found["userData"]["emailAddress"] == f"anna@{DOMAIN}"
    assert scp.call("GET", f"settings/domain/user/no@{DOMAIN}", token=own).refused() == "User does not exist."
    assert scp.call("GET", f"settings/sysadmin/user/no@{DOMAIN}").refused() == "User does not exist."


def test_solidcp_changes_the_password_in_one_call_and_name_and_quota_in_another(scp, own, server):
    email = f"anna@{DOMAIN}"
    scp.call("POST", "settings/domain/user-put", user(email), own).done()
    scp.call("POST", "settings/domain/post-user", {"email": email, "userData": {"password": "Other-5678"}}, own).done()
    body = {"email": email, "userData": {"fullName": "Anna B", "maxMailboxSize": "5"}}
    scp.call("POST", "settings/domain/post-user", body, own).done()
    found = scp.call("GET", f"settings/domain/user/{email}", token=own).json["userData"]
    assert (found["fullName"], found["maxMailboxSize"]) == ("Anna B", 5)
    wire = Wire(server.root)
    assert wire.post("/api/v1/auth/authenticate-user", {"username": email, "password": "Other-5678"}).done()
    old = wire.post("/api/v1/auth/authenticate-user", {"username": email, "password": "Passw0rd-x"})
    assert old.refused(401) == "USERNAME_OR_PASSWORD_INCORRECT"


def test_solidcp_reads_mail_settings_and_forwards_with_its_own_token_and_writes_partly(scp, own):
    email = f"anna@{DOMAIN}"
    scp.call("POST", "settings/domain/user-put", user(email), own).done()
    before = scp.call("GET", f"settings/domain/user-mail/{email}").done()
    has_shape(before, page.USER_MAIL)
    body = {"email": email, "userMailSettings": {"isEnabled": "False", "userContactInfo": {"firstName": "Anna"}}}
    scp.call("POST", "settings/domain/post-user-mail", body, own).done()
    after = scp.call("GET", f"settings/domain/user-mail/{email}").json["userMailSettings"]
    wanted = {**before["userMailSettings"], "isEnabled": False}
    assert after == {**wanted, "userContactInfo": {**wanted["userContactInfo"], "firstName": "Anna"}}
    as_user = scp.impersonate(email)
    wanted = {"mailboxForwardList": {"forwardList": ["x@other.test"], "deleteOnForward": "True"}}
    scp.call("POST", "settings/mailbox-forward-list", wanted, as_user).done()
    found = scp.call("GET", f"settings/domain/mailbox-forward-list/{email}").done()
    has_shape(found, page.FORWARD)
    assert found["mailboxForwardList"] == {
        "forwardList": ["x@other.test"], "deleteOnForward": True, "keepRecipients": False, "spamForwardOption": "None",
    }  # fmt: skip
    reply = {"autoResponderSettings": {"enabled": "True", "subject": "away", "body": "<p>b</p>"}}
    scp.call("POST", "settings/auto-responder", reply, as_user).done()
    shown = scp.call("GET", "settings/auto-responder/true", token=as_user).done()["autoResponderSettings"]
    assert (shown["enabled"], shown["subject"], shown["externalReply"]) == (True, "away", False)


def test_solidcp_keeps_groups_as_aliases_with_nothing_but_name_and_targets(scp, own):
    alias = {"alias": {"name": "team", "aliasTargetList": [f"anna@{DOMAIN}", "x@other.test"]}}
    scp.call("POST", "settings/domain/alias-put", alias, own).done()
    found = scp.call("GET", "settings/domain/aliases/team", token=own).done()
    has_shape(found, page.ALIASES)
    assert found["gridInfo"] == [{"name": "team", "targets": [f"anna@{DOMAIN}", "x@other.test"]}]
    alias["alias"]["aliasTargetList"] = ["y@other.test"]
    scp.call("POST", "settings/domain/alias", alias, own).done()
    assert scp.call("GET", "settings/domain/aliases", token=own).json["gridInfo"][0]["targets"] == ["y@other.test"]
    scp.call("POST", "settings/domain/alias-delete/team", token=own).done()
    assert scp.call("GET", "settings/domain/aliases/team", token=own).json["gridInfo"] is None
    assert scp.call("POST", "settings/domain/alias-delete/team", token=own).refused()


def test_solidcp_deletes_a_user_by_its_local_part_and_a_second_time_is_refused(scp, own):
    scp.call("POST", "settings/domain/user-put", user(f"anna@{DOMAIN}"), own).done()
    scp.call("POST", "settings/domain/user-delete/anna", token=own).done()
    assert "not exist" in scp.call("POST", "settings/domain/user-delete/anna", token=own).refused()


def test_solidcp_reads_domain_aliases_reports_and_lists(scp, own):
    found = scp.call("GET", "settings/domain/domain-aliases", token=own).done()
    assert found["domainAliasData"] is None
    scp.call("POST", "settings/domain/domain-alias-put/alias.test/True", token=own).done()
    has_shape(scp.call("GET", "settings/domain/domain-aliases", token=own).done(), page.DOMAIN_ALIASES)
    scp.call("POST", "settings/domain/domain-alias-delete/alias.test", token=own).done()
    body = {"email": f"system.domain.admin@{DOMAIN}"}
    assert scp.call("POST", "report/user-stats/1-5-2026/12-31-2026", body, own).done()["bytesSize"] == 0
    stats = scp.call("GET", f"report/domain-stats/1-5-2026/12-31-2026/{DOMAIN}").done()
    assert {"bytesReceived", "bytesSent"} <= set(stats)
    scp.call("POST", "settings/domain/mailing-lists/add", {"listAddress": "news", "description": "n"}, own).done()
    has_shape(scp.call("GET", "settings/domain/mailing-lists/list", token=own).done(), page.LISTS)
    scp.call("POST", f"settings/sysadmin/domain-delete/{DOMAIN}/True").done()
    assert scp.call("POST", f"settings/sysadmin/domain-delete/{DOMAIN}/True").status == 404


def test_techneware_manages_blocked_addresses_and_refreshes(find):
    from reconciler.sandbox import Thresholds

    server = find(ids=Thresholds(delay_after=90, block_after=2, long_block_after=99))
    wire = Wire(server.root)
    login = wire.post("/api/v1/auth/authenticate-user", {"username": "admin", "password": server.password}).done()
    again = wire.post("/api/v1/auth/refresh-token", {"token": login["refreshToken"]}).done()
    has_shape(again, page.REFRESH)
    token = again["accessToken"]
    for path in ("blocked-ips", "blocked-ips-count", "ip-access"):
        assert wire.get(f"/api/v1/settings/sysadmin/{path}", token).done()
        assert wire.post(f"/api/v1/settings/sysadmin/{path}", {"search": "", "take": 10, "skip": 0}, token).done()
    server.quirks("ids-blocks-logins-only")
    for _ in range(2):
        wire.post("/api/v1/auth/authenticate-user", {"username": "admin", "password": "wrong"})
    locked_out = wire.post("/api/v1/auth/authenticate-user", {"username": "admin", "password": server.password})
    assert locked_out.refused(401) == "Too many login attempts"
    rows = wire.get("/api/v1/settings/sysadmin/blocked-ips", token).done()["blockedIps"]
    assert [row["ip"] for row in rows] == ["127.0.0.1"]
    wire.post("/api/v1/settings/sysadmin/unblock-ips", {"ips": ["127.0.0.1"]}, token).done()
    assert wire.post("/api/v1/auth/authenticate-user", {"username": "admin", "password": server.password}).done()


def test_captured_requests_in_pascal_case_are_understood(scp, server):
    token = scp.system
    data = {"Name": "Pascal.test", "HostName": "mail.pascal.test", "IsEnabled": "True"}
    body = {"AdminUsername": "boss", "AdminPassword": "Start-1234", "DomainData": data}
    scp.call("POST", "Settings/SysAdmin/Domain-Put", body).done()
    found = scp.wire.get("/api/v1/settings/sysadmin/domains", token).json
    assert {row["name"] for row in found["data"]} == {DOMAIN, "pascal.test"} and found["success"] is True
    header = {"X_SmarterMailDomain": "pascal.test"}
    answer = scp.wire.post("/api/v1/settings/domain/impersonate-user", {"Email": "boss@pascal.test"}, token, **header)
    has_shape(answer.done(), page.IMPERSONATION)
    reset = {"IsSysAdmin": "True", "Username": "admin", "OldPassword": "whatever", "NewPassword": "Own3d-by-me"}
    assert scp.wire.post("/api/v1/auth/force-reset-password", reset).refused(401), "the build is a patched one"
    show = {"Token": token, "EmailAddress": "boss@pascal.test"}
    assert scp.wire.post("/api/v1/settings/sysadmin/show-password", show, token).refused(403)
    assert scp.wire.post("/api/v1/settings/sysadmin/connect-to-hub", {}, token).status == 404
    assert server.sandbox.endpoint.password not in scp.wire.get("/api/v1/settings/sysadmin/domains", token).raw.decode()
