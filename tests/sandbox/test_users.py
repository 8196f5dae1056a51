"""Users, their settings, forwarding, activations and passwords (API reference section 5; section 10 nos. 12 to 35)."""

from __future__ import annotations

import pytest

ANNA = "anna@example.test"
USER_DATA = {
    "userName", "domain", "emailAddress", "fullName", "description", "maxMailboxSize", "currentMailboxSize", "securityFlags",
    "adminId", "roles", "permissions", "createDate", "loaded", "sessionStr", "isListModerator", "enableSmtpAccounts",
    "adUsername", "lockPassword", "isPasswordExpired", "isPasswordCompliant", "tempPassword", "tempPasswordExpUtc", "csvFields",
}  # fmt: skip


def anna(world) -> dict:
    return world.da.read(f"settings/domain/user/{ANNA}")["userData"]


def test_one_user_is_read_in_four_spellings(world):
    for found in (
        world.da.ok("settings/domain/get-user", {"email": ANNA}),
        world.da.read("settings/domain/user/Anna%40Example.test"),
        world.sa.ok("settings/sysadmin/get-user", {"Email": ANNA}),
        world.sa.read(f"settings/sysadmin/user/{ANNA}"),
    ):
        assert set(found["userData"]) >= USER_DATA
        assert found["userData"]["fullName"] == "Anna A"
        assert "password" not in found["userData"] and world.secret not in str(found)
    form = world.anon.http.post(
        f"{world.anon.url}/api/v1/settings/sysadmin/get-user", data={"email": ANNA}, headers=world.sa.headers
    )
    assert form.json()["userData"]["userName"] == "anna"


def test_an_unknown_user_does_not_exist(world):
    assert world.da.refused("settings/domain/get-user", {"email": "no@example.test"}) == "User does not exist."
    assert world.sa.refused("settings/sysadmin/get-user", {"email": "a@nowhere.test"}) == "Domain does not exist"
    assert world.sa.refused("settings/sysadmin/user-exists", {"email": "no@example.test"}) == "User does not exist."
    assert world.sa.ok("settings/sysadmin/user-exists", {"email": ANNA})["exists"] is True
    world.quirks("unknown-user-400")
    response = world.da.get("settings/domain/user/no@example.test")
    assert (response.status_code, response.json()["message"]) == (400, "User not found")


def test_a_domain_administrator_sees_no_user_of_another_domain(world):
    world.add_domain("other.test")
    assert world.da.refused("settings/domain/get-user", {"email": "boss@other.test"}) == "User does not exist."


def test_a_user_is_created_with_mail_settings_and_forwards(world):
    body = {
        **world.user("Bert.X@Example.test", fullName="Bert", maxMailboxSize="1073741824",
                     securityFlags={"authType": 0, "authenticatingWindowsDomain": None, "isDomainAdmin": "False", "isDisabled": True}),
        "userMailSettings": {"isEnabled": True, "canReceiveMail": False, "enableMailForwarding": True},
        "forwardList": {"forwardList": ["X@other.test"], "keepRecipients": True, "deleteOnForward": True},
    }  # fmt: skip
    world.da.ok("settings/domain/user-put", body)
    found = world.state()["users"]["bert.x"]
    assert (
        found["userData"]["maxMailboxSize"] == 1073741824 and found["userData"]["securityFlags"]["isDisabled"] is True
    )
    assert found["userMailSettings"]["canReceiveMail"] is False
    assert found["mailboxForwardList"] == {
        "forwardList": ["x@other.test"], "keepRecipients": True, "deleteOnForward": True, "spamForwardOption": "None",
    }  # fmt: skip
    world.sa.with_header("example.test").ok("settings/domain/user-put", world.user("carl"))
    world.sa.ok("settings/sysadmin/user-put", {"domain": "example.test", **world.user("dora")})
    world.sa.ok("settings/sysadmin/user-password-put", {"email": "dora@example.test", "password": "Another-one"})
    assert world.anon.login("dora@example.test", "Another-one")


def test_a_name_may_hold_a_colon(world):
    world.da.ok("settings/domain/user-put", world.user("22:30"))
    assert world.da.ok("settings/domain/get-user", {"email": "22:30@example.test"})


