"""The agent servers that follow the vendor's reference of a recent build (CBX)."""

from __future__ import annotations

from typing import Any

import page_examples as page
import pytest
from plain_client import NOTHING, Answer, Wire, has_shape

DOMAIN = "customer.test"
BOSS = f"boss@{DOMAIN}"
PASSWORD = "Start-1234"


class Agent:
    """CBX: one client id per process, sent on login, two-factor and refresh."""

    def __init__(self, root: str, client: str) -> None:
        self.wire, self.client, self.token, self.refresh_token = Wire(root), client, "", ""

    def login(self, username: str, password: str) -> dict[str, Any]:
        body = {"username": username, "password": password, "clientId": self.client, "language": "en"}
        answer = self.wire.post("/api/v1/auth/authenticate-user", body).done()
        has_shape(answer, page.LOGIN)
        self.token, self.refresh_token = answer["accessToken"], answer["refreshToken"]
        return answer

    def refresh(self) -> Answer:
        answer = self.wire.post("/api/v1/auth/refresh-token", {"token": self.refresh_token, "clientId": self.client})
        if answer.status == 200:
            has_shape(answer.json, page.REFRESH)
            self.token, self.refresh_token = answer.json["accessToken"], answer.json["refreshToken"]
        return answer

    def call(self, method: str, path: str, body: Any = NOTHING) -> Answer:
        return self.wire.send(method, f"/api/v1/settings/{path}", body, self.token)

    def read(self, path: str) -> dict[str, Any]:
        return self.call("GET", path).done()

    def write(self, path: str, body: Any = NOTHING) -> dict[str, Any]:
        return self.call("POST", path, body).done()


@pytest.fixture
def system(server: Any) -> Agent:
    agent = Agent(server.root, "agent-system")
    agent.login("admin", server.password)
    data = {"name": DOMAIN, "hostname": "", "maxSize": 0}
    agent.write("sysadmin/domain-put", {"domainData": data, "adminUsername": "boss", "adminPassword": PASSWORD})
    return agent


@pytest.fixture
def agent(system: Agent, server: Any) -> Agent:
    """Logged in as the domain administrator of a domain with three more users."""
    client = Agent(server.root, "agent-7f3a")
    found = client.login(BOSS, PASSWORD)
    assert (found["isDomainAdmin"], found["isAdmin"], found["emailAddress"]) == (True, False, BOSS)
    for name in ("anna", "bert", "carl"):
        client.write("domain/user-put", {"userData": {"userName": name, "password": PASSWORD, "fullName": name}})
    return client


def test_the_agent_refreshes_with_its_client_id_and_logs_out(agent):
    first = agent.refresh_token
    assert agent.refresh().status == 200
    assert agent.read("domain/data")
    agent.refresh_token, second = first, agent.refresh_token
    assert agent.refresh().refused(401) == "Refresh token rejected"
    agent.refresh_token = second
    agent.wire.post("/api/v1/auth/logout-user", {}, agent.token).done()
    assert agent.call("GET", "domain/data").status == 401
    assert agent.refresh().status == 401


def test_two_agents_with_one_client_id_end_each_others_sessions_and_with_two_ids_they_do_not(agent, server):
    other = Agent(server.root, "another")
    other.login(BOSS, PASSWORD)
    assert agent.read("domain/data") and other.read("domain/data")
    same = Agent(server.root, agent.client)
    same.login(BOSS, PASSWORD)
    assert agent.call("GET", "domain/data").status == 401
    assert agent.refresh().status == 401
    assert same.read("domain/data") and other.read("domain/data")


def test_the_agent_finishes_a_two_factor_login_with_its_step_token(agent, server):
    server.admin("account", {"email": BOSS, "twoFactor": True, "twoFactorCode": "424242"})
    step = Agent(server.root, "fresh")
    found = step.login(BOSS, PASSWORD)
    assert found["message"] == f"TWO_FACTOR_REQUIRED|rfc6238|{BOSS}" and found["refreshToken"] == ""
    assert step.call("GET", "domain/data").status == 403
    assert step.refresh().status == 401
    done = step.wire.post(
        "/api/v1/auth/authenticate-two-factor-code", {"twoFactorCode": "424242", "clientId": "fresh"}, step.token
    ).done()
    has_shape(done, page.LOGIN)
    step.token = done["accessToken"]
    assert step.read("domain/data")
    wrong = {"twoFactorCode": "000000", "clientId": "x"}
    again = Agent(server.root, "again")
    token = again.login(BOSS, PASSWORD)["accessToken"]
    answer = again.wire.post("/api/v1/auth/authenticate-two-factor-code", wrong, token)
    assert answer.refused(401) == "INVALID_TWO_FACTOR_CODE"


