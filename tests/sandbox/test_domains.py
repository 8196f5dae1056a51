"""Domains and limits (API reference section 4; section 10 nos. 12, 14 to 16, 26)."""

from __future__ import annotations

import pytest

DOMAIN_ROW = {
    "name", "path", "hostname", "isEnabled", "status", "userCount", "userLimit", "aliasCount", "aliasLimit",
    "domainAliasCount", "listCount", "listLimit", "size", "maxSize", "sizeMb", "fileStorageSize", "fileStorageSizeMb", "imgLink",
}  # fmt: skip
SETTINGS = {
    "isEnabled", "domainPath", "hostname", "mainDomainAdmin", "maxSize", "maxUsers", "maxAliases", "maxDomainAliases",
    "maxLists", "maxMailboxSize", "maxMessageSize", "maxRecipients", "maxActiveSyncAccounts", "maxMapiEwsAccounts",
    "enableActiveSyncAccountManagement", "enableMapiEwsAccountManagement", "enableMailForwarding", "enableSmtpAccounts",
    "enableXmpp", "enableDisposableAddresses", "enableFileStorage", "showDomainAliasMenu", "showListMenu", "showSpamMenu",
    "sharedGlobalAddressList", "calendarPublicAvailability", "requireSmtpAuthentication", "listCommandAddress", "catchAll",
    "bypassForwardBlackList", "outgoingIP", "throttleSettings",
}  # fmt: skip


def test_the_list_of_domains_has_every_field_of_the_page(world):
    row = world.sa.read("settings/sysadmin/domains")["data"][0]
    assert set(row) >= DOMAIN_ROW
    assert (row["name"], row["userCount"], row["status"]) == ("example.test", 2, "Enabled")
    assert world.sa.read("settings/sysadmin/domain-names")["data"] == ["example.test"]


def test_domain_settings_have_every_field_of_the_page_and_merge(world):
    path = "settings/sysadmin/domain-settings/example.test"
    assert set(world.sa.read(path)["domainSettings"]) >= SETTINGS
    world.sa.ok(
        path, {"domainSettings": {"maxUsers": 10, "enableXmpp": False, "throttleSettings": {"messagesPerHour": 5}}}
    )
    world.sa.ok(path, {"DomainSettings": {"MaxAliases": "20", "enableFileStorage": "False"}})
    found = world.sa.read(path)["domainSettings"]
    assert (found["maxUsers"], found["maxAliases"], found["enableXmpp"], found["enableFileStorage"]) == (
        10,
        20,
        False,
        False,
    )
    assert found["throttleSettings"]["messagesPerHour"] == 5


def test_limits_may_be_written_by_their_other_names_unless_the_build_is_strict(world):
    path = "settings/sysadmin/domain-settings/example.test"
    world.sa.ok(path, {"domainSettings": {"userLimit": 7}})
    assert world.sa.read(path)["domainSettings"]["maxUsers"] == 7
    world.quirks("limit-names-strict")
    world.sa.ok(path, {"domainSettings": {"userLimit": 8}})
    assert world.sa.read(path)["domainSettings"]["maxUsers"] == 7


def test_a_new_domain_has_a_listed_primary_administrator_that_cannot_be_deleted(world):
    world.add_domain(
        "NEW.test", userLimit=3, aliasLimit=1, listLimit=1, domainAliasCount=1, maxSize=99, hostname="mx.new.test"
    )
    found = world.sa.read("settings/sysadmin/domain/new.test")["domainData"]
    assert (found["name"], found["userLimit"], found["maxSize"], found["mainDomainAdmin"]) == (
        "new.test",
        3,
        99,
        "boss",
    )
    rows = world.sa.read("settings/sysadmin/list-users/new.test")["userData"]
    assert [(row["userName"], row["isPrimaryDomainAdmin"]) for row in rows] == [("boss", True)]
    boss = world.anon.login("boss@new.test", world.secret)
    assert "primary" in boss.refused("settings/domain/users-delete", {"input": ["boss"]})
    assert "primary" in boss.refused("settings/domain/account-list-delete", {"input": ["boss"]})
    assert "primary" in world.sa.refused("settings/sysadmin/users-delete/new.test", {"input": ["boss@new.test"]})
    assert world.effects()["user boss@new.test"] == {"create": 1}


