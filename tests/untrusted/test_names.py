"""Names: valid local parts and domains, and that no name reaches another endpoint or another domain."""

from __future__ import annotations

import asyncio
import contextlib
import unicodedata
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from client_world import DOMAIN, PASSWORD, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core.errors import ReconcilerError, RefusedByServer
from reconciler.core.names import BadName, address, display_domain, domain_name, host_or_address, local_part
from reconciler.smartermail import endpoints
from reconciler.smartermail.endpoints import Endpoint, Spelling, header_value

# --- local parts: RFC 5321 section 4.1.2 (syntax) and 4.5.3.1.1 (64 octets), RFC 5322 section 3.2.3, RFC 6531

GOOD_LOCAL = [
    "a", "anna", "anna.b", "a-b", "a_b", "a+b", "a=b", "o'neil", "x#y", "x!y", "x$y", "x&y", "x*y", "x?y", "x^y", "x`y",
    "x{y}", "x|y", "x~y", "-a", "a-", "_", "007", "1", "null", "no", "true", "a:b", "22:30", "#", "a" * 64,
    "a.b.c.d.e.f", "~", "xn--a", "constructor", "__proto__",
]  # fmt: skip
BAD_LOCAL = {
    "": "empty",
    "a" * 65: "64 are allowed",
    ".a": "a dot is allowed only between",
    "a.": "a dot is allowed only between",
    "a..b": "a dot is allowed only between",
    ".": "a dot is allowed only between",
    "..": "a dot is allowed only between",
    '"a b"': "not allowed",  # a quoted string (RFC 5321 section 4.1.2): SmarterMail does not accept one
    '"a"': "not allowed",
    "a b": "not allowed",
    "a\tb": "not allowed",
    "a\nb": "not allowed",
    "a\r\nX-SmarterMailDomain: victim.test": "not allowed",
    "a\0": "not allowed",
    "a\x7f": "not allowed",
    "a/b": "not allowed",
    "../a": "a dot is allowed only between",
    "a/../b": "a dot is allowed only between",
    "a\\b": "not allowed",
    "a%2fb": "not allowed",
    "a%b": "not allowed",
    "a;b": "not allowed",
    "a,b": "not allowed",
    "a<b": "not allowed",
    "a>b": "not allowed",
    "a(b": "not allowed",
    "a)b": "not allowed",
    "a[b": "not allowed",
    "a]b": "not allowed",
    "a@b": "before the @",
    "a@": "before the @",
    "jürgen": "ASCII",  # SMTPUTF8 (RFC 6531): the server has no such mailboxes
    "ju\u0308rgen": "ASCII",
    "あ": "ASCII",
    "\u0430nna": "ASCII",  # Cyrillic а
    "anna\u200b": "ASCII",
    "\u202eanna": "ASCII",
    "ann\uff41": "ASCII",
    "\u212belvin": "ASCII",
    "\u212aelvin": "ASCII",  # the Kelvin sign, whose lower case is k
    "a\ud800": "ASCII",
    "a\U000e0041": "ASCII",
}

# --- domains: RFC 1035 section 2.3, RFC 1123 section 2.1, RFC 5890 to 5893 (IDNA 2008) by way of UTS 46