def test_the_agent_lists_users_and_reads_and_merges_one(agent):
    found = agent.read("domain/list-users")
    has_shape(found, page.LIST_USERS)
    assert [row["userName"] for row in found["userData"]] == ["boss", "anna", "bert", "carl"]
    data = agent.read(f"domain/user/anna%40{DOMAIN}")
    has_shape(data, page.USER)
    merged = {**data["userData"], "description": "merged"}
    agent.write("domain/post-user", {"email": f"anna@{DOMAIN}", "userData": merged})
    assert agent.read(f"domain/user/anna@{DOMAIN}")["userData"] == merged
    mail = agent.read(f"domain/user-mail/anna@{DOMAIN}")["userMailSettings"]
    agent.write("domain/post-user-mail", {"email": f"anna@{DOMAIN}", "userMailSettings": {**mail, "hideFromGAL": True}})
    assert agent.read(f"domain/user-mail/anna@{DOMAIN}")["userMailSettings"] == {**mail, "hideFromGAL": True}
    mixed = agent.write("domain/account-list-search", {"search": None, "skip": 0, "take": 100})
    has_shape(mixed, page.SEARCH)
    assert {row["accountType"] for row in mixed["results"]} == {0, 1}


def test_the_agent_disables_deletes_renames_and_expires_in_bulk(agent):
    agent.write("domain/users-disable/true/true", {"input": ["anna", "bert"]})
    rows = {row["userName"]: row["securityFlags"]["isDisabled"] for row in agent.read("domain/list-users")["userData"]}
    assert rows == {"boss": False, "anna": True, "bert": True, "carl": False}
    agent.write("domain/users-disable/false/false", {"input": ["anna"]})
    assert agent.read(f"domain/user/anna@{DOMAIN}")["userData"]["securityFlags"]["isDisabled"] is False
    agent.write("domain/expire-users-passwords", {"input": ["carl"]})
    assert agent.read(f"domain/user/carl@{DOMAIN}")["userData"]["isPasswordExpired"] is True
    for path in ("password-compliance-users", "aged-password-list", "expired-password-list", "users-statuses"):
        agent.write(f"domain/{path}", {"search": "", "skip": 0, "take": 50, "domain": DOMAIN})
    assert agent.write("domain/last-login-times", {"dateTime": "2026-01-01T00:00:00Z"})
    agent.write("domain/rename-user/carl/karl")
    agent.write("domain/users-delete", {"input": ["bert", "karl"]})
    assert [row["userName"] for row in agent.read("domain/list-users")["userData"]] == ["boss", "anna"]
    assert "primary" in agent.call("POST", "domain/users-delete", {"input": ["boss"]}).refused()
    assert "not exist" in agent.call("POST", "domain/users-delete", {"input": ["bert"]}).refused()
    bare = agent.call("POST", "domain/recalculate-users", {"input": ["anna"]})
    assert (bare.status, b"success" in bare.raw) == (200, False)


def test_the_agent_asks_whether_a_name_is_free_for_users_and_aliases(agent):
    agent.write(
        "domain/alias-put", {"oldName": "", "alias": {"name": "sales", "aliasTargetList": ["anna"], "isEnabled": True}}
    )
    assert agent.read("domain/email-alias-does-not-exists/free")
    for taken in ("anna", "SALES"):
        assert (
            agent.call("GET", f"domain/email-alias-does-not-exists/{taken}").refused() == "USER_ADD_ERROR_NAME_IN_USE"
        )
    agent.write("domain/set-catch-all/sales")
    assert agent.read("domain/domain")["domainSettings"]["catchAll"] == "sales"
    agent.write("domain/set-catch-all")
    assert agent.read("domain/domain")["domainSettings"]["catchAll"] == ""


def test_the_agent_modifies_protocols_and_reads_counts_and_permissions(agent):
    body = {"items": [f"anna@{DOMAIN}", f"bert@{DOMAIN}"], "webmailEnabled": True, "smtpEnabled": True,
            "imapEnabled": False, "popEnabled": False, "xmppEnabled": False, "webdavEnabled": True}  # fmt: skip
    agent.write("domain/modify-protocol-access", body)
    for name in ("anna", "bert"):
        found = agent.read(f"domain/user-mail/{name}@{DOMAIN}")["userMailSettings"]
        assert (found["enableImap"], found["enablePop"], found["enableSmtp"]) == (False, False, True)
    assert agent.read(f"domain/user-mail/carl@{DOMAIN}")["userMailSettings"]["enableImap"] is True
    counts = agent.read("domain/account-list-counts")
    assert (counts["userCount"], counts["aliasCount"], counts["listCount"]) == (4, 0, 0)
    assert isinstance(agent.read("domain/permissions")["permissions"], dict)
    assert agent.read("domain/forward-blacklist")["forwardBlacklist"] == []
    has_shape(agent.read("domain/data"), page.DOMAIN_OWN_DATA)


