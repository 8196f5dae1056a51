"""Login, tokens, impersonation (API reference section 2; section 10 nos. 3 to 11)."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import httpx
import jwt
import pytest

LOGIN = "auth/authenticate-user"
PASSWORD = "Adm1n-of-the-sandbox"  # as in conftest.py
SECRET = "Mailb0x-secret"


def claims(token: str) -> dict:
    return jwt.decode(token, options={"verify_signature": False, "verify_exp": False})


def login(world, username: str, password: str, **more: object) -> httpx.Response:
    return world.anon.post(LOGIN, {"username": username, "password": password, **more})


def test_a_login_answers_every_field_of_the_page(world):
    found = login(world, "admin", PASSWORD, language="en", twoFactorCode="", retrieveAutoLoginToken=False).json()
    assert {
        "emailAddress", "username", "isAdmin", "isDomainAdmin", "isImpersonating", "canViewPasswords", "isLicensed",
        "changePasswordNeeded", "passwordExpired", "displayWelcomeWizard", "localeId", "autoLoginToken", "autoLoginUrl",
        "accessToken", "accessTokenExpiration", "refreshToken", "refreshTokenExpiration", "success", "resultCode", "message",
    } <= set(found)  # fmt: skip
    assert found["isAdmin"] is True and found["isDomainAdmin"] is False and found["autoLoginToken"] is None
    boss = login(world, "boss@example.test", SECRET).json()
    assert boss["isDomainAdmin"] is True and boss["isAdmin"] is False and boss["emailAddress"] == "boss@example.test"


def test_the_access_token_is_a_jwt_whose_exp_is_the_expiry_given(make):
    world = make(access_token_seconds=120)
    found = login(world, "admin", PASSWORD).json()
    expires = datetime.fromisoformat(found["accessTokenExpiration"]).timestamp()
    assert claims(found["accessToken"])["exp"] == expires
    assert 100 < expires - datetime.now(UTC).timestamp() <= 121
    assert {"SysAdmin", "PrimarySysAdmin", "CanImpersonate", "CanViewPasswords"} <= set(
        claims(found["accessToken"])["role"]
    )
    boss = login(world, "boss@example.test", SECRET).json()
    assert "DomainAdmin" in claims(boss["accessToken"])["role"]


def test_an_expired_access_token_gives_an_empty_401(world):
    assert world.sa.get("settings/sysadmin/domains").status_code == 200
    world.advance(901)
    response = world.sa.get("settings/sysadmin/domains")
    assert (response.status_code, response.content) == (401, b"")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}])
def test_without_a_valid_token_the_answer_is_an_empty_401(world, header):
    response = world.anon.get("settings/domain/data", **header)
    assert (response.status_code, response.content) == (401, b"")


@pytest.mark.parametrize("username", ["admin", "boss@example.test", "nobody@example.test", "x@nowhere.test"])
def test_bad_credentials_are_a_401_with_a_code(world, username):
    response = login(world, username, "wrong")
    assert response.status_code == 401
    assert response.json()["message"] == "USERNAME_OR_PASSWORD_INCORRECT"


def test_empty_credentials_and_long_names_are_refused(world):
    assert login(world, "", "x").json()["message"] == "Username or password is empty"
    assert login(world, "a" * 201, "x").status_code == 400


def test_names_log_in_in_any_letter_case(world):
    assert login(world, "BOSS@Example.TEST", SECRET).json()["success"] is True


@pytest.mark.parametrize(
    ("quirk", "status", "message"),
    [
        ("bad-login-200", 200, "USERNAME_OR_PASSWORD_INCORRECT"),
        ("bad-login-400", 400, "USER_NOT_FOUND"),
        ("bad-login-403", 403, "USERNAME_OR_PASSWORD_INCORRECT"),
        ("bad-login-empty", 401, None),
    ],
)
def test_quirks_change_the_form_of_a_rejected_login(world, quirk, status, message):
    world.quirks(quirk)
    response = login(world, "admin", "wrong")
    assert response.status_code == status
    assert (response.json()["message"] if response.content else None) == message


def test_credentials_may_come_form_encoded_and_in_pascal_case(world):
    url = f"{world.anon.url}/api/v1/{LOGIN}"
    assert world.anon.http.post(url, data={"username": "admin", "password": PASSWORD}).json()["success"] is True
    assert world.anon.post(LOGIN, {"Username": "admin", "Password": PASSWORD}).json()["success"] is True


def test_refresh_rotates_and_an_old_refresh_token_is_a_401_that_counts(world):
    first = login(world, "boss@example.test", SECRET, clientId="c").json()
    second = world.anon.ok("auth/refresh-token", {"token": first["refreshToken"], "clientId": "c"})
    assert second["refreshToken"] != first["refreshToken"]
    assert {"accessToken", "accessTokenExpiration", "refreshTokenExpiration"} <= set(second)
    assert world.anon.bearing(second["accessToken"]).get("settings/domain/data").status_code == 200
    before = sum(world.anon.sandbox("GET", "ids")["failures"].values())
    again = world.anon.post("auth/refresh-token", {"token": first["refreshToken"], "clientId": "c"})
    assert (again.status_code, again.json()["message"]) == (401, "Refresh token rejected")
    assert sum(world.anon.sandbox("GET", "ids")["failures"].values()) == before + 1


def test_refresh_works_without_a_client_id_and_not_with_another_one(world):
    first = login(world, "boss@example.test", SECRET, clientId="c").json()
    assert world.anon.post("auth/refresh-token", {"token": first["refreshToken"], "clientId": "d"}).status_code == 401
    assert world.anon.ok("auth/refresh-token", {"token": first["refreshToken"]})["accessToken"]


def test_a_new_login_with_the_same_client_id_revokes_earlier_tokens(world):
    first = login(world, "boss@example.test", SECRET, clientId="c").json()
    other = login(world, "boss@example.test", SECRET, clientId="d").json()
    login(world, "boss@example.test", SECRET, clientId="c")
    assert world.anon.bearing(first["accessToken"]).get("settings/domain/data").status_code == 401
    assert world.anon.post("auth/refresh-token", {"token": first["refreshToken"]}).status_code == 401
    assert world.anon.bearing(other["accessToken"]).get("settings/domain/data").status_code == 200


def test_two_logins_without_a_client_id_are_one_family_unless_the_build_is_old(world):
    first = login(world, "boss@example.test", SECRET).json()
    login(world, "boss@example.test", SECRET)
    assert world.anon.bearing(first["accessToken"]).get("settings/domain/data").status_code == 401
    world.quirks("client-id-ignored")
    first = login(world, "boss@example.test", SECRET).json()
    login(world, "boss@example.test", SECRET)
    assert world.anon.bearing(first["accessToken"]).get("settings/domain/data").status_code == 200


def test_logout_revokes_unless_the_build_is_old(world):
    world.da.ok("auth/logout-user")
    assert world.da.get("settings/domain/data").status_code == 401
    world.quirks("logout-keeps-tokens")
    world.sa.ok("auth/logout-user")
    assert world.sa.get("settings/sysadmin/domains").status_code == 200


@pytest.mark.parametrize("name", ["boss@example.test", "admin"])
def test_two_factor_gives_a_step_token_that_is_useless_without_the_code(world, name):
    password = PASSWORD if name == "admin" else SECRET
    world.anon.sandbox("POST", "account", {"email": name, "twoFactor": True, "twoFactorCode": "424242"})
    found = login(world, name, password, clientId="c").json()
    assert found["success"] is True and found["refreshToken"] == ""
    assert found["message"] == f"TWO_FACTOR_REQUIRED|rfc6238|{name}"
    step = world.anon.bearing(found["accessToken"])
    assert claims(found["accessToken"])["IsAuthStep"] == "true"
    assert 595 <= claims(found["accessToken"])["exp"] - claims(found["accessToken"])["iat"] <= 600
    assert step.get("settings/domain/data").status_code == 403
    assert world.anon.post("auth/refresh-token", {"token": found["accessToken"]}).status_code == 401
    assert step.post("auth/authenticate-two-factor-code", {"twoFactorCode": "1"}).status_code == 401
    done = step.ok("auth/authenticate-two-factor-code", {"twoFactorCode": "424242", "clientId": "c"})
    assert done["refreshToken"]
    assert world.anon.bearing(done["accessToken"]).get("settings/password-requirements").status_code == 200


def test_a_real_token_does_not_finish_a_two_factor_login(world):
    assert world.da.post("auth/authenticate-two-factor-code", {"twoFactorCode": "123456"}).status_code == 401


def test_two_factor_of_other_builds_by_quirk(world):
    world.anon.sandbox("POST", "account", {"email": "boss@example.test", "twoFactor": "email"})
    world.quirks("two-factor-old")
    response = login(world, "boss@example.test", SECRET)
    assert (response.status_code, "accessToken" in response.json()) == (401, False)
    assert login(world, "boss@example.test", SECRET, twoFactorCode="123456").json()["refreshToken"]
    assert login(world, "boss@example.test", SECRET, twoFactorCode="9").json()["message"] == "INVALID_TWO_FACTOR_CODE"
    world.quirks("two-factor-success-false")
    found = login(world, "boss@example.test", SECRET).json()
    assert (
        found["success"] is False and found["accessToken"] and found["message"].startswith("TWO_FACTOR_REQUIRED|email|")
    )
    world.quirks("two-factor-no-success")
    assert "success" not in login(world, "boss@example.test", SECRET).json()


@pytest.mark.parametrize(
    ("state", "message", "field"),
    [
        ({"passwordExpired": True}, "PASSWORD_EXPIRED", "passwordExpired"),
        ({"changePassword": True}, "CHANGE_PASSWORD_NEEDED", "changePasswordNeeded"),
        ({"appPasswordOnly": True}, "TWO_FACTOR_REQUIRED|APP_PASSWORD", None),
    ],
)
def test_an_expired_password_gives_a_step_token(world, state, message, field):
    world.anon.sandbox("POST", "account", {"email": "boss@example.test", **state})
    found = login(world, "boss@example.test", SECRET).json()
    assert (found["success"], found["refreshToken"], found["message"]) == (True, "", message)
    assert field is None or found[field] is True
    assert world.anon.bearing(found["accessToken"]).get("settings/domain/data").status_code == 403


def test_a_disabled_account_is_rejected_and_its_tokens_are_revoked(world):
    world.anon.sandbox("POST", "account", {"email": "boss@example.test", "disabled": True})
    response = login(world, "boss@example.test", SECRET)
    assert (response.status_code, response.json()["message"]) == (403, "ACCOUNT_DISABLED")
    assert world.da.get("settings/domain/data").status_code == 401


def test_older_builds_lack_two_fields_of_the_login(world):
    world.quirks("no-password-expired-field")
    found = login(world, "admin", PASSWORD).json()
    assert not {"passwordExpired", "refreshTokenExpiration"} & set(found)


def test_brute_force_is_first_delayed_then_blocked_even_with_the_right_password(make):
    from reconciler.sandbox import Thresholds

    world = make(ids=Thresholds(delay_after=2, block_after=4, delay_seconds=0.4, block_seconds=60))
    for _ in range(2):
        login(world, "admin", "wrong")
    began = time.monotonic()
    assert login(world, "admin", "wrong").status_code == 401
    assert time.monotonic() - began >= 0.4
    login(world, "admin", "wrong")
    blocked = login(world, "admin", PASSWORD)
    assert (blocked.status_code, blocked.json()["message"]) == (401, "Too many login attempts")
    assert world.anon.post("auth/refresh-token", {"token": "x"}).json()["message"] == "Too many refresh attempts"
    assert world.sa.get("settings/sysadmin/domains").status_code == 403
    world.quirks("ids-blocks-logins-only")
    assert world.sa.read("settings/sysadmin/blocked-ips")["totalCount"] == 1
    assert world.sa.read("settings/sysadmin/blocked-ips-count")["count"] == 1
    world.advance(61)
    assert login(world, "admin", PASSWORD).json()["success"] is True


def test_an_address_can_be_unblocked_and_the_long_window_blocks_longer(make):
    from reconciler.sandbox import Thresholds

    world = make(
        ids=Thresholds(delay_after=99, block_after=3, block_seconds=5, long_block_after=4, long_block_seconds=500)
    )
    world.quirks("ids-blocks-logins-only")
    for _ in range(3):
        login(world, "admin", "wrong")
    world.advance(6)
    login(world, "admin", "wrong")
    world.advance(100)
    assert login(world, "admin", PASSWORD).status_code == 401
    world.sa.ok("settings/sysadmin/unblock-ips", {"input": ["127.0.0.1"]})
    assert login(world, "admin", PASSWORD).json()["success"] is True


def test_a_success_forgives_two_failures_at_most_every_five_minutes(world):
    def failures() -> int:
        return sum(world.anon.sandbox("GET", "ids")["failures"].values())

    world.advance(301)
    for _ in range(5):
        login(world, "admin", "wrong")
    login(world, "admin", PASSWORD)
    assert failures() == 3
    login(world, "admin", PASSWORD)
    assert failures() == 3


def test_manage_domain_gives_the_primary_administrators_token(world):
    found = world.sa.ok("settings/sysadmin/manage-domain/Example.TEST")
    assert {"impersonateAccessToken", "impersonateRefreshToken", "impersonateAccessTokenExpiration"} <= set(found)
    assert (found["username"], found["email"]) == ("boss", "boss@example.test")
    context = world.anon.bearing(found["impersonateAccessToken"])
    assert context.read("settings/domain/data")["domainData"]["name"] == "example.test"
    again = world.anon.ok("auth/refresh-token", {"token": found["impersonateRefreshToken"]})
    assert world.anon.bearing(again["accessToken"]).get("settings/domain/data").status_code == 200


def test_manage_domain_on_an_unknown_domain_is_400_or_404_by_quirk(world):
    response = world.sa.post("settings/sysadmin/manage-domain/nowhere.test")
    assert (response.status_code, response.json()["message"]) == (400, "INVALID_PERMISSIONS")
    world.quirks("unknown-domain-404")
    assert world.sa.post("settings/sysadmin/manage-domain/nowhere.test").status_code == 404


def test_impersonation_needs_the_permission(world):
    world.anon.sandbox("POST", "account", {"email": "admin", "canImpersonate": False})
    for path in ("settings/sysadmin/manage-domain/example.test", "settings/domain/impersonate-user/anna@example.test"):
        response = world.sa.post(path)
        assert (response.status_code, response.json()["message"]) == (403, "Access denied")


def test_impersonate_user_works_by_body_path_and_header_and_only_for_a_system_administrator(world):
    for path, body in (
        ("impersonate-user", {"email": "anna@example.test"}),
        ("impersonate-user/anna%40example.test", {}),
    ):
        found = world.sa.with_header("example.test").ok(f"settings/domain/{path}", body)
        context = world.anon.bearing(found["impersonateAccessToken"])
        assert context.read("settings/mailbox-forward-list")["mailboxForwardList"]["forwardList"] == []
        assert context.get("settings/domain/data").status_code == 403
    assert world.da.post("settings/domain/impersonate-user", {"email": "anna@example.test"}).status_code == 403
    assert world.sa.refused("settings/domain/impersonate-user", {"email": "no@example.test"}) == "User does not exist."
    for path in ("manage-user", "impersonate-user"):
        assert world.sa.post(f"settings/sysadmin/{path}/anna@example.test").status_code == 404


def test_the_header_gives_context_to_a_system_administrator(world):
    world.add_domain("other.test")
    assert world.sa.with_header("Other.Test").read("settings/domain/data")["domainData"]["name"] == "other.test"
    response = world.sa.with_header("nowhere.test").get("settings/domain/data")
    assert response.json()["message"] == "Domain does not exist"
    world.quirks("header-context-ignored")
    assert world.sa.with_header("other.test").get("settings/domain/data").json()["success"] is False


def test_the_header_is_ignored_for_a_domain_administrator(world):
    world.add_domain("other.test")
    assert world.da.with_header("other.test").read("settings/domain/data")["domainData"]["name"] == "example.test"
    world.da.with_header("other.test").ok(
        "settings/domain/alias-put", {"alias": {"name": "x", "aliasTargetList": ["anna"]}}
    )
    assert "x" in world.state()["aliases"] and "x" not in world.state("other.test")["aliases"]


def test_for_a_system_administrator_without_context_the_domain_does_not_exist(world):
    found = world.sa.get("settings/domain/data")
    assert (found.status_code, found.json()["success"], found.json()["message"]) == (
        200,
        False,
        "Domain does not exist",
    )
    assert "domain was not found" in world.sa.get("settings/domain/list-users").json()["message"]
    world.quirks("missing-context-400")
    assert world.sa.get("settings/domain/data").status_code == 400


def test_an_address_in_the_path_is_context_for_two_endpoints(world):
    assert world.sa.read("settings/domain/user-mail/anna@example.test")["userMailSettings"]["canReceiveMail"] is True
    assert world.sa.read("settings/domain/mailbox-forward-list/anna@example.test")["mailboxForwardList"]
    assert world.sa.get("settings/domain/user/anna@example.test").json()["success"] is False
    world.quirks("address-in-path-needs-context")
    assert world.sa.get("settings/domain/user-mail/anna@example.test").json()["success"] is False


def test_roles_that_are_too_low_get_403(world):
    assert world.u.get("settings/domain/list-users").status_code == 403
    assert world.u.get("settings/sysadmin/domains").status_code == 403
    assert world.da.get("settings/sysadmin/domains").status_code == 403
    assert world.da.post("auth/retrieve-login-token", {"username": "anna", "domain": "example.test"}).status_code == 403


def test_login_tokens_domain_admins_and_temporary_passwords(world):
    found = world.sa.ok("auth/retrieve-login-token", {"username": "anna", "domain": "example.test"})
    assert found["autoLoginToken"] in found["autoLoginUrl"]
    assert world.sa.read("settings/sysadmin/domain-admins/example.test")["domainAdmins"] == ["boss@example.test"]
    temporary = world.sa.ok("auth/generate-temp-pass/anna@example.test")["tempPassword"]
    assert login(world, "anna@example.test", temporary).json()["success"] is True
    world.sa.ok("auth/revoke-temp-pass/anna@example.test")
    assert login(world, "anna@example.test", temporary).status_code == 401
    assert world.u.post("auth/generate-temp-pass/boss@example.test").status_code == 403


def test_a_forced_reset_needs_the_old_password(world):
    body = {"username": "admin", "oldPassword": "wrong", "newPassword": "New-Passw0rd", "IsSysAdmin": "true"}
    assert world.anon.post("auth/force-reset-password", body).status_code == 401
    world.anon.ok("auth/force-reset-password", {**body, "oldPassword": PASSWORD})
    assert login(world, "admin", "New-Passw0rd").json()["success"] is True