@pytest.mark.parametrize("name", ["", "a b", "a@other.test", "a..b", "ü", "x" * 65])
def test_an_invalid_user_name_is_refused(world, name):
    assert world.da.refused("settings/domain/user-put", world.user(name)) == "USER_ADD_ERROR_INVALID_NAME"


def test_users_aliases_and_lists_share_one_namespace(world):
    world.da.ok("settings/domain/alias-put", {"alias": {"name": "sales", "aliasTargetList": [ANNA]}})
    world.da.ok("settings/domain/mailing-lists/add", {"listAddress": "news"})
    for name in ("ANNA", "sales", "news"):
        assert world.da.refused("settings/domain/user-put", world.user(name)) == "USER_ADD_ERROR_NAME_IN_USE"
        body = {"alias": {"name": name, "aliasTargetList": [ANNA]}}
        assert world.da.refused("settings/domain/alias-put", body) == "USER_ADD_ERROR_NAME_IN_USE"
        assert world.da.refused("settings/domain/mailing-lists/add", {"name": name}) == "USER_ADD_ERROR_NAME_IN_USE"
        free = world.da.get(f"settings/domain/email-alias-does-not-exists/{name}").json()
        assert (free["success"], free["message"]) == (False, "USER_ADD_ERROR_NAME_IN_USE")
    assert world.da.read("settings/domain/email-alias-does-not-exists/free")["success"] is True


def test_lists_of_users_have_every_field_of_the_page(world):
    row = next(r for r in world.da.read("settings/domain/list-users")["userData"] if r["userName"] == "anna")
    assert set(row) == {
        "userName", "emailAddress", "fullName", "isPrimaryDomainAdmin", "currentMailboxSize", "maxMailboxSize",
        "lastLoginTime", "securityFlags",
    }  # fmt: skip
    assert set(row["securityFlags"]) == {"authType", "isDisabled", "isDomainAdmin"}
    assert world.sa.read("settings/sysadmin/list-users/example.test")["userData"][1] == row
    assert world.da.read("settings/domain/list-users-extra")["userData"][1]["description"] == ""
    assert world.sa.read("settings/sysadmin/list-usernames/example.test")["usernames"] == ["boss", "anna"]
    assert [r["userName"] for r in world.sa.read("settings/sysadmin/search-users/example.test/Ann")["userData"]] == [
        "anna"
    ]
    assert world.sa.get("settings/sysadmin/list-users/nowhere.test").json()["success"] is False
    statuses = world.da.ok("settings/domain/users-statuses", {"search": "", "take": 10, "domain": "example.test"})
    assert statuses["results"][1]["isEnabled"] is True
    times = world.da.ok("settings/domain/last-login-times", {"dateTime": "2000-01-01T00:00:00"})["results"]
    assert {row["emailAddress"] for row in times} == {"boss@example.test", ANNA}


def test_the_search_mixes_kinds_by_flags_pages_and_sorts(world):
    search = "settings/domain/account-list-search"
    world.da.ok(
        "settings/domain/alias-put", {"alias": {"name": "sales", "displayName": "S", "aliasTargetList": [ANNA]}}
    )
    world.da.ok("settings/domain/mailing-lists/add", {"name": "news"})

    def names(**body: object) -> list[str]:
        return [row["userName"] for row in world.da.ok(search, body)["results"]]

    assert names(search="", searchFlags=["users"]) == ["boss", "anna"]
    assert names(search=None, searchFlags=["aliases"]) == ["sales"]
    assert names() == ["boss", "anna", "sales"]
    assert names(searchFlags=["users", "aliases", "lists"], sortField="username") == ["anna", "boss", "news", "sales"]
    assert names(sortField="userName", sortDescending=True, skip=1, take=1) == ["boss"]
    assert names(search="SAL") == ["sales"]
    found = world.da.ok(search, {"searchFlags": ["users", "aliases", "lists"], "take": 1})
    assert (len(found["results"]), found["totalCount"]) == (1, 4)
    kinds = {
        r["userName"]: r["accountType"]
        for r in world.da.ok(search, {"searchFlags": ["users", "aliases", "lists"]})["results"]
    }
    assert kinds == {"boss": 1, "anna": 0, "sales": 4, "news": 5}
    assert set(world.da.ok(search, {"searchFlags": ["users"]})["results"][0]) >= {
        "userName", "displayName", "emailAddress", "accountType", "isEnabled", "lastLogin", "totalMailboxSize", "authType",
    }  # fmt: skip