def test_the_agent_sets_the_password_policy_with_a_bare_object(agent):
    before = agent.read("domain/password-settings")
    has_shape(before, page.PASSWORD_SETTINGS)
    overrides = {**before["overrides"], "requireNumber": True, "minLength": {"enabled": True, "ruleValue": 9},
                 "expiration": {"enabled": True, "ruleValue": 6, "gracePeriodDays": 5}}  # fmt: skip
    agent.write("domain/password-settings", overrides)
    assert agent.read("domain/password-settings")["overrides"] == overrides
    weak = {"userData": {"userName": "dora", "password": "no-numbers-here"}}
    assert agent.call("POST", "domain/user-put", weak).refused(400) == "User does not meet password requirements"
    short = {"userData": {"userName": "dora", "password": "sh0rt"}}
    assert "PASSWORD" in agent.call("POST", "domain/user-put", short).refused()


def test_the_agent_sets_dkim_options_and_uses_the_systems_variants(agent, system):
    options = {"canonicalizationBody": 1, "canonicalizationHeader": 1, "fieldOption": 1, "fields": ["From", "To"],
               "maxMessageSign": 1000}  # fmt: skip
    agent.write("domain/dkim-settings-set", options)
    agent.write("domain/dkim-enable/true")
    found = agent.read("domain/domain")["domainSettings"]["domainKeysSettings"]
    assert (found["isActive"], found["dkimCanonicalizationAlgorithmBody"], found["dkimHeaderFields"], found["maxMessageSign"]) == (
        True, 1, ["From", "To"], 1000,
    )  # fmt: skip
    assert agent.call("POST", "domain/dkim-verify-active").refused()
    test = agent.call("GET", f"domain/test-domain-key-dns/{found['selector']}/{found['publicKey']}")
    assert test.refused()
    has_shape(system.write(f"sysadmin/dkim-create-rollover/{DOMAIN}/1024"), page.ROLLOVER)
    system.write(f"sysadmin/dkim-delete-rollover/{DOMAIN}")
    system.write(f"sysadmin/dkim-disable/{DOMAIN}")
    system.write(f"sysadmin/dkim-settings-set/{DOMAIN}", {**options, "maxMessageSign": 0})
    system.write(f"sysadmin/dkim-enable/{DOMAIN}/true")
    assert agent.read("domain/domain")["domainSettings"]["domainKeysSettings"]["isActive"] is True


def test_the_agent_handles_domain_aliases_in_bulk_and_again(agent, system):
    token = system.write(f"sysadmin/manage-domain/{DOMAIN}")["impersonateAccessToken"]
    agent.token = token
    for name in ("a.test", "b.test", "c.test"):
        agent.write(f"domain/domain-alias-put/{name}/false")
    agent.write("domain/domain-alias/a.test/z.test/false")
    agent.write("domain/domain-aliases-delete", {"input": ["b.test", "C.TEST"]})
    found = agent.read("domain/domain-aliases")
    assert [row["name"] for row in found["domainAliasData"]] == ["z.test"]
    assert agent.call("POST", "domain/domain-alias-verify/z.test").refused() == "MX record does not match"


def test_the_agent_uses_the_systems_variants_of_bulk_writes(system, agent):
    system.write(f"sysadmin/users-disable/true/{DOMAIN}", {"input": ["anna"]})
    assert agent.read(f"domain/user/anna@{DOMAIN}")["userData"]["securityFlags"]["isDisabled"] is True
    system.write(f"sysadmin/users-delete/{DOMAIN}", {"input": ["anna"]})
    assert [row["userName"] for row in system.read(f"sysadmin/search-users/{DOMAIN}/b")["userData"]] == ["boss", "bert"]
    has_shape(system.read(f"sysadmin/list-users/{DOMAIN}"), page.LIST_USERS)
    system.write(f"sysadmin/reload-domain/{DOMAIN}")
    export = system.call("POST", "sysadmin/export-domains-list")
    assert export.status == 200 and DOMAIN.encode() in export.raw
    assert "100.0." in system.call("GET", "sysadmin/get-version").raw.decode()
    for name in ("license-notifications", "services", "dashboard-stats"):
        assert system.read(f"sysadmin/{name}")
    system.write("sysadmin/rename-domain", {"oldDomainName": DOMAIN, "newDomainName": "renamed.test"})
    assert system.read("sysadmin/domain-names")["data"] == ["renamed.test"]


@pytest.mark.parametrize(
    "name",
    ["all-user-groups", "user-group", "user-group-put", "remove-user-groups", "add-to-user-groups", "domain-events",
     "event-hooks-by-owner", "event-variables"],
)  # fmt: skip
def test_the_agent_gets_404_for_missing_endpoints(agent, name):
    for method in ("GET", "POST"):
        assert agent.call(method, f"domain/{name}").status == 404


def test_a_plain_user_gets_403_from_the_agents_admin_calls(agent, server):
    plain = Agent(server.root, "plain")
    plain.login(f"anna@{DOMAIN}", PASSWORD)
    for path in ("domain/list-users", "domain/data", "sysadmin/domains"):
        assert plain.call("GET", path).refused(403)
    server.admin("account", {"email": BOSS, "disabled": True})
    body = {"username": BOSS, "password": PASSWORD}
    assert plain.wire.post("/api/v1/auth/authenticate-user", body).refused(403) == "ACCOUNT_DISABLED"
