"""The behaviors that API reference section 10 lists, by their numbers; the last test checks that none is missing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

ANNA = "anna@example.test"
SEARCH = "settings/domain/account-list-search"
PUT_ALIAS = "settings/domain/alias-put"


def login(world: Any, username: str, password: str, **more: Any) -> httpx.Response:
    found: httpx.Response = world.anon.post(
        "auth/authenticate-user", {"username": username, "password": password, **more}
    )
    return found


def alias(name: str, *targets: str, **flags: Any) -> dict[str, Any]:
    return {"alias": {"name": name, "aliasTargetList": list(targets), **flags}}


def test_01_business_errors_are_200_with_success_false_or_4xx_by_quirk(world):
    body = world.user("anna")
    answer = world.da.post("settings/domain/user-put", body)
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    world.quirks("business-errors-4xx")
    answer = world.da.post("settings/domain/user-put", body)
    assert (answer.status_code, answer.json()["success"], answer.json()["resultCode"]) == (400, False, 400)


@pytest.mark.parametrize(
    ("kind", "flag", "key"),
    [
        ("active-sync", "enableActiveSyncAccountManagement", "activeSyncAccounts"),
        ("mapi-ews", "enableMapiEwsAccountManagement", "mapiEwsAccounts"),
    ],
)
def test_02_success_without_effect_for_activation_with_the_flag_off_and_for_dkim_without_dns(world, kind, flag, key):
    world.sa.ok("settings/sysadmin/domain-settings/example.test", {"domainSettings": {flag: False}})
    world.da.ok(f"settings/domain/{kind}-mailboxes-patch", [{"emailAddress": ANNA, "isActive": True}])
    assert world.da.read(f"settings/domain/{kind}-mailboxes")[key] == []
    world.da.ok("settings/domain/dkim-enable/false")
    assert world.da.read("settings/domain/domain")["domainSettings"]["domainKeysSettings"]["isActive"] is False


def test_03_an_access_token_expires_after_fifteen_minutes_with_401(world):
    found = login(world, "admin", world.password, clientId="three").json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["accessTokenExpiration"])
    own = world.anon.bearing(found["accessToken"])
    world.advance(890)
    assert own.get("settings/sysadmin/domains").status_code == 200
    world.advance(15)
    assert own.get("settings/sysadmin/domains").status_code == 401


def test_04_refresh_rotates_and_reuse_is_401_and_counts_as_a_failure(world):
    old = login(world, "admin", world.password, clientId="four").json()["refreshToken"]
    new = world.anon.ok("auth/refresh-token", {"token": old, "clientId": "four"})["refreshToken"]
    assert new != old
    before = world.anon.sandbox("GET", "ids")["failures"].get("127.0.0.1", 0)
    assert world.anon.post("auth/refresh-token", {"token": old, "clientId": "four"}).status_code == 401
    assert world.anon.sandbox("GET", "ids")["failures"]["127.0.0.1"] == before + 1


@pytest.mark.parametrize("client", [{"clientId": "same"}, {}])
def test_05_a_new_login_with_the_same_client_id_or_both_without_revokes_the_earlier_token(world, client):
    first = world.anon.login("admin", world.password, **client)
    other = world.anon.login("admin", world.password, clientId="other")
    world.anon.login("admin", world.password, **client)
    assert first.get("settings/sysadmin/domains").status_code == 401
    assert other.get("settings/sysadmin/domains").status_code == 200


def test_06_failed_logins_are_delayed_then_the_address_is_refused_with_the_right_password_too(make):
    from reconciler.sandbox import Thresholds

    world = make(ids=Thresholds(delay_after=2, block_after=4, long_block_after=99, delay_seconds=0.3))
    for _ in range(2):
        assert login(world, "admin", "wrong").status_code == 401
    began = time.monotonic()
    login(world, "admin", "wrong")
    assert time.monotonic() - began >= 0.3
    login(world, "admin", "wrong")
    answer = login(world, "admin", world.password)
    assert (answer.status_code, answer.json()["message"]) == (401, "Too many login attempts")
    world.advance(1801)
    assert login(world, "admin", world.password).json()["success"] is True


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"twoFactor": True}, "TWO_FACTOR_REQUIRED|rfc6238|anna@example.test"),
        ({"passwordExpired": True}, "PASSWORD_EXPIRED"),
    ],
)
def test_07_two_factor_and_an_expired_password_give_200_with_a_step_token_without_access(world, state, message):
    world.anon.sandbox("POST", "account", {"email": ANNA, **state})
    found = login(world, ANNA, world.secret).json()
    assert (found["success"], found["message"], found["refreshToken"]) == (True, message, "")
    step = world.anon.bearing(found["accessToken"])
    assert step.get("settings/mailbox-forward-list").status_code == 403
    assert step.post("auth/refresh-token", {"token": found["accessToken"]}).status_code == 401
    world.advance(601)
    assert step.get("settings/mailbox-forward-list").status_code == 401, "ten minutes"


def test_08_for_a_system_administrator_without_context_the_domain_does_not_exist(world):
    for answer in (world.sa.get("settings/domain/domain"), world.sa.post("settings/domain/get-user", {"email": ANNA})):
        assert (answer.json()["success"], answer.json()["message"]) == (False, "Domain does not exist")
    for path in (f"settings/domain/user-mail/{ANNA}", f"settings/domain/mailbox-forward-list/{ANNA}"):
        assert world.sa.read(path)["success"] is True, "the exceptions of section 2.7"


def test_09_the_header_gives_context_to_a_system_administrator_and_nothing_to_a_domain_administrator(world):
    world.add_domain("other.test")
    assert world.sa.with_header("other.test").read("settings/domain/data")["domainData"]["name"] == "other.test"
    crossing = world.da.with_header("other.test")
    crossing.ok("settings/domain/user-put", world.user("spy"))
    assert "spy" in world.state()["users"] and "spy" not in world.state("other.test")["users"]


def test_10_manage_domain_on_an_unknown_domain_is_400_or_404_by_quirk(world):
    answer = world.sa.post("settings/sysadmin/manage-domain/nowhere.test")
    assert (answer.status_code, answer.json()["message"]) == (400, "INVALID_PERMISSIONS")
    world.quirks("unknown-domain-404")
    assert world.sa.post("settings/sysadmin/manage-domain/nowhere.test").status_code == 404


def test_11_a_plain_user_gets_403_from_admin_endpoints(world):
    for path in ("settings/domain/list-users", "settings/domain/domain", "settings/sysadmin/domains"):
        assert world.u.get(path).status_code == 403


def test_12_names_are_stored_in_lower_case_and_found_in_any(world):
    world.da.ok("settings/domain/user-put", world.user("BERT@Example.TEST"))
    world.da.ok(PUT_ALIAS, alias("SALES", "Bert"))
    assert {"bert"} <= set(world.state()["users"]) and set(world.state()["aliases"]) == {"sales"}
    assert world.da.ok("settings/domain/get-user", {"email": "Bert@EXAMPLE.test"})["userData"]["userName"] == "bert"
    assert world.da.read("settings/domain/alias/SaLeS")["alias"]["name"] == "sales"
    world.da.ok("settings/domain/users-delete", {"input": ["BERT"]})


def test_13_users_aliases_and_lists_share_one_namespace(world):
    world.da.ok(PUT_ALIAS, alias("sales"))
    world.da.ok("settings/domain/mailing-lists/add", {"name": "news"})
    for taken in ("anna", "sales", "news"):
        assert world.da.refused("settings/domain/user-put", world.user(taken)) == "USER_ADD_ERROR_NAME_IN_USE"
        assert world.da.refused(PUT_ALIAS, alias(taken)) == "USER_ADD_ERROR_NAME_IN_USE"


def test_14_creating_a_domain_creates_its_administrator_who_is_listed_and_cannot_be_deleted(world):
    world.add_domain("new.test")
    rows = world.sa.read("settings/sysadmin/list-users/new.test")["userData"]
    assert [(row["userName"], row["isPrimaryDomainAdmin"]) for row in rows] == [("boss", True)]
    assert world.sa.refused("settings/sysadmin/users-delete/new.test", {"input": ["boss"]})
    assert "boss" in world.state("new.test")["users"]


def test_15_whether_the_administrator_counts_is_a_switch(world):
    assert world.da.read("settings/domain/data")["domainData"]["userCount"] == 2
    world.quirks("admin-not-counted")
    assert world.da.read("settings/domain/data")["domainData"]["userCount"] == 1


@pytest.mark.parametrize(
    ("limit", "path", "body"),
    [
        ("maxUsers", "settings/domain/user-put", {"userData": {"userName": "x", "password": "Passw0rd-x"}}),
        ("maxAliases", PUT_ALIAS, alias("two")),
        ("maxDomainAliases", "settings/domain/domain-alias-put/two.test/false", {}),
    ],
)
def test_16_limits_are_enforced_on_creation_with_a_neutral_text(world, limit, path, body):
    own = world.sa.manage("example.test")
    own.ok(PUT_ALIAS, alias("one"))
    own.ok("settings/domain/domain-alias-put/one.test/false")
    count = 2 if limit == "maxUsers" else 1
    world.sa.ok("settings/sysadmin/domain-settings/example.test", {"domainSettings": {limit: count}})
    assert own.refused(path, body)
    world.sa.ok("settings/sysadmin/domain-settings/example.test", {"domainSettings": {limit: count + 1}})
    own.ok(path, body)


def test_17_deleting_a_mailbox_leaves_aliases_pointing_at_it(world):
    world.da.ok(PUT_ALIAS, alias("sales", ANNA))
    world.da.ok("settings/domain/users-delete", {"input": ["anna"]})
    assert world.da.read("settings/domain/alias/sales")["alias"]["aliasTargetList"] == [ANNA]


def test_18_alias_rows_of_the_search_have_their_name_in_user_name_and_targets_by_switch(world):
    world.da.ok(PUT_ALIAS, alias("sales", ANNA))
    row = world.da.ok(SEARCH, {"searchFlags": ["aliases"]})["results"][0]
    assert (row["userName"], row["aliasTargetList"]) == ("sales", [ANNA])
    world.quirks("alias-rows-without-targets")
    row = world.da.ok(SEARCH, {"searchFlags": ["aliases"]})["results"][0]
    assert row["userName"] == "sales" and "aliasTargetList" not in row


def test_19_empty_grid_info_and_domain_alias_data_are_null(world):
    assert world.da.read("settings/domain/aliases")["gridInfo"] is None
    assert world.da.read("settings/domain/domain-aliases")["domainAliasData"] is None


def test_20_zero_is_unlimited_and_null_in_the_quick_search(world):
    world.da.ok("settings/domain/post-user", {"email": ANNA, "userData": {"maxMailboxSize": 0}})
    rows = world.da.ok("settings/domain/account-search-quick", {"search": "anna"})["users"]
    assert [row["bytesAllowed"] for row in rows] == [None]
    for number in range(3):
        world.da.ok("settings/domain/user-put", world.user(f"u{number}"))


def test_21_answers_mix_kinds_take_truncates_silently_and_the_total_may_be_missing(world):
    world.da.ok(PUT_ALIAS, alias("sales"))
    found = world.da.ok(SEARCH, {"take": 2})
    assert (len(found["results"]), found["totalCount"]) == (2, 3)
    assert {row["accountType"] for row in world.da.ok(SEARCH, {"take": 99})["results"]} == {0, 1, 4}
    world.quirks("no-total-count")
    assert "totalCount" not in world.da.ok(SEARCH, {"take": 2})


def test_22_an_update_of_an_alias_replaces_its_targets_and_may_reset_flags(world):
    world.da.ok(PUT_ALIAS, alias("sales", "anna", "boss", allowSending=True))
    world.da.ok("settings/domain/alias", alias("sales", "boss"))
    found = world.da.read("settings/domain/alias/sales")["alias"]
    assert (found["aliasTargetList"], found["allowSending"]) == (["boss"], True)
    world.quirks("alias-update-resets-flags")
    world.da.ok("settings/domain/alias", alias("sales", "boss"))
    assert world.da.read("settings/domain/alias/sales")["alias"]["allowSending"] is False


def test_23_post_user_merges_or_blanks_by_switch(world):
    world.da.ok("settings/domain/post-user", {"email": ANNA, "userData": {"description": "d"}})
    found = world.da.read(f"settings/domain/user/{ANNA}")["userData"]
    assert (found["fullName"], found["description"]) == ("Anna A", "d")
    world.quirks("post-user-blanks")
    world.da.ok("settings/domain/post-user", {"email": ANNA, "userData": {"description": "e"}})
    found = world.da.read(f"settings/domain/user/{ANNA}")["userData"]
    assert (found["fullName"], found["description"]) == ("", "e")


def test_24_a_forward_list_is_replaced_completely_and_takes_effect_only_with_both_flags(world):
    def effective() -> list[str]:
        found: list[str] = world.state()["users"]["anna"]["effectiveForwards"]
        return found

    path = "settings/domain/post-mailbox-forward-list"
    world.da.ok(path, {"email": ANNA, "mailboxForwardList": {"forwardList": ["a@x.test", "b@x.test"]}})
    world.da.ok(path, {"email": ANNA, "mailboxForwardList": {"forwardList": ["c@x.test"]}})
    assert effective() == ["c@x.test"]
    mail = {"email": ANNA, "userMailSettings": {"enableMailForwarding": False}}
    world.da.ok("settings/domain/post-user-mail", mail)
    assert effective() == []
    mail["userMailSettings"] = {"enableMailForwarding": True}
    world.da.ok("settings/domain/post-user-mail", mail)
    domain = "settings/sysadmin/domain-settings/example.test"
    world.sa.ok(domain, {"domainSettings": {"enableMailForwarding": False}})
    assert effective() == []
    found = world.da.ok("settings/domain/get-mailbox-forward-list", {"email": ANNA})["mailboxForwardList"]
    assert found["forwardList"] == ["c@x.test"], "stored nevertheless"


def test_25_the_mx_rule_differs_by_kind_of_token(world):
    path = "settings/domain/domain-alias-put/no-mx.test/false"
    assert world.da.refused(path) == "MX record does not match"
    assert world.sa.refused(path) == "Domain does not exist"
    world.sa.manage("example.test").ok(path)


def test_26_a_second_delete_is_404_for_domains_and_success_false_for_accounts(world):
    world.da.ok("settings/domain/user-delete/anna")
    assert world.da.refused("settings/domain/user-delete/anna")
    assert world.da.refused("settings/domain/alias-delete/anna")
    world.sa.ok("settings/sysadmin/domain-delete/example.test/false")
    assert world.sa.post("settings/sysadmin/domain-delete/example.test/false").status_code == 404


def test_27_an_unknown_user_does_not_exist(world):
    for answer in (
        world.da.post("settings/domain/get-user", {"email": "no@example.test"}),
        world.da.get("settings/domain/user/no@example.test"),
        world.sa.post("settings/sysadmin/get-user", {"email": "no@example.test"}),
    ):
        assert (answer.status_code, answer.json()["success"], answer.json()["message"]) == (
            200, False, "User does not exist.",
        )  # fmt: skip


def test_28_an_unknown_endpoint_is_404_and_any_may_be_missing(world):
    assert world.da.get("settings/domain/no-such-thing").status_code == 404
    world.quirks("missing:POST settings/domain/get-user")
    assert world.da.post("settings/domain/get-user", {"email": ANNA}).status_code == 404
    assert world.da.read(f"settings/domain/user/{ANNA}")["success"] is True


def test_29_no_password_is_in_normal_reads_and_a_policy_violation_is_refused(world):
    reads: list[Callable[[], httpx.Response]] = [
        lambda: world.da.get(f"settings/domain/user/{ANNA}"),
        lambda: world.da.get("settings/domain/list-users-extra"),
        lambda: world.sa.get(f"settings/sysadmin/user/{ANNA}"),
    ]
    for read in reads:
        assert world.secret not in read().text and '"password"' not in read().text
    world.da.ok("settings/domain/password-settings", {"requireNumber": True})
    answer = world.da.post("settings/domain/user-put", world.user("weak", password="no-numbers"))
    assert (answer.status_code, answer.json()["message"]) == (400, "User does not meet password requirements")


def test_30_targets_may_be_bare_local_parts(world):
    world.da.ok(PUT_ALIAS, alias("bare", "anna"))
    assert world.da.read("settings/domain/alias/bare")["alias"]["aliasTargetList"] == ["anna"]
    world.da.ok(PUT_ALIAS, alias("full", ANNA))
    world.quirks("bare-targets")
    assert world.da.read("settings/domain/alias/full")["alias"]["aliasTargetList"] == ["anna"]


def test_31_proxies_maintenance_slowness_and_cut_connections_can_be_simulated(world):
    world.fault(name="html")
    answer = world.da.get("settings/domain/data")
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/html")
    for name, status in (("502", 502), ("503", 503)):
        world.fault(name=name)
        assert world.da.get("settings/domain/data").status_code == status
    world.fault(name="latency", param=300)
    began = time.monotonic()
    world.da.read("settings/domain/data")
    assert time.monotonic() - began >= 0.3
    world.fault(name="drop-after", path="user-put")
    with pytest.raises(httpx.TransportError):
        world.da.post("settings/domain/user-put", world.user("lost"))
    assert "lost" in world.state()["users"], "cut after the write was applied"


def test_32_rows_are_unsorted_without_a_sort_field(world):
    for name in ("delta", "alfa", "charlie", "bravo", "echo"):
        world.da.ok("settings/domain/user-put", world.user(name))
    world.quirks("unsorted-rows")
    names = [row["userName"] for row in world.da.ok(SEARCH, {"take": 99})["results"]]
    ordered = [row["userName"] for row in world.da.ok(SEARCH, {"take": 99, "sortField": "userName"})["results"]]
    assert ordered == sorted(names) != names
    down = world.da.ok(SEARCH, {"take": 99, "sortField": "userName", "sortDescending": True})["results"]
    assert [row["userName"] for row in down] == ordered[::-1]


def test_33_a_quota_below_the_usage_is_accepted(world):
    world.anon.sandbox("POST", "account", {"email": ANNA, "size": 5000})
    world.da.ok("settings/domain/post-user", {"email": ANNA, "userData": {"maxMailboxSize": 10}})
    found = world.da.read(f"settings/domain/user/{ANNA}")["userData"]
    assert (found["maxMailboxSize"], found["currentMailboxSize"]) == (10, 5000)


def test_34_a_disabled_user_keeps_its_data_and_stays_in_lists(world):
    before = world.da.read(f"settings/domain/user/{ANNA}")["userData"]
    world.da.ok("settings/domain/users-disable/true/false", {"input": ["anna"]})
    after = world.da.read(f"settings/domain/user/{ANNA}")["userData"]
    assert after == {**before, "securityFlags": {**before["securityFlags"], "isDisabled": True}}
    rows = world.da.ok("settings/domain/account-search-quick", {"take": 9})["users"]
    assert [(row["userName"], row["status"]) for row in rows] == [("boss", "Enabled"), ("anna", "Disabled")]


def test_35_activation_lists_contain_only_activated_accounts(world):
    assert world.da.read("settings/domain/active-sync-mailboxes")["activeSyncAccounts"] == []
    world.da.ok("settings/domain/active-sync-mailboxes-patch", [{"emailAddress": ANNA, "isActive": True}])
    rows = world.da.read("settings/domain/active-sync-mailboxes")["activeSyncAccounts"]
    assert [row["emailAddress"] for row in rows] == [ANNA]


def test_every_number_has_its_test():
    found = {int(name[5:7]) for name in globals() if name.startswith("test_") and name[5:7].isdigit()}
    assert found == set(range(1, 36))