GOOD_DOMAIN = {
    "example.com": "example.com",
    "EXAMPLE.com.": "example.com",
    "a.b": "a.b",
    "1.example": "1.example",
    "123-4.example": "123-4.example",
    "a--b.example": "a--b.example",
    "münchen.example": "xn--mnchen-3ya.example",
    "MÜNCHEN.example": "xn--mnchen-3ya.example",
    "mu\u0308nchen.example": "xn--mnchen-3ya.example",  # NFD is the same name
    "xn--mnchen-3ya.example": "xn--mnchen-3ya.example",
    "XN--MNCHEN-3YA.example": "xn--mnchen-3ya.example",
    "straße.example": "xn--strae-oqa.example",  # IDNA 2008, not strasse
    "βόλος.example": "xn--nxasmm1c.example",
    "пример.рф": "xn--e1afmkfd.xn--p1ai",
    "例え.jp": "xn--r8jz45g.jp",
    "ラーメン.jp": "xn--4dkp5a8a.jp",
    "עברית.example": "xn--5dbqzzl.example",  # right to left, by the Bidi rule (RFC 5893)
    "ａｂｃ.example": "abc.example",  # full-width letters
    "a\u3002b.example": "a.b.example",  # the ideographic full stop, and two more that IDNA has for dots
    "a\uff0eb.example": "a.b.example",
    "a\uff61b.example": "a.b.example",
    "exam\u00adple.com": "example.com",  # a soft hyphen is invisible and mapped to nothing
    "exam\u200bple.com": "example.com",
    "نامه\u200cای.example": "xn--mgba3gch31f060k.example",  # a joiner where it is allowed (RFC 5892 appendix A)
    "a" * 63 + ".example": "a" * 63 + ".example",
}
BAD_DOMAIN = [
    "", ".", "..", "com", "localhost", "a..b", ".a.b", "a.b..", "-a.example", "a-.example", "a" * 64 + ".example",
    ".".join(["a" * 63] * 4) + ".com", "a_b.example", "a b.example", "a\tb.example", "a\nb.example", "a\0b.example",
    "a/b.example", "a\\b.example", "a%2eb.example", "a%b.example", "a@b.example", "a:b.example", "a:80", "a;b.example",
    "a?b.example", "a#b.example", "[::1]", "::1", "127.0.0.1", "192.0.2.1.", "127\u30020\u30020\u30021", "a.1", "a.b.256",
    "xn--a.example", "xn--.example", "xn--mnchen-3ya-.example", "xn--example-.com", "xn--ab.example",
    "\u0300a.example",  # begins with a combining mark
    "a\u200db.example", "a\u200cb.example",  # joiners in positions that do not allow them
    "\u05d0a.example", "1\u05d0.example",  # against the Bidi rule
    "\u202ea.example", "a\u2066b.example", "a\ufffdb.example", "a\ud800.example", "\U0001f4a9.example", "a\u2024b.example",
    "a\u2044b.example", "a\uff0fb.example", "a\uff05b.example", "a\u2215.example",
    "ex\u2100mple.example",  # ℀ maps to a/c
    "a\u037eb.example",  # the Greek question mark maps to ;
    "≠.example", "\u00b7a.example", "\u30fb\u30fb.example", "ＡB＠c.example", "ü" * 60 + ".example",
    "example.com\r\nX-Evil: 1", "example.com/../victim.test", "example.com?x=", "example.com#", "example.com%00",
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD_LOCAL)
def test_a_valid_local_part_is_accepted_in_lower_case(name: str) -> None:
    assert local_part(name.upper()) == name
    assert address(name, DOMAIN) == f"{name}@{DOMAIN}"


@pytest.mark.parametrize("name", BAD_LOCAL)
def test_an_invalid_local_part_is_rejected_with_the_reason(name: str) -> None:
    with pytest.raises(BadName, match=BAD_LOCAL[name]) as caught:
        local_part(name)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", GOOD_DOMAIN)
def test_all_spellings_of_a_domain_have_one_canonical_form(name: str) -> None:
    canonical = GOOD_DOMAIN[name]
    assert domain_name(name) == canonical
    assert domain_name(canonical) == canonical
    assert domain_name(display_domain(canonical)) == canonical
    assert address(f"x@{name}", "other.example") == f"x@{canonical}"


@pytest.mark.parametrize("name", BAD_DOMAIN)
def test_an_invalid_domain_is_rejected(name: str) -> None:
    with pytest.raises(BadName) as caught:
        domain_name(name)
    assert str(caught.value).replace("\u3000", "").isprintable()
    with pytest.raises(BadName):
        address(f"x@{name}", DOMAIN)


@pytest.mark.parametrize("name", ["127\u30020\u30020\u30021", "\uff11\uff12\uff17.0.0.1", "0x7f.1", "1", "192.0.2.400"])
def test_no_spelling_of_an_ip_address_is_accepted_as_a_host_name(name: str) -> None:
    with pytest.raises(BadName):
        host_or_address(name)


@given(st.text(max_size=20))
def test_all_normal_forms_of_a_name_are_equal_or_rejected(text: str) -> None:
    found = set()
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        with contextlib.suppress(BadName):
            found.add(domain_name(f"{unicodedata.normalize(form, text)}.example"))
    # NFKC and UTS 46 map some characters alike (ⅳ and iv), so all accepted forms are one name.
    assert len(found) <= 1
    for name in found:
        assert name.isascii()
        assert name == name.lower()
        assert not set(name) & set("/\\%@:?#;[]_ ")


# --- requests

ENDPOINTS = [v for v in vars(endpoints).values() if isinstance(v, Endpoint)]
WITH_NAMES = [(endpoint, spelling) for endpoint in ENDPOINTS for spelling in endpoint.spellings if "{" in spelling.path]
ATTACKS = [
    "..", ".", "%2e%2e", "..%2f..%2fsysadmin%2fdomain-delete", "../sysadmin/domain-delete", "a/b", "a%2fb", "a%252fb", "a\\b",
    "a%5cb", "a;b", "a;/../b", "a?b=c", "a#b", "a&b", "a=b", "a+b", "a b", "a%20b", "a%00", "a\0b", "a\nb",
    "a\r\nX-SmarterMailDomain: victim.test", "a HTTP/1.1\r\nHost: evil\r\n\r\nGET /", "//evil.test/x", "http://evil.test/x",
    "\\\\evil.test\\x", "@evil.test", "a@victim.test", "ü", "u\u0308", "\u3002\u3002", "\uff0e\uff0e", "\u2024",
    "\u202e", "\ud800", "\U0010ffff", "a/", "/a", "", " ", "\t", "{domain}", "{name}", "~", "*", "a:b", "a,b", "'", '"', "<a>",
]  # fmt: skip
names = st.sampled_from(ATTACKS) | st.text(min_size=1, max_size=30) | st.text("./\\%2efF;?#@:\r\n\0ab", max_size=12)


