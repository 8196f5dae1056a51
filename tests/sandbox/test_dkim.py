"""DKIM key pairs and their states (API reference section 8)."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key


def keys(world) -> dict:
    return world.da.read("settings/domain/domain")["domainSettings"]["domainKeysSettings"]


def state(world) -> str:
    return world.state()["dkim"]["state"]


def publish(world, key: dict, split: bool = False) -> None:
    text = f"v=DKIM1; k=rsa; p={key['publicKey']}"
    value = f'"{text[:200]}" "{text[200:]}"'
    name = f"{key['selector']}._domainkey.example.test"
    world.anon.sandbox("POST", "records", {"add": [{"name": name, "type": "TXT", "value": value}]})


@pytest.fixture
def zoned(make):
    return make(zones={"example.test": "@ 300 IN MX 10 mail.sandbox.test.\n"})


def test_settings_without_a_key_have_every_field_of_the_page(world):
    found = keys(world)
    assert set(found) == {
        "isActive", "selector", "publicKey", "keySize", "maxMessageSign", "dkimCanonicalizationAlgorithmBody",
        "dkimCanonicalizationAlgorithmHeader", "dkimHeaderFieldOption", "dkimHeaderFields", "pending",
    }  # fmt: skip
    assert (found["isActive"], found["selector"], found["pending"], state(world)) == (False, "", None, "none")


@pytest.mark.parametrize("size", [1024, 2048, 4096])
def test_a_rollover_key_is_a_real_rsa_key_of_its_size(world, size):
    found = world.da.ok(f"settings/domain/dkim-create-rollover/{size}")
    key = load_der_public_key(base64.b64decode(found["publicKey"]))
    assert isinstance(key, RSAPublicKey) and key.key_size == size == found["keySize"]
    assert found["selector"] and found["nextCheckUtc"].endswith("Z")
    assert keys(world)["pending"]["publicKey"] == found["publicKey"]


def test_other_key_sizes_are_refused(world):
    assert world.da.post("settings/domain/dkim-create-rollover/512").status_code == 400


def test_enable_without_dns_succeeds_without_effect_and_ends_in_stand_by(zoned):
    zoned.da.ok("settings/domain/dkim-enable/false")
    found = keys(zoned)
    assert (found["isActive"], state(zoned)) == (False, "stand-by")
    assert found["pending"]["keySize"] == 2048
    publish(zoned, found["pending"])
    zoned.da.ok("settings/domain/dkim-enable/false")
    active = keys(zoned)
    assert (active["isActive"], active["selector"], active["pending"]) == (True, found["pending"]["selector"], None)
    assert state(zoned) == "active"
    zoned.da.ok("settings/domain/dkim-verify-active")


def test_enable_refuses_by_quirk(zoned):
    zoned.quirks("dkim-enable-refuses")
    assert "verified" in zoned.da.refused("settings/domain/dkim-enable/false")
    assert state(zoned) == "stand-by"


def test_force_activates_a_key_that_is_not_in_dns(zoned):
    zoned.da.ok("settings/domain/dkim-enable/true")
    assert keys(zoned)["isActive"] is True
    assert "verified" in zoned.da.refused("settings/domain/dkim-verify-active")


def test_a_pending_key_becomes_active_at_its_scheduled_check(zoned):
    zoned.da.ok("settings/domain/dkim-enable/false")
    pending = keys(zoned)["pending"]
    publish(zoned, pending)
    assert keys(zoned)["isActive"] is False
    zoned.advance(3601)
    again = zoned.sa.bearing(
        zoned.anon.ok("auth/authenticate-user", {"username": "boss@example.test", "password": zoned.secret})[
            "accessToken"
        ]
    )
    found = again.read("settings/domain/domain")["domainSettings"]["domainKeysSettings"]
    assert (found["isActive"], found["selector"]) == (True, pending["selector"])


def test_a_rollover_is_promoted_when_dns_has_it_or_by_force(zoned):
    zoned.da.ok("settings/domain/dkim-enable/true")
    first = keys(zoned)["selector"]
    second = zoned.da.ok("settings/domain/dkim-create-rollover/1024")
    assert (state(zoned), keys(zoned)["selector"]) == ("pending", first)
    assert "verified" in zoned.da.refused("settings/domain/dkim-verify-rollover/false")
    publish(zoned, second)
    zoned.da.ok("settings/domain/dkim-verify-rollover/false")
    assert (keys(zoned)["selector"], keys(zoned)["keySize"]) == (second["selector"], 1024)
    third = zoned.da.ok("settings/domain/dkim-create-rollover/1024")
    zoned.da.ok("settings/domain/dkim-verify-rollover/true")
    assert keys(zoned)["selector"] == third["selector"] != second["selector"]
    assert "no pending" in zoned.da.refused("settings/domain/dkim-verify-rollover/true")


def test_deleting_a_missing_rollover_is_refused(world):
    world.da.ok("settings/domain/dkim-create-rollover/1024")
    world.da.ok("settings/domain/dkim-delete-rollover")
    assert "no pending" in world.da.refused("settings/domain/dkim-delete-rollover")


def test_disabling_stops_signing_and_discards_the_pending_key(zoned):
    zoned.da.ok("settings/domain/dkim-enable/true")
    zoned.da.ok("settings/domain/dkim-create-rollover/1024")
    zoned.da.ok("settings/domain/dkim-disable")
    found = keys(zoned)
    assert (found["isActive"], found["pending"], state(zoned)) == (False, None, "disabled")
    assert found["selector"]
    zoned.da.ok("settings/domain/dkim-enable/false")
    assert (keys(zoned)["isActive"], keys(zoned)["pending"]["selector"]) == (False, found["selector"]), (
        "falls back to pending"
    )


def test_dkim_settings_and_the_dns_test(zoned):
    zoned.da.ok(
        "settings/domain/dkim-settings-set", {"canonicalizationBody": 1, "maxMessageSign": 9, "fields": ["From"]}
    )
    found = keys(zoned)
    assert (found["dkimCanonicalizationAlgorithmBody"], found["maxMessageSign"], found["dkimHeaderFields"]) == (
        1,
        9,
        ["From"],
    )
    key = zoned.da.ok("settings/domain/dkim-create-rollover/2048")
    assert "/" in key["publicKey"] or "+" in key["publicKey"]
    path = f"settings/domain/test-domain-key-dns/{key['selector']}/{key['publicKey']}"
    assert zoned.da.get(path).json()["success"] is False
    publish(zoned, key)
    assert zoned.da.get(path).json()["success"] is True


def test_a_key_with_two_slashes_in_a_row_is_found_from_the_unencoded_path(zoned):
    path = "settings/domain/test-domain-key-dns/s1/MIIB//key+Q=="
    assert zoned.da.get(path).json()["success"] is False
    publish(zoned, {"selector": "s1", "publicKey": "MIIB//key+Q=="})
    assert zoned.da.get(path).json()["success"] is True
    assert zoned.da.get(path.replace("key", "KEY")).json()["success"] is False


def test_a_system_administrator_names_the_domain_in_the_path(zoned):
    base = "settings/sysadmin/dkim-"
    found = zoned.sa.ok(f"{base}create-rollover/example.test/1024")
    assert found["keySize"] == 1024
    zoned.sa.ok(f"{base}delete-rollover/example.test")
    zoned.sa.ok(f"{base}enable/example.test/true")
    assert keys(zoned)["isActive"] is True
    zoned.sa.ok(f"{base}disable/example.test")
    zoned.sa.ok(f"{base}settings-set/example.test", {"fieldOption": 2})
    assert (keys(zoned)["isActive"], keys(zoned)["dkimHeaderFieldOption"]) == (False, 2)


def test_keys_can_be_shared_to_save_time(make):
    world = make(shared_dkim_keys=True)
    world.add_domain("b.test")
    one = world.sa.ok("settings/sysadmin/dkim-create-rollover/example.test/2048")
    two = world.sa.ok("settings/sysadmin/dkim-create-rollover/b.test/2048")
    assert one["publicKey"] == two["publicKey"] and one["selector"] != two["selector"]
