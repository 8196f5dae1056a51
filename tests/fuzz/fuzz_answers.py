"""Targets for answers of a mail server (JSON of any shape, with any status) and for SPF macros."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from types import ModuleType
from typing import Any

from reconciler.compliance.records.macros import SyntaxFault, domain_spec, macro_string
from reconciler.core.errors import ReconcilerError
from reconciler.core.model import Mailbox, Unset
from reconciler.core.names import domain_name
from reconciler.core.plan import Change, FieldChange, Plan
from reconciler.core.secret import Secret
from reconciler.engine.journal.writer import state_data
from reconciler.smartermail.auth.decode import impersonated, login_token, parse_time, renewed_session
from reconciler.smartermail.codec import complete, decode, decode_domain, encode
from reconciler.smartermail.transport.errors import (
    EndpointMissing,
    HttpAnswer,
    RequestInfo,
    Retryable,
    Unauthorized,
    http_date,
    judge,
    retry_after_of,
)
from reconciler.smartermail.transport.redact import clean

DOMAIN = "example.com"
STATUSES = (200, 200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 405, 409, 429, 500, 502, 503, 199)
EXPECTED = (ReconcilerError, Retryable, EndpointMissing, Unauthorized)


def answers(data: bytes) -> None:
    """Byte 1 selects the status, byte 2 the request; the rest is the body. Only the program's exceptions are allowed."""
    if len(data) < 2:
        return
    status, body = STATUSES[data[0] % len(STATUSES)], data[2:]
    asked = RequestInfo(
        "mail1", "GET settings/domain/data", DOMAIN, writes=bool(data[1] & 1), secrets=(Secret("hunter2"),)
    )
    text = body.decode("latin-1")
    answer = HttpAnswer(status=status, reason=text[:40], body=body, location=text[:80], date=http_date(text[:40]))
    retry_after_of({"retry-after": text[:30]}, answer.date) if answer.date else None
    assert clean(text).isprintable()
    fields = _allowed(lambda: judge(answer, asked))
    _allowed(lambda: login_token(answer, asked, username="admin", role="customer" if data[1] & 2 else "admin", now=0.0))
    if isinstance(fields, dict):
        _read(fields)


def _allowed(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except EXPECTED as e:
        message = getattr(e, "message", "")
        assert "hunter2" not in message
        assert message.isprintable(), message
        return None


def _read(fields: dict[str, Any]) -> None:
    where = "mail1: GET x for example.com"
    old = example_token()
    for found in (renewed_session(fields, old, None, 0.0), impersonated(fields, DOMAIN, None, 0.0)):
        assert found is None or found.refresh_at is None or found.refresh_at > 0
    for key in ("userData", "gridInfo", "results", "domainAliasData", "activeSyncAccounts"):
        rows = _allowed(lambda key=key: decode.rows(fields, key, where, null_is_empty=True)) or []
        for row in rows[:20]:
            _row(row, where)
        _allowed(lambda rows=rows: complete.announced(fields, len(rows), where))
        _allowed(
            lambda rows=rows: complete.distinct([decode.row_name(r, DOMAIN, where, "userName") for r in rows], where)
        )
    for key in ("domainData", "domainSettings", "userData", "alias", "mailboxForwardList"):
        inner = _allowed(lambda key=key: decode.inner(fields, key, where))
        if isinstance(inner, dict):
            _row(inner, where)
            _allowed(lambda inner=inner: decode_domain.limits(inner, fields, where))
            _allowed(lambda inner=inner: decode_domain.usage(inner, where))
            _allowed(lambda inner=inner: decode_domain.domain_summary(inner, where))
            decode_domain.dkim(inner)
            encode.switched_user(inner, enabled=True)
            encode.changed_alias(inner, "sales", {"to": ("a@example.com",)})
            encode.forward_list(inner, {})
    _allowed(lambda: decode.forwarding(fields, DOMAIN, where))
    decode_domain.password_policy(fields)
    for value in fields.values():
        parse_time(value)


def _row(row: dict[str, Any], where: str) -> None:
    name = _allowed(lambda: decode.row_name(row, DOMAIN, where, "userName", "name"))
    _allowed(lambda: complete.kind_of_row(row, (0, 1), where))
    _allowed(lambda: decode_domain.domain_alias_name(row, where))
    if not isinstance(name, str):
        return
    account = _allowed(lambda: decode.account(row, name, where))
    alias = _allowed(lambda: decode.alias(row, name, DOMAIN, where))
    if account is not None:
        again = decode.merged(account, account)
        json.dumps(state_data(again.mailbox)).encode()
        _planned(again.mailbox)
    if alias is not None:
        json.dumps(state_data(decode.filled(alias, alias))).encode()


def _planned(mailbox: Mailbox) -> None:
    """A mailbox as the client read it can be part of a plan, and the plan has a digest."""
    if isinstance(mailbox.display_name, Unset):
        return
    change = Change(
        action="update",
        kind="mailbox",
        domain=DOMAIN,
        name=mailbox.name,
        reason="declared",
        fields=(FieldChange(name="displayName", before=mailbox.display_name, after="x"),),
        current=mailbox,
    )
    assert Plan(domain=DOMAIN, server="mail1", changes=(change,)).digest.startswith("sha256:")


def example_token() -> Any:
    """A token, as the client gets it from a login."""
    body = b'{"accessToken": "a", "refreshToken": "b", "success": true}'
    asked = RequestInfo("mail1", "POST auth/authenticate-user")
    return login_token(HttpAnswer(200, "OK", body), asked, username="admin", role="admin", now=0.0)[0]


def macros(text: str, values: ModuleType) -> None:
    """A macro string is a syntax fault, or the program can expand it for any mail."""
    mail = values.Mail(
        address=ip_address("2001:db8::1"), sender="a+b@example.com", helo="mail.example.com", receiver="unknown", time=0
    )
    for explanation in (False, True):
        with suppress(SyntaxFault):
            found = macro_string(text, explanation=explanation)
            values.expand(found, mail, DOMAIN, "unknown")
    with suppress(SyntaxFault):
        name = values.expand_name(domain_spec(text), mail, DOMAIN, "unknown")
        assert len(name) <= 253 or "." not in name, name
    with suppress(ValueError):
        domain_name(text)
