"""The running server: loopback, banner, forms of paths, control endpoints, persistence, seeding."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from reconciler.sandbox import DataInUseError, Endpoint, Sandbox, SandboxConfig, SandboxError, SeedDomain
from reconciler.sandbox.persist import Persistence

SECRET = "Mailb0x-secret"


def test_the_banner_states_that_the_sandbox_is_not_a_mail_server(world):
    response = world.anon.http.get(world.anon.url + "/")
    assert response.json()["sandbox"] is True and "not transport mail" in response.json()["notice"]
    assert response.headers["x-sandbox"] == "not-a-mail-server"
    endpoints = world.anon.http.get(world.anon.url + "/Documentation/api").json()["endpoints"]
    assert any(row["path"] == "/api/v1/auth/authenticate-user" for row in endpoints)
    assert world.anon.http.get(world.anon.url + "/elsewhere").status_code == 404


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "localhost"])
def test_an_address_other_than_loopback_is_rejected(address):
    with pytest.raises(SandboxError, match=r"127\.0\.0\.1 only"):
        Sandbox(SandboxConfig(address=address))


def test_it_is_not_reachable_by_another_address_of_the_machine(world):
    port = int(world.anon.url.rpartition(":")[2])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.2", port)) != 0


def test_a_port_in_use_is_reported(world):
    with pytest.raises(SandboxError, match="cannot listen"):
        Sandbox(SandboxConfig(port=int(world.anon.url.rpartition(":")[2]))).start()


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/settings/domain/data/", "/api/v1//settings/domain/data", "//api/v1/settings//domain//data//",
        "/webmail/api/v1/settings/domain/data", "/API/V1/Settings/Domain/Data", "/api/v1/settings/domain/data?_=1",
    ],
)  # fmt: skip
def test_paths_are_accepted_in_many_spellings(world, path):
    assert world.anon.http.get(world.anon.url + path, headers=world.da.headers).json()["success"] is True


def test_an_unknown_endpoint_is_404_and_a_wrong_method_405(world):
    assert world.da.get("settings/domain/no-such-thing").status_code == 404
    assert world.da.get("settings/domain/user-put").status_code == 405
    assert world.sa.post("settings/sysadmin/connect-to-hub").status_code == 404


def test_a_post_may_have_no_body_and_a_broken_one_is_a_400(world):
    url = f"{world.anon.url}/api/v1/settings/sysadmin/manage-domain/example.test"
    assert world.anon.http.post(url, headers=world.sa.headers).json()["success"] is True
    broken = world.anon.http.post(
        f"{world.anon.url}/api/v1/settings/domain/get-user", content=b"{", headers=world.da.headers
    )
    assert (broken.status_code, broken.json()["message"]) == (400, "Invalid input parameters")


def test_the_control_endpoints_need_their_header_and_a_loopback_host(world):
    url = f"{world.anon.url}/sandbox/state"
    assert world.anon.http.get(url).status_code == 403
    assert world.anon.http.get(url, headers={"X-Sandbox": "1", "Host": "evil.test"}).status_code == 421
    assert world.anon.http.get(url, headers={"X-Sandbox": "1"}).status_code == 200
    unknown = world.anon.http.get(f"{world.anon.url}/sandbox/nope", headers={"X-Sandbox": "1"})
    assert unknown.status_code == 404 and "/sandbox/state" in unknown.json()["error"]
    bad = world.anon.http.post(f"{world.anon.url}/sandbox/clock", json={}, headers={"X-Sandbox": "1"})
    assert bad.status_code == 400 and "advanceSeconds" in bad.json()["error"]
    for path, body in (
        ("domain", {"domain": "example.test", "maxUser": 1}),
        ("account", {"email": "admin", "twofactor": True}),
    ):
        typo = world.anon.http.post(f"{world.anon.url}/sandbox/{path}", json=body, headers={"X-Sandbox": "1"})
        assert typo.status_code == 400 and "unknown key" in typo.json()["error"]


def test_the_request_log_contains_user_request_and_effects(world):
    world.anon.sandbox("POST", "requests/reset")
    world.da.ok("settings/domain/user-put", world.user("new"))
    world.da.post("settings/domain/user-put", world.user("new"))
    world.sa.read("settings/sysadmin/domains")
    found = world.anon.sandbox("GET", "requests")
    put, again, read = found["requests"]
    assert (put["method"], put["endpoint"], put["status"], put["token"]) == (
        "POST",
        "settings/domain/user-put",
        200,
        "DA",
    )
    assert (put["user"], put["domain"], put["mutated"]) == ("boss@example.test", "example.test", True)
    assert put["effects"] == ["create user new@example.test"]
    assert (again["write"], again["mutated"]) == (True, False)
    assert (read["token"], read["write"]) == ("SA", False)
    assert found["counters"]["total"] == 3 and found["counters"]["mutations"] == 1
    assert found["effects"] == {"user new@example.test": {"create": 1}}
    assert world.secret not in json.dumps(found)


def test_zones_are_read_replaced_and_deleted(world):
    url = f"{world.anon.url}/sandbox/zones/z.test"
    assert world.anon.http.put(url, content=b"@ 60 IN A 192.0.2.1\n", headers={"X-Sandbox": "1"}).status_code == 200
    found = world.anon.sandbox("GET", "zones")
    assert any(row["type"] == "A" and row["value"] == "192.0.2.1" for row in found["records"])
    assert world.box.zones.lookup("z.test", "A") == ["192.0.2.1"]
    assert "192.0.2.1" in world.anon.sandbox("GET", "zones/z.test")["text"]
    world.anon.sandbox("DELETE", "zones/z.test")
    assert world.box.zones.lookup("z.test", "A") == []
    bad = world.anon.http.put(url, content=b"@ IN NONSENSE x\n", headers={"X-Sandbox": "1"})
    assert bad.status_code == 400 and "ZoneError" in bad.json()["error"]


def test_dns_answers_from_the_zones_and_takes_faults(make):
    import dns.exception
    import dns.message
    import dns.query
    import dns.rcode

    world = make(zones={"z.test": "@ 60 IN MX 10 mail.sandbox.test.\n"})
    host, _, port = world.box.endpoint.dns.partition(":")

    def ask() -> dns.message.Message:
        return dns.query.udp(dns.message.make_query("z.test", "MX"), host, port=int(port), timeout=5)

    assert "mail.sandbox.test." in str(ask().answer[0])
    world.anon.sandbox("POST", "dns-faults", [{"kind": "servfail", "match": "z.test"}])
    assert ask().rcode() == dns.rcode.SERVFAIL


SEED = SeedDomain(
    name="Seeded.test",
    admin_username="chief",
    admin_password=SECRET,
    hostname="mx.seeded.test",
    zones={"seeded.test": "@ 60 IN MX 10 mx.seeded.test.\n"},
    limits={"maxUsers": 5, "enableMapiEwsAccountManagement": False},
)


def test_seeded_domains_have_their_limits_zones_and_an_active_dkim_key(make):
    world = make(seed=(SEED,))
    shown = world.box.endpoint.as_json()
    assert shown["domainAdmins"] == {"seeded.test": {"username": "chief@seeded.test", "password": SECRET}}
    chief = world.anon.login("chief@seeded.test", SECRET)
    settings = chief.read("settings/domain/domain")["domainSettings"]
    assert (settings["maxUsers"], settings["enableMapiEwsAccountManagement"], settings["hostname"]) == (
        5,
        False,
        "mx.seeded.test",
    )
    assert settings["domainKeysSettings"]["isActive"] is True and settings["domainKeysSettings"]["keySize"] == 2048
    assert world.box.zones.lookup("seeded.test", "MX") == ["10 mx.seeded.test."]


def test_the_endpoint_shows_four_keys_and_hides_its_password():
    endpoint = Endpoint(url="http://127.0.0.1:1", dns="127.0.0.1:2", username="admin", password="hush")
    assert set(endpoint.as_json()) == {"url", "dns", "username", "password"}
    assert "hush" not in repr(endpoint) and "hush" not in repr(SandboxConfig(password="hush"))
    assert SECRET not in repr(SEED)


def test_a_password_is_random_when_none_is_given():
    with Sandbox() as one, Sandbox() as two:
        assert one.endpoint.password != two.endpoint.password
        body = {"username": "admin", "password": one.endpoint.password}
        assert httpx.post(f"{one.endpoint.url}/api/v1/auth/authenticate-user", json=body).json()["success"] is True


def test_everything_survives_a_restart(make, tmp_path):
    world = make(data=tmp_path, seed=(SEED,), zones={"alias.test": "@ 60 IN MX 10 mail.sandbox.test.\n"})
    manage = world.sa.manage("example.test")
    world.da.ok(
        "settings/domain/user-put",
        {**world.user("keep", maxMailboxSize=5), "forwardList": {"forwardList": ["x@y.test"]}},
    )
    world.da.ok("settings/domain/user-put", world.user("gone"))
    world.da.ok("settings/domain/users-delete", {"input": ["gone"]})
    world.da.ok(
        "settings/domain/alias-put", {"alias": {"name": "sales", "aliasTargetList": ["keep"], "allowSending": True}}
    )
    world.da.ok("settings/domain/mailing-lists/add", {"name": "news"})
    world.da.ok("settings/domain/domain-alias-put/alias.test/true")
    world.da.ok(
        "settings/domain/active-sync-mailboxes-patch", [{"emailAddress": "keep@example.test", "isActive": True}]
    )
    world.da.ok("settings/domain/mapi-ews-mailboxes-patch", [{"emailAddress": "keep@example.test", "isActive": True}])
    world.da.ok("settings/domain/dkim-enable/true")
    manage.ok("settings/domain/dkim-create-rollover/1024")
    world.anon.login("chief@seeded.test", SECRET).ok("settings/domain/user-put", world.user("extra"))
    world.anon.sandbox("POST", "records", {"add": [{"name": "alias.test", "type": "A", "value": "192.0.2.9"}]})
    world.add_domain("dropped.test")
    world.sa.ok("settings/sysadmin/domain-delete/dropped.test/true")
    before = world.anon.sandbox("GET", "state")["domains"]
    before["seeded.test"].pop("dkim")
    world.box.stop()
    again = make(data=tmp_path, seed=(SEED,), zones={"alias.test": "@ 60 IN A 192.0.2.1\n"})
    after = again.anon.sandbox("GET", "state")["domains"]
    after["seeded.test"].pop("dkim")
    for domains in (before, after):
        for domain in domains.values():
            for user in domain["users"].values():
                user["userData"].pop("lastLoginTime")
    assert after == before
    assert again.anon.login("keep@example.test", SECRET)
    assert again.box.zones.lookup("alias.test", "A") == ["192.0.2.9"], "a zone in the data is left alone"


def test_an_existing_domain_keeps_its_password_and_no_wrong_one_is_printed(make, tmp_path):
    from dataclasses import replace

    make(data=tmp_path, seed=(SEED,)).box.stop()
    again = make(data=tmp_path, seed=(replace(SEED, admin_password="An0ther-one"),))
    assert "domainAdmins" not in again.box.endpoint.as_json()
    assert again.anon.login("chief@seeded.test", SECRET)


def test_a_write_is_on_disk_before_it_is_answered(make, tmp_path):
    import sqlite3

    world = make(data=tmp_path)
    world.da.ok("settings/domain/user-put", world.user("new"))
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in tmp_path.glob("sandbox.sqlite3*"):
        (copy / file.name).write_bytes(file.read_bytes())
    with sqlite3.connect(copy / "sandbox.sqlite3") as db:
        assert db.execute("SELECT COUNT(*) FROM thing WHERE kind = 'users' AND name = 'new'").fetchone() == (1,)
        assert SECRET not in "".join(row[0] for row in db.execute("SELECT data FROM thing"))
    db.close()


def test_two_sandboxes_cannot_share_a_folder(make, tmp_path):
    make(data=tmp_path)
    with pytest.raises(DataInUseError, match="the other sandbox"):
        Sandbox(SandboxConfig(data=tmp_path)).start()


def test_ten_thousand_users_are_loaded_and_listed(make, tmp_path):
    world = make(data=tmp_path)
    world.box.stop()
    store = Persistence(tmp_path)
    row = next(data for (kind, _, name), data in store.rows() if (kind, name) == ("users", "anna"))
    store.write((("users", "example.test", f"u{n:05}"), {**row, "name": f"u{n:05}"}) for n in range(10_000))
    store.close()
    again = make(data=tmp_path)
    assert len(again.da.read("settings/domain/list-users")["userData"]) == 10_002


def test_it_starts_and_may_be_stopped_twice():
    sandbox = Sandbox()
    sandbox.start()
    assert httpx.get(sandbox.endpoint.url, trust_env=False, verify=False, timeout=10).json()["sandbox"] is True
    sandbox.stop()
    sandbox.stop()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_the_sandbox_prints_only_its_announcement_and_exits_cleanly(sign, tmp_path):
    script = (
        "import json\nfrom reconciler.sandbox import SandboxConfig, serve\nfrom pathlib import Path\n"
        f"serve(SandboxConfig(data=Path({str(tmp_path)!r})), lambda e: print(json.dumps(e.as_json()), flush=True))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    line = process.stdout.readline()
    endpoint = json.loads(line)
    assert httpx.get(endpoint["url"]).status_code == 200
    os.kill(process.pid, sign)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_without_its_packages_the_import_names_the_package_to_install():
    script = (
        "import sys\nsys.modules['uvicorn'] = None\nimport reconciler.sandbox as s\n"
        "try:\n    s.Sandbox\nexcept ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "pipx install --force '.[sandbox]'" in done.stdout


def test_a_snapshot_can_be_restored_several_times(world):
    before = world.state()
    world.anon.sandbox("POST", "snapshot")
    for _ in range(2):
        world.da.ok("settings/domain/user-put", world.user("new"))
        world.da.ok("settings/domain/users-delete", {"input": ["anna"]})
        world.add_domain("other.test")
        world.anon.sandbox("POST", "account", {"email": "admin", "password": "An0ther-password"})
        assert world.anon.sandbox("POST", "restore") == {"domains": 1}
        assert world.state() == before
        assert list(world.anon.sandbox("GET", "state")["domains"]) == ["example.test"]
        assert world.anon.sandbox("POST", "check-password", {"email": "admin", "password": world.password})["ok"]
        assert world.anon.sandbox("GET", "requests") == {"counters": {}, "requests": [], "effects": {}}
    world.da.read("settings/domain/data")  # sessions are still valid


def test_a_restored_snapshot_is_on_disk(make, tmp_path):
    world = make(data=tmp_path)
    world.anon.sandbox("POST", "snapshot")
    world.da.ok("settings/domain/user-put", world.user("new"))
    world.da.ok("settings/domain/users-delete", {"input": ["anna"]})
    world.add_domain("other.test")
    world.anon.sandbox("POST", "restore")
    world.box.stop()
    again = make(data=tmp_path)
    assert list(again.state()["users"]) == ["anna", "boss"]
    assert list(again.anon.sandbox("GET", "state")["domains"]) == ["example.test"]


def test_restoring_without_a_snapshot_is_an_error(world):
    answer = world.anon.http.post(f"{world.anon.url}/sandbox/restore", headers={"X-Sandbox": "1"})
    assert (answer.status_code, "no snapshot" in answer.json()["error"]) == (400, True)


def test_many_passwords_are_checked_in_one_request(world):
    rows = [("anna@example.test", world.secret), ("anna@example.test", "wrong"), ("nobody@example.test", "x")]
    checks = [{"email": email, "password": password} for email, password in rows]
    assert world.anon.sandbox("POST", "check-password", {"checks": checks}) == {"ok": [True, False, False]}


def test_the_state_of_single_domains_equals_the_complete_state(world):
    world.add_domain("other.test")
    whole = world.anon.sandbox("GET", "state")["domains"]
    assert world.anon.sandbox("POST", "state", {"domains": ["other.test"]}) == {
        "domains": {"other.test": whole["other.test"]}
    }
    answer = world.anon.http.post(
        f"{world.anon.url}/sandbox/state", json={"domains": ["no.test"]}, headers={"X-Sandbox": "1"}
    )
    assert answer.status_code == 400
