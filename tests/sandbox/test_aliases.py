"""Aliases, domain aliases and lists (API reference sections 6, 7, 9)."""

from __future__ import annotations

import pytest

ALIAS = {
    "name": "sales", "displayName": "Sales", "description": "d", "aliasTargetList": ["anna@example.test", "X@other.test"],
    "allowSending": True, "hideFromGAL": True, "internalOnly": False, "includeAllDomainUsers": False, "enableForXmpp": False,
    "isEnabled": True,
}  # fmt: skip


@pytest.fixture
def sales(world):
    world.da.ok("settings/domain/alias-put/", {"oldName": "", "alias": ALIAS})
    return world


def read(world) -> dict:
    return world.da.read("settings/domain/alias/Sales")["alias"]


def test_an_alias_is_read_as_it_was_written_with_every_field_of_the_page(sales):
    assert read(sales) == {**ALIAS, "aliasTargetList": ["anna@example.test", "x@other.test"]}
    rows = sales.da.read("settings/domain/aliases")["gridInfo"]
    assert rows == [{"name": "sales", "targets": ["anna@example.test", "x@other.test"]}]


def test_an_empty_list_of_aliases_is_null_and_the_search_matches_parts(world):
    assert world.da.read("settings/domain/aliases")["gridInfo"] is None
    for name, target in (("sales", "anna"), ("presales", "boss"), ("info", "x@sales.test")):
        world.da.ok("settings/domain/alias-put", {"alias": {"name": name, "aliasTargetList": [target]}})
    rows = world.da.read("settings/domain/aliases/sales")["gridInfo"]
    assert [row["name"] for row in rows] == ["sales", "presales", "info"]
    assert [row["name"] for row in world.da.read("settings/domain/aliases/boss")["gridInfo"]] == ["presales"]
    assert world.da.read("settings/domain/aliases/none")["gridInfo"] is None


def test_the_empty_list_has_other_shapes_by_quirk(world):
    world.quirks("empty-lists-arrays")
    assert world.da.read("settings/domain/aliases")["gridInfo"] == []
    assert world.da.read("settings/domain/domain-aliases")["domainAliasData"] == []
    world.quirks("gridinfo-empty-string")
    assert world.da.read("settings/domain/aliases")["gridInfo"] == ""


def test_an_update_replaces_the_targets_and_keeps_omitted_flags(sales):
    sales.da.ok("settings/domain/alias", {"alias": {"name": "SALES", "aliasTargetList": ["boss"]}})
    assert read(sales) == {**ALIAS, "aliasTargetList": ["boss"]}
    sales.quirks("alias-update-resets-flags")
    sales.da.ok("settings/domain/alias/", {"oldName": "sales", "alias": {"name": "sales", "aliasTargetList": ["boss"]}})
    found = read(sales)
    assert (found["displayName"], found["allowSending"], found["isEnabled"]) == ("", False, True)
    assert sales.effects()["alias sales@example.test"] == {"create": 1, "update": 2}


def test_an_alias_can_be_renamed_by_old_name_but_not_onto_another_account(sales):
    assert (
        sales.da.refused("settings/domain/alias", {"oldName": "sales", "alias": {"name": "anna"}})
        == "USER_ADD_ERROR_NAME_IN_USE"
    )
    sales.da.ok("settings/domain/alias", {"oldName": "sales", "alias": {**ALIAS, "name": "shop"}})
    assert set(sales.state()["aliases"]) == {"shop"}


def test_a_second_delete_and_an_unknown_alias_are_errors(sales):
    sales.da.ok("settings/domain/alias-delete/Sales")
    for path in ("settings/domain/alias-delete/sales", "settings/domain/alias"):
        assert sales.da.refused(path, {"alias": {"name": "sales"}}) == "Alias does not exist."
    assert sales.da.get("settings/domain/alias/sales").json()["success"] is False