def test_the_quick_search_shows_null_for_unlimited(world):
    world.da.ok("settings/domain/post-user", {"email": "boss@example.test", "userData": {"maxMailboxSize": 5}})
    rows = {r["userName"]: r for r in world.da.ok("settings/domain/account-search-quick", {"take": 99999})["users"]}
    assert (rows["anna"]["bytesAllowed"], rows["boss"]["bytesAllowed"], rows["anna"]["status"]) == (None, 5, "Enabled")
    assert set(rows["anna"]) == {"userName", "displayName", "bytesUsed", "bytesAllowed", "status", "lastLoginTime"}


def test_post_user_merges_and_leaves_the_password(world):
    world.da.ok("settings/domain/post-user", {"email": ANNA, "userData": {"maxMailboxSize": 7, "description": "d"}})
    world.da.ok("settings/domain/post-user", {"email": ANNA, "userData": {"fullName": "Anna B", "password": ""}})
    found = anna(world)
    assert (found["fullName"], found["maxMailboxSize"], found["description"]) == ("Anna B", 7, "d")
    assert world.anon.login(ANNA, world.secret)
    assert world.effects()[f"user {ANNA}"] == {"create": 1, "update": 2}


def test_writing_back_what_was_read_changes_nothing(world):
    before = world.state()["users"]["anna"]
    world.da.ok("settings/domain/post-user", {"email": ANNA, "userData": anna(world)})
    mail = world.da.read(f"settings/domain/user-mail/{ANNA}")["userMailSettings"]
    world.da.ok("settings/domain/post-user-mail", {"email": ANNA, "userMailSettings": mail})
    forward = world.da.read(f"settings/domain/mailbox-forward-list/{ANNA}")["mailboxForwardList"]
    world.da.ok("settings/domain/post-mailbox-forward-list", {"email": ANNA, "mailboxForwardList": forward})
    assert world.state()["users"]["anna"] == before
    assert world.effects()[f"user {ANNA}"] == {"create": 1, "noop": 2}


def test_post_user_of_other_builds_by_quirk(world):
    world.da.ok(
        "settings/domain/post-user",
        {"email": ANNA, "userData": {"maxMailboxSize": 7, "securityFlags": {"authType": 1}}},
    )
    world.quirks("securityflags-ignored-in-post-user")
    world.da.ok("settings/domain/post-user", {"email": ANNA, "userData": {"securityFlags": {"isDisabled": True}}})
    assert anna(world)["securityFlags"]["isDisabled"] is False
    world.quirks("securityflags-replaced")
    world.da.ok("settings/domain/post-user", {"email": ANNA, "userData": {"securityFlags": {"isDisabled": True}}})
    assert (anna(world)["securityFlags"]["isDisabled"], anna(world)["securityFlags"]["authType"]) == (True, 0)
    world.quirks("post-user-blanks")
    world.da.ok("settings/domain/post-user", {"email": ANNA, "userData": {"fullName": "Only"}})
    assert (anna(world)["fullName"], anna(world)["maxMailboxSize"], anna(world)["securityFlags"]["isDisabled"]) == (
        "Only",
        0,
        False,
    )


