"""Properties of the pure parts: text from servers, path segments, targets, lifetimes of tokens, bodies of writes."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.errors import RefusedByServer
from reconciler.core.secret import Secret
from reconciler.smartermail.auth import decode as auth
from reconciler.smartermail.codec import decode as wire
from reconciler.smartermail.codec import encode as bodies
from reconciler.smartermail.endpoints import Spelling, segment
from reconciler.smartermail.transport.redact import MAX_TEXT, clean

quickly = settings(max_examples=150, deadline=None)


@quickly
@given(st.text(max_size=800), st.text(min_size=5, max_size=20))
def test_cleaned_text_is_one_short_printable_line_without_the_secret(text: str, secret: str) -> None:
    shown = clean(text + secret + text, [Secret(secret)])
    assert shown == "" or shown.isprintable()
    assert len(shown) <= MAX_TEXT + 1
    assert secret not in shown


@quickly
@given(st.text(min_size=1, max_size=30))
def test_a_segment_remains_one_segment_and_decodes_to_the_name(name: str) -> None:
    if name in (".", "..") or any(c in "/\\%\x7f" or c < " " for c in name):
        with pytest.raises(RefusedByServer):
            segment(name)
        return
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    quoted = segment(name)
    assert unquote(quoted) == name
    assert not set(quoted) & set("/?#& \\@")


def test_an_empty_segment_is_rejected_and_a_parameter_cannot_change_the_path() -> None:
    with pytest.raises(RefusedByServer, match="cannot be part"):
        segment("")
    spelling = Spelling("POST", "settings/domain/rename-user/{old}/{new}")
    assert spelling.filled({"old": "a..b?c", "new": "{old}"}) == "settings/domain/rename-user/a..b%3Fc/%7Bold%7D"
    with pytest.raises(RefusedByServer, match="cannot be part"):
        spelling.filled({"old": "a/../b?c", "new": "x"})


addresses = st.sampled_from(["anna", "Anna", "ANNA@Example.Test", "x@else.test", "X@ELSE.TEST.", "no address", "a@b@c"])


@quickly
@given(st.lists(addresses, max_size=8), st.randoms())
def test_order_case_and_duplicates_of_targets_do_not_matter(targets: list[str], dice: Any) -> None:
    found = wire.canonical_targets(targets, "example.test", "here")
    again = [t.upper() if dice.random() < 0.5 else t for t in [*targets, *targets]]
    dice.shuffle(again)
    assert wire.canonical_targets(again, "example.test", "here") == found
    assert wire.canonical_targets(list(found), "example.test", "here") == found
    assert list(found) == sorted(set(found))


NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def jwt(**claims: float) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{body}.c2lnbmF0dXJl"


def until(seconds: float) -> dict[str, object]:
    return {"until": (NOW + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")}


@pytest.mark.parametrize(
    ("fields", "token", "wanted"),
    [
        (until(900), "opaque", 810),
        (until(90), "opaque", 60),
        ({}, jwt(iat=5000, exp=5900), 810),
        ({}, jwt(exp=NOW.timestamp() + 900), 810),
        (until(900), jwt(iat=5000, exp=5300), 210),
        (until(-5), "opaque", None),
        ({}, "opaque", None),
        ({"until": "0001-01-01T00:00:00"}, "a.b.c", None),
        ({"until": 17}, jwt(), None),
        ({"until": "2026-11-01T12:15:00.1234567"}, "opaque", 810.123456),
    ],
)
def test_a_token_is_refreshed_90_seconds_or_a_third_of_its_lifetime_before_it_expires(
    fields: dict[str, object], token: str, wanted: float | None
) -> None:
    found = auth.refresh_time(fields, "until", token, NOW, 1000.0)
    assert found == (None if wanted is None else pytest.approx(1000 + wanted))


def test_lifetimes_of_tokens_are_measured_with_the_servers_clock() -> None:
    an_hour_ahead = NOW + timedelta(hours=1)
    fields: dict[str, object] = {"until": (an_hour_ahead + timedelta(seconds=900)).isoformat()}
    assert auth.refresh_time(fields, "until", "opaque", an_hour_ahead, 0.0) == pytest.approx(810)


READ = {
    "userName": "anna",
    "fullName": "Anna",
    "maxMailboxSize": 5,
    "newField": {"kept": True},
    "securityFlags": {"authType": 1, "isDisabled": False, "isDomainAdmin": False, "future": 7},
    "password": "********",
    "tempPassword": "",
    "sessionStr": "s",
    "isPasswordExpired": True,
}


def test_a_user_is_written_back_completely_without_secrets_of_the_answer() -> None:
    body = bodies.changed_user(READ, {"displayName": "Anna B"}, None)
    assert body == {
        "userName": "anna",
        "fullName": "Anna B",
        "maxMailboxSize": 5,
        "newField": {"kept": True},
        "securityFlags": READ["securityFlags"],
        "isPasswordExpired": True,
    }
    with_password = bodies.changed_user(READ, {}, Secret("n3w"))
    assert (with_password["password"], with_password["isPasswordExpired"]) == ("n3w", False)
    off = bodies.switched_user(READ, enabled=False)
    assert off["securityFlags"] == {"authType": 1, "isDisabled": True, "isDomainAdmin": False, "future": 7}


def test_unmanaged_fields_of_a_forward_list_are_kept_and_all_four_fields_are_sent() -> None:
    there = {
        "forwardList": ["a@b.test"],
        "keepRecipients": True,
        "deleteOnForward": True,
        "spamForwardOption": "Delete",
    }
    assert bodies.forward_list(there, {"forwarding.keepCopy": True}) == {**there, "deleteOnForward": False}
    assert bodies.forward_list(there, {"forwarding.to": ()}) == {**there, "forwardList": []}
    assert bodies.forward_list({}, {"forwarding.to": ("x@y.test",)}) == {
        "forwardList": ["x@y.test"],
        "keepRecipients": False,
        "deleteOnForward": False,
        "spamForwardOption": "None",
    }


def test_unmanaged_fields_of_a_new_user_get_the_servers_defaults() -> None:
    user, mail, forward = bodies.new_user("anna", {}, Secret("p"))
    assert user == {"userName": "anna", "password": "p", "isPasswordExpired": False}
    assert (mail, forward) == ({}, {})
    user, mail, forward = bodies.new_user("anna", {"forwarding.to": ("x@y.test",), "enabled": True}, Secret("p"))
    assert user["securityFlags"] == {
        "authType": 0,
        "authenticatingWindowsDomain": None,
        "isDomainAdmin": False,
        "isDisabled": False,
    }
    assert mail == {"enableMailForwarding": True}
    assert forward["forwardList"] == ["x@y.test"]


def test_an_alias_is_written_back_completely() -> None:
    there = {
        "name": "sales",
        "aliasTargetList": ["anna"],
        "enableForXmpp": True,
        "isEnabled": False,
        "description": "d",
    }
    assert bodies.changed_alias(there, "sales", {"hideFromGal": True}) == {**there, "hideFromGAL": True}
    assert bodies.changed_alias(there, "new", {})["name"] == "new"