def test_the_bulk_deletion_deletes_all_kinds_and_names_failures(sales):
    sales.da.ok("settings/domain/mailing-lists/add", {"name": "news"})
    message = sales.da.refused("settings/domain/account-list-delete", {"input": ["sales", "nobody", "anna", "news"]})
    assert message == "nobody: account does not exist"
    state = sales.state()
    assert (state["aliases"], state["lists"], set(state["users"])) == ({}, {}, {"boss"})


@pytest.mark.parametrize("body", [{}, {"alias": {"name": "x", "aliasTargetList": ["a b"]}}, {"alias": "x"}])
def test_an_invalid_body_is_a_400(world, body):
    response = world.da.post("settings/domain/alias-put", body)
    assert (response.status_code, response.json()["message"]) == (400, "Invalid input parameters")


def test_alias_rows_of_other_builds_by_quirk(sales):
    def row() -> dict:
        return sales.da.read("settings/domain/aliases")["gridInfo"][0]

    def found() -> dict:
        return sales.da.ok("settings/domain/account-list-search", {"searchFlags": ["aliases"]})["results"][0]

    assert found()["aliasTargetList"] and found()["accountType"] == 4 and found()["userName"] == "sales"
    sales.quirks("alias-rows-with-flags")
    assert row()["allowSending"] is True and row()["hideFromGAL"] is True
    sales.quirks("alias-rows-old-key")
    assert "targets" not in row() and row()["aliasTargetList"]
    sales.quirks("alias-rows-null-targets")
    assert row()["targets"] is None
    sales.quirks("alias-rows-without-targets")
    assert not {"aliasTargetList", "allowSending"} & set(found())
    sales.quirks("bare-targets")
    assert row()["targets"] == ["anna", "x@other.test"] == read(sales)["aliasTargetList"]
    sales.quirks("reordered-targets")
    assert row()["targets"] == ["x@other.test", "anna@example.test"]
    sales.quirks("alias-object-old")
    assert not {"isEnabled", "description"} & set(read(sales))
    assert sales.da.get("settings/domain/list-aliases").status_code == 404
    sales.quirks("aliases-moved")
    assert sales.da.get("settings/domain/aliases").status_code == 404
    assert sales.da.read("settings/domain/list-aliases")["gridInfo"][0]["name"] == "sales"


@pytest.fixture
def zoned(make):
    return make(
        zones={
            "alias.test": "@ 300 IN MX 10 mail.sandbox.test.\n",
            "wrong.test": "@ 300 IN MX 10 mail.elsewhere.test.\n",
        }
    )


def test_the_mx_check_always_applies_to_a_domain_administrator(zoned):
    for path in ("wrong.test/false", "wrong.test/true", "unzoned.test/false", "wrong.test"):
        assert zoned.da.refused(f"settings/domain/domain-alias-put/{path}") == "MX record does not match"
    zoned.da.ok("settings/domain/domain-alias-put/Alias.TEST/false")
    assert zoned.da.read("settings/domain/domain-aliases")["domainAliasData"] == [
        {"name": "alias.test", "aliasIdn": "alias.test", "domainName": "example.test", "img": "", "url": ""}
    ]


def test_a_system_administrator_with_context_can_skip_the_mx_check(zoned):
    manage = zoned.sa.manage("example.test")
    assert manage.refused("settings/domain/domain-alias-put/wrong.test/true") == "MX record does not match"
    manage.ok("settings/domain/domain-alias-put/wrong.test/false")
    assert zoned.sa.refused("settings/domain/domain-alias-put/a.test/false") == "Domain does not exist"
    header = zoned.sa.with_header("example.test")
    header.ok("settings/domain/domain-alias-put/b.test/false")
    zoned.quirks("header-mx-checked")
    assert header.refused("settings/domain/domain-alias-put/c.test/false") == "MX record does not match"