def test_users_disabled_in_bulk_stay_in_lists(world):
    world.da.ok("settings/domain/users-disable/true/true", {"input": ["anna"]})
    assert anna(world)["securityFlags"]["isDisabled"] is True
    assert world.u.get("settings/mailbox-forward-list").status_code == 401
    rows = world.da.ok("settings/domain/account-search-quick", {})["users"]
    assert [(row["userName"], row["status"]) for row in rows] == [("boss", "Enabled"), ("anna", "Disabled")]
    assert world.state()["users"]["anna"]["receivesMail"] is True
    world.da.ok("settings/domain/users-disable/false/false", {"input": [ANNA]})
    world.sa.ok("settings/sysadmin/users-disable/true/example.test", {"input": ["anna"]})
    assert (anna(world)["securityFlags"]["isDisabled"], world.state()["users"]["anna"]["receivesMail"]) == (True, False)
    world.quirks("users-disable-missing")
    assert world.da.post("settings/domain/users-disable/true/true", {"input": ["anna"]}).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "token"),
    [
        ("settings/domain/users-delete", {"input": ["anna"]}, "da"),
        ("settings/domain/account-list-delete", {"input": [ANNA]}, "da"),
        ("settings/domain/user-delete/anna", None, "da"),
        ("settings/sysadmin/users-delete/example.test", {"input": ["Anna"]}, "sa"),
    ],
)
def test_a_user_is_deleted_once_aliases_stay_and_the_second_time_is_an_error(world, path, body, token):
    world.da.ok("settings/domain/alias-put", {"alias": {"name": "sales", "aliasTargetList": [ANNA]}})
    api = getattr(world, token)
    api.ok(path, body)
    assert "not exist" in api.refused(path, body)
    assert world.state()["aliases"]["sales"]["targets"] == [ANNA]
    assert world.effects()[f"user {ANNA}"]["delete"] == 1
    assert world.u.get("settings/mailbox-forward-list").status_code == 401


def test_the_caller_cannot_delete_itself(world):
    world.da.ok("settings/domain/user-put", world.user("vice", securityFlags={"isDomainAdmin": True}))
    vice = world.anon.login("vice@example.test", world.secret)
    assert "your own" in vice.refused("settings/domain/users-delete", {"input": ["vice"]})


def test_a_user_can_be_renamed(world):
    world.da.ok("settings/domain/rename-user/anna/anne")
    assert set(world.state()["users"]) == {"boss", "anne"}
    assert world.da.refused("settings/domain/rename-user/anne/boss") == "USER_ADD_ERROR_NAME_IN_USE"


def test_mail_settings_are_read_and_merged_in_their_spellings(world):
    found = world.da.ok("settings/domain/get-user-mail", {"email": ANNA})["userMailSettings"]
    assert set(found) >= {
        "isEnabled", "canReceiveMail", "maxSize", "totalMailboxSize", "hideFromGAL", "isCatchAll", "enablePop", "enableImap",
        "enableSmtp", "enableMailForwarding", "replyToAddress", "localeId", "dictionaryLanguage", "userContactInfo",
        "throttleSettings", "blockedSenders",
    }  # fmt: skip
    world.da.ok(
        "settings/domain/post-user-mail", {"email": ANNA, "userMailSettings": {"enablePop": False, "maxSize": 9}}
    )
    world.da.ok(f"settings/domain/user-mail/{ANNA}", {"userMailSettings": {"userContactInfo": {"firstName": "A"}}})
    found = world.da.read(f"settings/domain/user-mail/{ANNA}")["userMailSettings"]
    assert (found["enablePop"], found["maxSize"], found["userContactInfo"]["firstName"]) == (False, 9, "A")
    assert anna(world)["maxMailboxSize"] == 9
    world.quirks("post-user-mail-blanks")
    world.da.ok("settings/domain/post-user-mail", {"email": ANNA, "userMailSettings": {"enableImap": False}})
    found = world.da.read(f"settings/domain/user-mail/{ANNA}")["userMailSettings"]
    assert (found["enablePop"], found["enableImap"]) == (True, False)
    world.quirks("mail-isenabled-is-enabled")
    world.da.ok("settings/domain/post-user-mail", {"email": ANNA, "userMailSettings": {"isEnabled": False}})
    assert anna(world)["securityFlags"]["isDisabled"] is True