def test_the_main_administrator_may_be_named_in_the_domain_data(world):
    body = {"adminPassword": world.secret, "domainData": {"name": "w.test", "mainDomainAdmin": "chief"}}
    world.sa.ok("settings/sysadmin/domain-put", body)
    assert world.anon.login("chief@w.test", world.secret)


@pytest.mark.parametrize("name", ["example.test", "EXAMPLE.test", "alias.test"])
def test_a_domain_name_is_taken_by_domains_and_domain_aliases(world, name):
    world.sa.manage("example.test").ok("settings/domain/domain-alias-put/alias.test/false")
    body = {"adminUsername": "boss", "adminPassword": world.secret, "domainData": {"name": name}}
    assert world.sa.refused("settings/sysadmin/domain-put", body) == "DOMAIN_ADD_ERROR_NAME_IN_USE"


@pytest.mark.parametrize("name", ["", "nodot", "a..test", "-a.test", "sp ace.test", "a@b.test"])
def test_an_invalid_domain_name_is_refused(world, name):
    body = {"adminUsername": "boss", "adminPassword": world.secret, "domainData": {"name": name}}
    assert world.sa.refused("settings/sysadmin/domain-put", body) == "DOMAIN_ADD_ERROR_INVALID_NAME"


def test_an_international_domain_is_one_in_both_spellings(world):
    world.add_domain("münchen.example")
    assert (
        world.sa.read("settings/sysadmin/domain/m%C3%BCnchen.example")["domainData"]["name"] == "xn--mnchen-3ya.example"
    )


def test_a_weak_administrator_password_is_refused(world):
    body = {"adminUsername": "boss", "adminPassword": "x", "domainData": {"name": "n.test"}}
    assert world.sa.refused("settings/sysadmin/domain-put", body) == "USER_ADD_ERROR_PASSWORD_TOO_SHORT"
    assert world.sa.get("settings/sysadmin/domain/n.test").status_code == 404


def test_a_domain_is_deleted_once_and_the_second_time_is_404(world):
    assert world.sa.post("settings/sysadmin/domain-delete/example.test/true").json()["success"] is True
    assert world.sa.post("settings/sysadmin/domain-delete/example.test/true").status_code == 404
    assert world.sa.get("settings/sysadmin/domain/example.test").status_code == 404
    assert world.sa.get("settings/sysadmin/domain-settings/example.test").json()["success"] is False
    assert world.da.get("settings/domain/data").status_code == 401
    assert world.effects()["domain example.test"]["delete"] == 1


def test_a_domain_can_be_renamed_reloaded_and_exported(world):
    world.sa.ok("settings/sysadmin/rename-domain", {"oldDomainName": "example.test", "newDomainName": "renamed.test"})
    world.sa.ok("settings/sysadmin/reload-domain/renamed.test")
    assert world.anon.login("anna@renamed.test", world.secret)
    response = world.sa.post("settings/sysadmin/export-domains-list")
    assert response.headers["content-type"].startswith("text/csv") and "renamed.test" in response.text


def test_a_suspended_domain_rejects_logins_but_can_be_managed(world):
    world.sa.ok("settings/sysadmin/domain-settings/example.test", {"domainSettings": {"isEnabled": False}})
    assert world.da.get("settings/domain/data").status_code == 401
    body = {"username": "boss@example.test", "password": world.secret}
    assert world.anon.post("auth/authenticate-user", body).status_code == 403
    assert world.sa.manage("example.test").read("settings/domain/data")["domainData"]["isEnabled"] is False


def test_the_domain_administrator_reads_data_settings_counts_and_permissions(world):
    data = world.da.read("settings/domain/data")["domainData"]
    assert {"name", "hostname", "isEnabled", "userCount", "userLimit", "aliasCount", "aliasLimit", "domainAliasCount",
            "listCount", "listLimit", "size", "sizeMb", "maxSize"} <= set(data)  # fmt: skip
    settings = world.da.read("settings/domain/domain")["domainSettings"]
    assert {"mainDomainAdmin", "allowUserSizeChanging", "enableDkimSigningDomainAdmin", "domainKeysSettings",
            "spamForwardOption", "spamForwardOverrideActive"} <= set(settings)  # fmt: skip
    counts = world.da.read("settings/domain/account-list-counts")
    assert (counts["userCount"], counts["activeSyncCount"], counts["domainAdminCount"]) == (2, 0, 1)
    assert world.da.read("settings/domain/permissions")["permissions"]["enableMailForwarding"] is True
    assert world.da.read("settings/domain/forward-blacklist")["forwardBlacklist"] == []