def test_the_mx_check_applies_to_an_impersonated_domain_administrator(zoned):
    token = zoned.sa.ok("settings/domain/impersonate-user", {"email": "boss@example.test"})["impersonateAccessToken"]
    boss = zoned.anon.bearing(token)
    assert boss.refused("settings/domain/domain-alias-put/wrong.test/false") == "MX record does not match"


def test_the_mx_check_uses_the_current_zones(zoned):
    zoned.anon.sandbox(
        "POST", "records", {"add": [{"name": "wrong.test", "type": "MX", "value": "20 mail.sandbox.test.", "ttl": 60}]}
    )
    zoned.da.ok("settings/domain/domain-alias-put/wrong.test/true")
    zoned.da.ok("settings/domain/domain-alias-verify/wrong.test")
    zoned.anon.sandbox("POST", "records", {"remove": [{"name": "wrong.test", "type": "MX"}]})
    assert zoned.da.refused("settings/domain/domain-alias-verify/wrong.test") == "MX record does not match"


def test_domain_aliases_are_unique_limited_renamed_and_deleted_once(zoned):
    manage = zoned.sa.manage("example.test")
    assert manage.read("settings/domain/domain-aliases")["domainAliasData"] is None
    zoned.anon.sandbox("POST", "domain", {"domain": "example.test", "maxDomainAliases": 1})
    manage.ok("settings/domain/domain-alias-put/m%C3%BCnchen.test/false")
    row = manage.read("settings/domain/domain-aliases")["domainAliasData"][0]
    assert (row["name"], row["aliasIdn"]) == ("xn--mnchen-3ya.test", "münchen.test")
    assert "limit" in manage.refused("settings/domain/domain-alias-put/two.test/false").lower()
    assert manage.refused("settings/domain/domain-alias-put/example.test/false") == "DOMAIN_ADD_ERROR_NAME_IN_USE"
    manage.ok("settings/domain/domain-alias/xn--mnchen-3ya.test/new.test/false")
    manage.ok("settings/domain/domain-alias-delete/new.test")
    assert manage.refused("settings/domain/domain-alias-delete/new.test") == "Domain alias does not exist."
    manage.ok("settings/domain/domain-alias-put/two.test/false")
    manage.ok("settings/domain/domain-aliases-delete", {"input": ["two.test"]})
    assert "not exist" in manage.refused("settings/domain/domain-aliases-delete", {"input": ["two.test"]})


def test_the_menu_flag_controls_domain_aliases_for_a_domain_administrator(zoned):
    zoned.anon.sandbox("POST", "domain", {"domain": "example.test", "showDomainAliasMenu": False})
    assert zoned.da.post("settings/domain/domain-alias-put/alias.test/true").status_code == 403
    zoned.sa.manage("example.test").ok("settings/domain/domain-alias-put/alias.test/false")


def test_mailing_lists_are_kept_with_subscribers(world):
    number = world.da.ok("settings/domain/mailing-lists/add", {"listAddress": "News@example.test", "description": "n"})[
        "id"
    ]
    path = f"settings/domain/mailing-lists/{number}"
    world.da.ok(f"{path}/subscriber-add", {"subscribers": ["a@x.test", "A@x.test", "b@x.test"]})
    world.da.ok(f"{path}/subscriber-remove", {"subscribers": ["b@x.test"]})
    row = world.da.read("settings/domain/mailing-lists/list")["items"][0]
    assert set(row) == {"id", "listAddress", "moderatorAddress", "description", "postingPermissions", "disabled",
                        "listSubscriberCount", "createdOn"}  # fmt: skip
    assert (row["listAddress"], row["listSubscriberCount"]) == ("news@example.test", 1)
    assert world.da.ok(f"{path}/subscriber-search", {"search": "A"})["items"] == [{"emailAddress": "a@x.test"}]
    assert world.da.read(f"{path}/settings")["settings"] == row
    world.da.ok(f"{path}/delete")
    assert world.da.refused(f"{path}/delete") == "Mailing list does not exist."