def test_forwards_are_replaced_completely_and_take_effect_only_with_the_flags(world):
    write = {
        "email": ANNA,
        "mailboxForwardList": {
            "forwardList": ["a@x.test", "b@x.test"],
            "keepRecipients": True,
            "deleteOnForward": True,
        },
    }
    world.da.ok("settings/domain/post-mailbox-forward-list", write)
    write["mailboxForwardList"] = {"forwardList": ["c@x.test"], "spamForwardOption": "Delete"}
    world.da.ok("settings/domain/post-mailbox-forward-list", write)
    expected = {
        "forwardList": ["c@x.test"],
        "keepRecipients": True,
        "deleteOnForward": True,
        "spamForwardOption": "Delete",
    }
    assert world.da.ok("settings/domain/get-mailbox-forward-list", {"email": ANNA})["mailboxForwardList"] == expected
    assert world.da.read(f"settings/domain/mailbox-forward-list/{ANNA}")["mailboxForwardList"] == expected
    assert world.state()["users"]["anna"]["effectiveForwards"] == ["c@x.test"]
    world.anon.sandbox("POST", "domain", {"domain": "example.test", "enableMailForwarding": False})
    assert world.state()["users"]["anna"]["effectiveForwards"] == []
    world.quirks("forward-omitted-resets")
    write["mailboxForwardList"] = {"forwardList": []}
    world.da.ok("settings/domain/post-mailbox-forward-list", write)
    assert world.state()["users"]["anna"]["mailboxForwardList"]["keepRecipients"] is False
    bad = {"email": ANNA, "mailboxForwardList": {"forwardList": [], "spamForwardOption": "Nonsense"}}
    assert world.da.post("settings/domain/post-mailbox-forward-list", bad).status_code == 400


def test_a_user_sees_and_sets_its_own_forwards_and_auto_responder(world):
    world.u.ok(
        "settings/mailbox-forward-list",
        {"mailboxForwardList": {"forwardList": ["me@x.test"], "deleteOnForward": False}},
    )
    assert world.u.read("settings/mailbox-forward-list")["mailboxForwardList"]["forwardList"] == ["me@x.test"]
    world.u.ok("settings/auto-responder", {"autoResponderSettings": {"enabled": True, "subject": "away"}})
    assert world.u.read("settings/auto-responder/false")["autoResponderSettings"]["subject"] == "away"


def test_the_forwarding_flag_by_quirk(world):
    world.quirks("forward-flag-off-default")
    world.da.ok("settings/domain/user-put", world.user("new"))
    assert world.state()["users"]["new"]["userMailSettings"]["enableMailForwarding"] is False
    world.quirks("forward-needs-flag")
    assert world.da.get("settings/domain/mailbox-forward-list/new@example.test").json()["success"] is False


@pytest.mark.parametrize(
    ("name", "key", "flag", "limit", "quirk"),
    [
        (
            "active-sync",
            "activeSyncAccounts",
            "enableActiveSyncAccountManagement",
            "maxActiveSyncAccounts",
            "eas-flag-off",
        ),
        ("mapi-ews", "mapiEwsAccounts", "enableMapiEwsAccountManagement", "maxMapiEwsAccounts", "mapi-flag-off"),
    ],
)
def test_activations_are_set_in_bulk_listed_and_limited(world, name, key, flag, limit, quirk):
    path, patch = f"settings/domain/{name}-mailboxes", f"settings/domain/{name}-mailboxes-patch"
    assert world.da.read(path)[key] == []
    world.anon.sandbox("POST", "domain", {"domain": "example.test", limit: 1})
    both = [{"emailAddress": ANNA, "isActive": True}, {"emailAddress": "boss@example.test", "isActive": True}]
    assert "limit" in world.da.refused(patch, both).lower()
    world.da.ok(patch, both[:1])
    row = world.da.read(path)[key][0]
    assert (row["emailAddress"], row["isActive"], row["displayName"]) == (ANNA, True, "Anna A")
    world.anon.sandbox("POST", "domain", {"domain": "example.test", flag: False})
    world.da.ok(patch, [{"emailAddress": ANNA, "isActive": False}])
    assert len(world.da.read(path)[key]) == 1, "success without effect while the domain's flag is off"
    world.quirks("seats-403-when-off")
    assert world.da.post(patch, [{"emailAddress": ANNA, "isActive": False}]).status_code == 403
    assert world.da.post(patch, {"not": "an array"}).status_code == 400
    world.quirks(quirk)
    world.add_domain("off.test")
    assert world.state("off.test")["settings"][flag] is False