@pytest.mark.parametrize(("endpoint", "spelling"), WITH_NAMES, ids=lambda v: getattr(v, "name", None) or v.path)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(text=names, prefix=st.sampled_from(["", "/webmail"]))
def test_a_name_stays_in_its_path_segment_or_no_request_is_sent(
    endpoint: Endpoint, spelling: Spelling, text: str, prefix: str
) -> None:
    params = dict.fromkeys(("domain", "email", "name", "old", "new", "disable", "allowMail", "checkMx"), text)
    try:
        path = spelling.filled(params)
    except RefusedByServer as e:
        assert text in ("", ".", "..") or any(c in text for c in "/\\%\x7f\ud800") or any(c < " " for c in text)
        assert e.message.isprintable()
        return
    request = httpx.Request(spelling.method, f"https://mail.example.net{prefix}/api/v1/{path}")
    assert request.url.host == "mail.example.net"
    assert request.url.query == b""
    assert request.url.fragment == ""
    segments = request.url.raw_path.decode("ascii").split("/")
    template = f"{prefix}/api/v1/{spelling.path}".split("/")
    assert len(segments) == len(template)
    for sent, expected in zip(segments, template, strict=True):
        assert unquote(sent) == (text if expected.startswith("{") else expected)
        assert unquote(sent) not in (".", "..")
        # A server that decodes twice, or before splitting the path, still finds this one segment.
        assert not set(unquote(unquote(sent))) & set("/\\\r\n\0")


@given(names)
def test_a_domain_stays_in_its_header_or_no_request_is_sent(text: str) -> None:
    try:
        value = header_value(text)
    except RefusedByServer as e:
        assert e.message.isprintable()
        return
    request = httpx.Request("GET", "https://mail.example.net/", headers={"x-smartermaildomain": value})
    assert request.headers.get_list("x-smartermaildomain") == [text]
    assert not set(text) & set("\r\n\0")


def test_a_name_of_any_length_is_sent_completely_or_not_at_all() -> None:
    for length in (1_000, 60_000, 70_000, 1_000_000):
        path = Spelling("POST", "settings/domain/alias-delete/{name}").filled({"name": "a" * length})
        try:
            request = httpx.Request("POST", f"https://mail.example.net/api/v1/{path}")
        except httpx.InvalidURL:  # reported as a request that could not be sent, see `from_transport`
            assert length > 60_000
        else:
            assert request.url.raw_path.endswith(b"/" + b"a" * length)


def test_these_tests_try_every_endpoint() -> None:
    assert len(ENDPOINTS) > 30
    assert {s.path for _, s in WITH_NAMES} >= {
        "settings/domain/alias-delete/{name}",
        "settings/sysadmin/manage-domain/{domain}",
    }


async def _all_of(server: Any, text: str, domain: str) -> list[BaseException]:
    """Every call that puts a name into the path or the header, and the error that it raises."""
    writer = server.writer()
    calls = [
        writer.delete_alias(domain, text),
        writer.rename_mailbox(domain, text, "x"),
        writer.rename_mailbox(domain, "x", text),
        writer.delete_domain_alias(domain, text),
        writer.create_domain_alias(domain, text),
    ]
    raised = []
    for call in calls:
        try:
            await call
        except ReconcilerError as e:
            raised.append(e)
    return raised


@pytest.mark.parametrize("text", ATTACKS)
def test_no_untrusted_name_reaches_another_endpoint_or_domain_of_a_real_server(world: World, text: str) -> None:
    world.reset()
    before = world.own("GET", "state")["domains"]["victim.test"]

    async def main() -> list[BaseException]:
        async with world.connect() as server:
            raised = await _all_of(server, text, DOMAIN)
            for odd in (text, f"{text}.test"):
                try:
                    await server.writer().delete_alias(odd, "sales")
                except ReconcilerError as e:
                    raised.append(e)
            return raised

    raised = asyncio.run(main())
    meant = {
        "settings/domain/alias-delete/{name}", "settings/domain/rename-user/{old}/{new}", "settings/domain/data",
        "settings/domain/domain-alias-delete/{name}", "settings/domain/domain-alias-put/{name}/{checkMx}",
        "settings/sysadmin/manage-domain/{domain}", "auth/authenticate-user", "auth/logout-user", "auth/refresh-token",
        "settings/domain/domain-aliases",
    }  # fmt: skip
    rows = world.own("GET", "requests")["requests"]
    assert rows
    for row in rows:
        assert row["endpoint"] in meant or row["status"] == 404, row
        assert row["domain"] in ("", DOMAIN), row
    assert world.own("GET", "state")["domains"]["victim.test"] == before
    assert PASSWORD not in repr(raised)
