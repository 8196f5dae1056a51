"""Variants of HTTP and JSON that clients send: valid ones must be accepted, invalid ones must get a proper error."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from plain_client import Answer, Wire, has_shape

from reconciler.sandbox import Sandbox, SandboxConfig

DOMAIN = "customer.test"
INVALID = "Invalid input parameters"
NAMES = "/api/v1/settings/sysadmin/domain-names"
PUT = "/api/v1/settings/domain/user-put"
SEARCH = "/api/v1/settings/domain/account-list-search"


class Signed:
    """A client with a system administrator's token, and the header of a domain."""

    def __init__(self, root: str, password: str) -> None:
        self.wire = Wire(root)
        self.credentials = {"username": "admin", "password": password}
        self.token = self.wire.post("/api/v1/auth/authenticate-user", {**self.credentials, "clientId": "odd"}).done()[
            "accessToken"
        ]

    def post(self, path: str, body: Any, domain: str = DOMAIN, **headers: str) -> Answer:
        return self.wire.post(path, body, self.token, X_SmarterMailDomain=domain, **headers)

    def get(self, path: str, domain: str = DOMAIN, **headers: str) -> Answer:
        return self.wire.get(path, self.token, X_SmarterMailDomain=domain, **headers)

    def raw(self, request: bytes) -> bytes:
        """Send bytes unchanged. Returns the answer until the server closes the connection or sends nothing more."""
        with socket.create_connection((self.wire.host, self.wire.port), timeout=5) as connection:
            connection.sendall(request)
            connection.settimeout(0.4)
            found = b""
            try:
                while part := connection.recv(65536):
                    found += part
            except TimeoutError:
                return found
            return found


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One server for all tests of this file: none of them changes its state, and starting one for each is slow."""
    with Sandbox(SandboxConfig()) as running:
        yield running


@pytest.fixture
def odd(sandbox: Sandbox) -> Iterator[Signed]:
    """Logged in, with a domain that has only its administrator."""
    signed = Signed(sandbox.endpoint.url, sandbox.endpoint.password)
    body = {"domainData": {"name": DOMAIN}, "adminUsername": "boss", "adminPassword": "Start-1234"}
    signed.post("/api/v1/settings/sysadmin/domain-put", body).done()
    yield signed
    sandbox.quirks.set(())
    signed.post(f"/api/v1/settings/sysadmin/domain-delete/{DOMAIN}/true", {}).done()


def user(name: str, **data: Any) -> dict[str, Any]:
    return {"userData": {"userName": name, "password": "Start-1234", **data}}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_of_the_token_has_any_letter_case(odd, scheme):
    assert odd.wire.get(NAMES, Authorization=f"{scheme} {odd.token}").done()["data"] == [DOMAIN]


@pytest.mark.parametrize("value", ["Basic YWRtaW46eA==", "Bearer", "Bearer ", "Token x", "Bearer a b c", "\u00fc"])
def test_any_other_authorization_is_an_empty_401(odd, value):
    answer = odd.wire.get(NAMES, Authorization=value)
    assert (answer.status, answer.raw) == (401, b"")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", "text/json", "text/plain", "",
     "application/x-www-form-urlencoded", "application/octet-stream"],
)  # fmt: skip
def test_json_is_understood_whatever_the_content_type_says(odd, content_type):
    body = json.dumps({**odd.credentials, "clientId": "ct"}).encode()
    headers = {"Content_Type": content_type} if content_type else {}
    assert odd.wire.send("POST", "/api/v1/auth/authenticate-user", body, **headers).done()["accessToken"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_may_begin_with_a_byte_order_mark(odd, encoding):
    body = json.dumps(user("bom", fullName="Ünïcode 🐦"), ensure_ascii=False).encode(encoding)
    odd.post(PUT, body, Content_Type="application/json").done()
    found = odd.get(f"/api/v1/settings/domain/user/bom@{DOMAIN}").done()["userData"]
    assert found["fullName"] == "Ünïcode 🐦"


def test_a_client_that_requests_gzip_or_xml_gets_plain_json(odd):
    answer = odd.get(NAMES, Accept_Encoding="gzip, deflate, br", Accept="application/xml")
    assert answer.done() and "content-encoding" not in answer.headers
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_head_is_get_without_a_body_and_options_and_405_list_the_methods(odd):
    head, get = odd.wire.send("HEAD", NAMES, token=odd.token), odd.wire.get(NAMES, odd.token)
    assert (head.status, head.raw, head.headers["content-type"]) == (200, b"", get.headers["content-type"])
    assert odd.wire.send("HEAD", NAMES).status == 401
    options = odd.wire.send("OPTIONS", NAMES)
    assert (options.status, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        answer = odd.wire.send(method, NAMES, {}, odd.token)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS"), method
    both = odd.wire.send("OPTIONS", f"/api/v1/settings/sysadmin/domain-settings/{DOMAIN}")
    assert both.headers["allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("body", [b"{}", b"null", b"not json", b"\xff" * 100, b"[" * 10_000])
def test_the_body_of_a_get_is_ignored(odd, body):
    assert odd.wire.send("GET", NAMES, body, odd.token).done()


@pytest.mark.parametrize("body", [b"", b"   ", b"{}", b"null"])
def test_a_post_without_parameters_takes_an_empty_body(odd, body):
    path = f"/api/v1/settings/sysadmin/manage-domain/{DOMAIN}"
    assert odd.wire.send("POST", path, body, odd.token, Content_Type="application/json").done()


@pytest.mark.parametrize(
    "body",
    [b"[]", b"[1, 2]", b'"text"', b"7", b"true", b"{", b"{]", b"\xff\xfe\xfd", b"<xml/>", b"[" * 200_000, b'{"a":' * 200_000,
     b'{"userData": "\\ud800"}', b'{"userData": {"fullName": "\xed\xa0\x80"}}', b'{"userData": []}', b'{"userData": null}', b"null", b""],
)  # fmt: skip
def test_a_body_that_is_not_a_json_object_is_a_400(odd, body):
    assert odd.post(PUT, body, Content_Type="application/json").refused(400) == INVALID


@pytest.mark.parametrize(
    "quota", ['"x"', "1.5", "true", "[]", "{}", "NaN", "Infinity", "1e999", "9" * 30, "9" * 5000, "-" + "9" * 30]
)
def test_a_quota_that_is_not_a_64_bit_number_is_a_400_and_creates_no_user(odd, quota):
    body = f'{{"userData": {{"userName": "q", "password": "Start-1234", "maxMailboxSize": {quota}}}}}'.encode()
    assert odd.post(PUT, body, Content_Type="application/json").refused(400) == INVALID
    assert odd.get(f"/api/v1/settings/domain/user/q@{DOMAIN}").refused() == "User does not exist."


@pytest.mark.parametrize(
    ("quota", "stored"), [("5", 5), (5.0, 5), (" 7 ", 7), ("", 0), (None, 0), (2**62, 2**62), (-1, 0)]
)
def test_a_quota_may_be_digits_a_whole_float_empty_or_negative(odd, quota, stored):
    odd.post(PUT, user("q", maxMailboxSize=quota)).done()
    assert odd.get(f"/api/v1/settings/domain/user/q@{DOMAIN}").done()["userData"]["maxMailboxSize"] == stored


def test_a_number_in_a_text_field_becomes_text(odd):
    odd.post(PUT, user("007", fullName=5, description=True)).done()
    found = odd.get(f"/api/v1/settings/domain/user/007@{DOMAIN}").done()["userData"]
    assert (found["userName"], found["fullName"], found["description"]) == ("007", "5", "True")
    odd.post("/api/v1/settings/domain/users-disable/true/false", {"input": ["007"]}).done()
    odd.post(PUT, user("77")).done()
    odd.post("/api/v1/settings/domain/users-delete", {"input": [77]}).done()


@pytest.mark.parametrize(
    ("take", "skip", "count"), [(0, 0, 0), ("1", "1", 1), (99999, None, 2), (None, 0, 2), (2**62, 9, 0)]
)
def test_pages_have_the_requested_rows(odd, take, skip, count):
    odd.post(PUT, user("anna")).done()
    found = odd.post(SEARCH, {"take": take, "skip": skip, "sortField": "USERNAME"}).done()
    assert (len(found["results"]), found["totalCount"]) == (count, 2)


@pytest.mark.parametrize(
    "body", [{"take": -1}, {"skip": -1}, {"take": "x"}, {"take": 2**70}, {"sortField": [1]}, {"searchFlags": 5}]
)
def test_an_invalid_page_is_a_400(odd, body):
    assert odd.post(SEARCH, body).refused(400) == INVALID


def test_without_take_a_search_gives_all_or_100_by_quirk(odd, sandbox):
    for number in range(101):
        odd.post("/api/v1/settings/domain/alias-put", {"alias": {"name": f"a{number}", "aliasTargetList": []}}).done()
    assert len(odd.post(SEARCH, {"searchFlags": ["aliases"]}).done()["results"]) == 101
    sandbox.quirks.set({"take-defaults-to-100"})
    assert len(odd.post(SEARCH, {"searchFlags": ["aliases"]}).done()["results"]) == 100


@pytest.mark.parametrize(
    "field", ["totalMailboxSize", "lastLogin", "authType", "isEnabled", "accountType", "noSuchField", ""]
)
def test_rows_of_mixed_kinds_sort_by_any_field(odd, field):
    odd.post("/api/v1/settings/domain/alias-put", {"alias": {"name": "a", "aliasTargetList": []}}).done()
    odd.post("/api/v1/settings/domain/mailing-lists/add", {"name": "l"}).done()
    flags = ["users", "aliases", "lists", "noSuchKind"]
    found = odd.post(SEARCH, {"searchFlags": flags, "sortField": field, "sortDescending": "true"}).done()["results"]
    assert sorted(row["userName"] for row in found) == ["a", "boss", "l"]
    has_shape(found, [{"lastLogin": "", "totalMailboxSize": 0, "authType": 0, "isEnabled": True, "status": ""}])


@pytest.mark.parametrize(
    "path",
    ["user/boss%40customer.test", "user/BOSS@Customer.TEST", "user//boss@customer.test/", "USER/boss%40CUSTOMER%2Etest",
     "user/boss", "user/boss@customer.test?x=1&y", "user/b%6Fss@customer.test#x"],
)  # fmt: skip
def test_an_address_in_the_path_has_many_spellings(odd, path):
    assert odd.get(f"/api/v1/settings/domain/{path}").done()["userData"]["emailAddress"] == f"boss@{DOMAIN}"


def test_a_name_with_a_plus_or_a_slash_goes_through_the_path(odd):
    for name, encoded in (("a+b", "a%2Bb"), ("a+c", "a+c"), ("d/e", "d%2Fe"), ("f%g", "f%25g"), ("h&i=j", "h%26i%3Dj")):
        odd.post(PUT, user(name)).done()
        assert odd.get(f"/api/v1/settings/domain/user/{encoded}@{DOMAIN}").done()["userData"]["userName"] == name


@pytest.mark.parametrize(
    "path", ["%", "%zz", "%00", "%ff%fe", "a" * 5000, "..", "../../domains", "%2e%2e%2f", "\u00fc".encode().hex()]
)
def test_an_invalid_path_finds_no_user(odd, path):
    assert odd.get(f"/api/v1/settings/domain/user/{path}").status in {200, 404}
    assert odd.get(f"/api/v1/settings/sysadmin/domain/{path}").status == 404


IDN = "xn--mnchen-3ya.example"


def test_an_international_domain_is_one_in_all_its_spellings(odd):
    body = {"domainData": {"name": "München.example"}, "adminUsername": "boss", "adminPassword": "Start-1234"}
    odd.post("/api/v1/settings/sysadmin/domain-put", body).done()
    for text in ("münchen.example", "MÜNCHEN.example", IDN, IDN.upper()):
        odd.post(PUT, user(f"anna@{text}"), IDN).done()
        for email in (f"anna@{text}", f"Anna@{text}."):
            assert odd.post("/api/v1/settings/domain/get-user", {"email": email}, IDN).done()
            assert odd.post("/api/v1/settings/sysadmin/get-user", {"email": email}).done()
        login = {"username": f"anna@{text}", "password": "Start-1234"}
        assert odd.wire.post("/api/v1/auth/authenticate-user", login).done()["emailAddress"] == f"anna@{IDN}"
        odd.post("/api/v1/settings/domain/users-delete", {"input": [f"anna@{text}"]}, IDN).done()
    for header in ("münchen.example".encode().decode("latin-1"), "münchen.example", IDN):
        found = odd.get("/api/v1/settings/domain/data", header).done()["domainData"]
        assert (found["name"], found["idnName"]) == (IDN, "münchen.example")
    raw = f"GET /api/v1/settings/sysadmin/domain/münchen.example HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {odd.token}\r\n\r\n"
    assert f'"name":"{IDN}"'.encode() in odd.raw(raw.encode())


def test_long_names_are_refused_and_unknown_fields_are_ignored(odd):
    for name in ("x" * 65, "x" * 100_000, "a b", "a@b@c", "", "ünï", ".a", "a.", "\t"):
        assert odd.post(PUT, user(name)).refused() == "USER_ADD_ERROR_INVALID_NAME", name
    odd.post(PUT, {**user("x" * 64, noSuchField={"a": [1]}), "alsoUnknown": [{}]}).done()
    long_text = "ß" * 100_000
    odd.post("/api/v1/settings/domain/post-user", {"email": "x" * 64, "userData": {"fullName": long_text}}).done()
    assert odd.get(f"/api/v1/settings/domain/user/{'x' * 64}").done()["userData"]["fullName"] == long_text
    body = {"domainData": {"name": f"{'x' * 300}.test"}, "adminUsername": "b", "adminPassword": "Start-1234"}
    assert odd.post("/api/v1/settings/sysadmin/domain-put", body).refused() == "DOMAIN_ADD_ERROR_INVALID_NAME"


def test_an_http_1_0_request_gets_an_http_1_0_connection(odd):
    found = odd.raw(f"GET {NAMES} HTTP/1.0\r\nAuthorization: Bearer {odd.token}\r\n\r\n".encode())
    assert found.startswith(b"HTTP/1.1 200 OK") and b"connection: close" in found and found.endswith(b"}")
    assert b"transfer-encoding" not in found


def test_a_client_that_expects_100_continue_gets_it(odd):
    body = json.dumps({**odd.credentials, "clientId": "expect"}).encode()
    head = f"POST /api/v1/auth/authenticate-user HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection((odd.wire.host, odd.wire.port), timeout=5) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(5000).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "TLS/1.3, HTTP/2.0"])
def test_an_upgrade_header_is_ignored_and_the_body_is_read(odd, upgrade):
    body = json.dumps({**odd.credentials, "clientId": "java"}).encode()
    head = (
        f"POST /api/v1/auth/authenticate-user HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: {len(body)}\r\n"
        f"Host: x\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nUpgrade: {upgrade}\r\n"
        "User-Agent: Java-http-client/17\r\nContent-Type: application/json\r\n\r\n"
    ).encode()
    assert b'"success":true' in odd.raw(head + body)
    with socket.create_connection((odd.wire.host, odd.wire.port), timeout=5) as connection:
        for _ in range(2):
            connection.sendall(head)
            connection.sendall(body)
            found = b""
            while not found.endswith(b"}"):
                part = connection.recv(5000)
                assert part, found
                found += part
            assert found.startswith(b"HTTP/1.1 200 OK") and b'"accessToken":"ey' in found


def test_chunks_an_absolute_target_pipelining_and_a_doubled_slash_are_understood(odd):
    body = json.dumps({**odd.credentials, "clientId": "chunks"}).encode()
    head = b"POST /api/v1/auth/authenticate-user HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked = head + b"".join(b"%x\r\n%s\r\n" % (1, body[n : n + 1]) for n in range(len(body))) + b"0\r\n\r\n"
    assert b'"success":true' in odd.raw(chunked)
    auth = f"Authorization: Bearer {odd.token}\r\n\r\n"
    absolute = f"GET http://{odd.wire.host}:{odd.wire.port}{NAMES} HTTP/1.1\r\nHost: x\r\n{auth}"
    assert b'"success":true' in odd.raw(absolute.encode())
    twice = f"GET {NAMES} HTTP/1.1\r\nHost: x\r\n{auth}" * 2
    assert odd.raw(twice.encode()).count(b'"success":true') == 2
    assert odd.wire.get(f"//api//v1//{NAMES.removeprefix('/api/v1/')}//", odd.token).done()


@pytest.mark.parametrize("request_bytes", [b"GARBAGE\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n",
                                           b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"])  # fmt: skip
def test_invalid_http_is_a_400_without_a_log_message_and_the_server_keeps_running(odd, request_bytes, capfd):
    assert odd.raw(request_bytes).startswith(b"HTTP/1.1 400")
    assert odd.wire.get(NAMES, odd.token).done()
    assert capfd.readouterr() == ("", "")


def test_failed_logins_count_for_the_address_of_the_connection_and_not_for_one_in_a_header(odd):
    body = {"username": "admin", "password": "wrong"}
    odd.wire.post("/api/v1/auth/authenticate-user", body, X_Forwarded_For="203.0.113.9").refused(401)
    failures = odd.wire.get("/sandbox/ids", X_Sandbox="1").json["failures"]
    assert set(failures) == {"127.0.0.1"}
    odd.wire.admin("ids/reset", {})