def test_a_domain_administrator_cannot_raise_the_limits(world):
    settings = world.da.read("settings/domain/domain")["domainSettings"]
    world.da.ok(
        "settings/domain/domain", {"domainSettings": {**settings, "maxUsers": 999, "allowUserSizeChanging": False}}
    )
    found = world.da.read("settings/domain/domain")["domainSettings"]
    assert (found["maxUsers"], found["allowUserSizeChanging"]) == (0, False)


def test_the_catch_all_is_an_existing_alias_or_none(world):
    assert world.da.refused("settings/domain/set-catch-all/nobody") == "Alias does not exist."
    world.da.ok("settings/domain/alias-put", {"alias": {"name": "all", "aliasTargetList": ["anna@example.test"]}})
    world.da.ok("settings/domain/set-catch-all/all")
    assert world.state()["settings"]["catchAll"] == "all"
    world.da.ok("settings/domain/set-catch-all")
    assert world.state()["settings"]["catchAll"] == ""


def test_limits_are_enforced_on_creation_and_zero_is_unlimited(world):
    world.anon.sandbox("POST", "domain", {"domain": "example.test", "maxUsers": 3, "maxAliases": 1, "maxLists": 1})
    world.da.ok("settings/domain/user-put", world.user("u3"))
    assert "limit" in world.da.refused("settings/domain/user-put", world.user("u4")).lower()
    world.da.ok("settings/domain/alias-put", {"alias": {"name": "a1", "aliasTargetList": []}})
    assert (
        "limit"
        in world.da.refused("settings/domain/alias-put", {"alias": {"name": "a2", "aliasTargetList": []}}).lower()
    )
    world.da.ok("settings/domain/mailing-lists/add", {"listAddress": "l1@example.test"})
    assert "limit" in world.da.refused("settings/domain/mailing-lists/add", {"listAddress": "l2"}).lower()
    world.anon.sandbox("POST", "domain", {"domain": "example.test", "maxUsers": 0})
    world.da.ok("settings/domain/user-put", world.user("u4"))


def test_whether_the_administrator_counts_is_a_quirk(world):
    world.quirks("admin-not-counted")
    assert world.sa.read("settings/sysadmin/domains")["data"][0]["userCount"] == 1
    world.anon.sandbox("POST", "domain", {"domain": "example.test", "maxUsers": 2})
    world.da.ok("settings/domain/user-put", world.user("u2"))
    assert "limit" in world.da.refused("settings/domain/user-put", world.user("u3")).lower()


def test_usage_has_other_names_by_quirk(world):
    world.anon.sandbox("POST", "account", {"email": "anna@example.test", "size": 3 * 1024 * 1024})

    def data() -> dict:
        return world.sa.read("settings/sysadmin/domain/example.test")["domainData"]

    assert data()["diskUsage"] == 3 * 1024 * 1024
    world.quirks("usage-as-size")
    assert "diskUsage" not in data() and data()["size"] == 3 * 1024 * 1024
    world.quirks("usage-as-sizemb")
    assert data()["sizeMb"] == 3 and not {"size", "diskUsage"} & set(data())
    world.quirks("no-domain-alias-count")
    assert "domainAliasCount" not in data()


def test_reports_and_exports_answer(world):
    found = world.da.ok("report/user-stats/1-1-2026/12-31-2026", {"email": "anna@example.test"})
    assert found["bytesSize"] == 0
    assert world.sa.read("report/domain-stats/1-1-2026/12-31-2026/example.test")["bytesSent"] == 0
    assert world.da.post("report/user-stats/yesterday/today", {"email": "anna@example.test"}).status_code == 400
    assert "anna" in world.da.get("settings/domain/export-users").text


@pytest.mark.parametrize(
    "path",
    ["settings/sysadmin/get-version", "settings/sysadmin/system-info", "settings/sysadmin/sysadmin-info",
     "settings/sysadmin/server-settings", "licensing/about"],
)  # fmt: skip
def test_the_version_is_found_by_its_pattern(make, path):
    world = make(version="100.0.9504.1")
    assert "100.0.9504" in world.sa.get(path).text


def test_the_rest_of_the_server_information_answers(world):
    assert world.sa.read("licensing/info")["edition"] == 0
    assert world.sa.read("settings/sysadmin/system-info")["totalDomains"] == 1
    for name in ("license-notifications", "services", "dashboard-stats", "ip-access"):
        world.sa.read(f"settings/sysadmin/{name}")