def test_protocols_defaults_and_propagation(world):
    world.da.ok("settings/domain/modify-protocol-access", {"items": [ANNA], "popEnabled": False})
    assert world.state()["users"]["anna"]["userMailSettings"]["enablePop"] is False
    world.da.ok("settings/domain/user-defaults", {"userDefaults": {"maxMailboxSize": 5, "hideFromGAL": True}})
    world.da.ok("settings/domain/user-put", world.user("new"))
    assert world.state()["users"]["new"]["userData"]["maxMailboxSize"] == 5
    assert anna(world)["maxMailboxSize"] == 0
    world.da.ok("settings/domain/propagate-settings")
    assert anna(world)["maxMailboxSize"] == 5
    assert world.da.read("settings/domain/user-defaults")["userDefaults"]["hideFromGAL"] is True
    assert world.da.post("settings/domain/recalculate-users", {"input": ["anna"]}).json() == "OK"


def test_the_password_policy_refuses(world):
    assert (
        world.da.refused("settings/domain/user-put", world.user("n", password="abc"))
        == "USER_ADD_ERROR_PASSWORD_TOO_SHORT"
    )
    overrides = {"requireCapital": True, "requireLower": True, "requireNumber": True, "requireSymbol": True, "notUsername": True,
                 "preventCommonPasswords": True, "minLength": {"enabled": True, "ruleValue": 8},
                 "preventPreviousPasswords": {"enabled": True, "ruleValue": 2}}  # fmt: skip
    world.da.ok("settings/domain/password-settings", overrides)
    assert world.da.read("settings/domain/password-settings")["overrides"]["minLength"]["ruleValue"] == 8
    assert world.u.read("settings/password-requirements")["passwordRequirements"]["requireSymbol"] is True
    for weak in ("alllowercase1!", "ALLUPPER1!", "NoDigits!!", "NoSymbol11"):
        response = world.da.post("settings/domain/user-put", world.user("n", password=weak))
        assert (response.status_code, response.json()["message"]) == (400, "User does not meet password requirements")
    change = {"email": ANNA, "userData": {"password": "Str0ng-enough"}}
    world.da.ok("settings/domain/post-user", change)
    assert world.da.post("settings/domain/post-user", change).status_code == 400, "no reuse"
    assert world.anon.sandbox("POST", "check-password", {"email": ANNA, "password": "Str0ng-enough"}) == {"ok": True}
    assert world.anon.sandbox("POST", "check-password", {"email": ANNA, "password": world.secret}) == {"ok": False}
    assert world.effects()[f"user {ANNA}"]["password"] == 1


def test_a_refused_password_changes_nothing_else_of_the_user(world):
    body = {"email": ANNA, "userData": {"fullName": "Changed", "password": "x"}}
    assert world.da.post("settings/domain/post-user", body).status_code == 400
    assert anna(world)["fullName"] == "Anna A"


@pytest.mark.parametrize("body", [{"input": ["anna"]}, {"emailAddresses": [ANNA]}])
def test_passwords_expire_in_bulk_in_both_spellings(world, body):
    world.da.ok("settings/domain/expire-users-passwords", body)
    found = world.da.ok("settings/domain/expired-password-list", {"take": 10})
    assert [row["userName"] for row in found["results"]] == ["anna"]
    login = world.anon.ok("auth/authenticate-user", {"username": ANNA, "password": world.secret})
    assert login["message"] == "PASSWORD_EXPIRED"
    assert world.da.ok("settings/domain/aged-password-list", {})["totalCount"] == 2
    assert world.da.ok("settings/domain/password-compliance-users", {})["totalCount"] == 0


def test_no_password_is_ever_shown(world):
    assert world.sa.post("settings/sysadmin/show-password", {"emailAddress": ANNA}).status_code == 403
    state = world.anon.http.get(f"{world.anon.url}/sandbox/state", headers={"X-Sandbox": "1"}).text
    assert world.secret not in state and "$" not in state.replace("$schema", "")
