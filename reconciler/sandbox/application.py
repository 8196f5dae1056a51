"""The ASGI application: banner, API and control endpoints, with injected faults and the request log."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from reconciler.sandbox.admin import Admin
from reconciler.sandbox.browsers import rejection_reason
from reconciler.sandbox.call import Service
from reconciler.sandbox.dispatch import Dispatcher, Outcome, Request
from reconciler.sandbox.envelope import Reply
from reconciler.sandbox.faults import Fault, Faults
from reconciler.sandbox.requestlog import RequestLog
from reconciler.sandbox.routes.table import ROUTES
from reconciler.sandbox.routing import Router
from reconciler.sandbox.transport import cut

BANNER = "This is a sandbox of SmarterMail's API for tests. It does not transport mail. Do not use it as a mail server."
_API = "/api/v1/"
_MAX_BODY = 32 * 1024 * 1024
_PAGE = b"<!DOCTYPE html><html><title>Service notice</title><body><h1>Please try again later</h1></body></html>"
_INSTEAD = ("busy", "429", "500", "502", "503", "html", "expired-token")
"""Faults that answer instead of the API; the request has no effect."""

_AFTER = ("500-after", "502-after", "503-after", "html-after")
"""Faults that replace the answer after the request took effect."""


class Application:
    """Answers all HTTP requests."""

    def __init__(self, service: Service, faults: Faults, log: RequestLog, admin: Admin) -> None:
        self._service = service
        self._faults = faults
        self._log = log
        self._admin = admin
        self._dispatcher = Dispatcher(service, Router(ROUTES))
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Starlette's routing is not used: it is stricter with paths than SmarterMail."""
        assert scope["type"] == "http"
        http = HttpRequest(scope, receive)
        try:
            body = await _body(http)
        except ClientDisconnect:
            return
        response = _response(Reply(413)) if body is None else await self._answer(http, body)
        if response is not None:
            await response(scope, receive, send)

    async def _answer(self, http: HttpRequest, body: bytes) -> Response | None:
        """The response; None if the connection was cut instead."""
        headers = {name: value.decode("latin-1") for name, value in http.headers.raw}
        if reason := rejection_reason(headers):
            return _response(Reply(421, {"success": False, "resultCode": 421, "message": reason, "debugInfo": None}))
        raw = http.scope["raw_path"].decode("ascii", "replace")
        path = "/" + "/".join(part for part in raw.split("/") if part)
        at = (path.lower() + "/").find(_API)
        if at >= 0:
            self._in_flight += 1
            try:
                return await self._api(http, _request(http, path[at + len(_API) :], body))
            finally:
                self._in_flight -= 1
        if path.startswith("/sandbox/"):
            return _response(await self._admin.answer(http.method, path, headers, body))
        return _response(self._front(path))

    def _front(self, path: str) -> Reply:
        if path == "/":
            return Reply(
                200, {"sandbox": True, "notice": BANNER, "api": "/api/v1/", "documentation": "/Documentation/api"}
            )
        if path.lower() == "/documentation/api":
            rows = [{"methods": route.methods, "path": _API + route.pattern, "role": route.role} for route in ROUTES]
            return Reply(200, {"notice": BANNER, "endpoints": rows})
        return Reply(404)

    async def _api(self, http: HttpRequest, request: Request) -> Response | None:
        faults = self._faults.active_for(request.method, request.path)
        if "expired-token" in faults and not self._service.tokens.session(request.token):
            del faults["expired-token"]
        # The fault `busy` affects only requests above the limit.
        if "busy" in faults and self._in_flight <= _most(faults["busy"]):
            del faults["busy"]
        effects: list[str] = []
        # A busy server rejects requests immediately.
        if "latency" in faults and "busy" not in faults:
            await asyncio.sleep(_seconds(faults["latency"]))
        instead = next((faults[name] for name in _INSTEAD if name in faults), None)
        if "drop-before" in faults:
            outcome = Outcome(Reply(0))
        elif instead is not None:
            outcome = Outcome(_fault_reply(instead))
        else:
            outcome = self._execute(request, effects)
            if outcome.delay:
                await asyncio.sleep(outcome.delay)
            after = next((faults[name] for name in _AFTER if name in faults), None)
            if after is not None:
                outcome.reply = _fault_reply(after)
        is_cut = "drop-before" in faults or "drop-after" in faults
        # Before the answer is sent, so that a client that has its answer finds its request in the log.
        self._log.add(
            method=request.method,
            path=request.path,
            endpoint=outcome.endpoint,
            status=0 if is_cut else outcome.reply.status,
            token=outcome.token_kind,
            user=outcome.user,
            domain=outcome.domain,
            effects=effects,
            faults=list(faults),
            is_write=outcome.is_write,
        )
        if "latency-after" in faults:
            await asyncio.sleep(_seconds(faults["latency-after"]))
        if is_cut:
            await cut(http.scope)
            return None
        return await self._respond(http, outcome.reply, faults)

    def _execute(self, request: Request, effects: list[str]) -> Outcome:
        """Execute a request and store its changes before the answer, so that a crash loses no confirmed write."""
        store = self._service.store
        store.changed = effects
        try:
            return self._dispatcher.answer(request)
        finally:
            store.flush()
            store.changed = []

    async def _respond(self, http: HttpRequest, reply: Reply, faults: dict[str, Fault]) -> Response | None:
        if "empty-list" in faults and isinstance(reply.payload, dict):
            reply.payload = {name: _emptied(name, value) for name, value in reply.payload.items()}
        if "cut-list" in faults and isinstance(reply.payload, dict):
            reply.payload = {k: v[:-1] if isinstance(v, list) else v for k, v in reply.payload.items()}
        if "reason-phrase-errors" in self._service.quirks and reply.status >= 400 and isinstance(reply.payload, dict):
            await cut(http.scope, _bare_error(reply))
            return None
        data = _encoded(reply)
        if "truncated-json" in faults:
            data = data[: len(data) // 2]
        if "drop-mid-body" in faults:
            start = f"HTTP/1.1 {reply.status} {_phrase(reply.status)}\r\ncontent-type: {reply.content_type}\r\n"
            await cut(http.scope, start.encode() + b"content-length: %d\r\n\r\n" % len(data) + data[: len(data) // 2])
            return None
        return _response(reply, data)


def _request(http: HttpRequest, path: str, body: bytes) -> Request:
    scheme, _, token = http.headers.get("authorization", "").partition(" ")
    return Request(
        method=http.method,
        path=path,
        body=body,
        content_type=http.headers.get("content-type", ""),
        token=token.strip() if scheme.lower() == "bearer" else "",
        domain_header=_header_text(http.headers.get("x-smartermaildomain", "")),
        address=http.client.host if http.client else "",
    )


def _header_text(value: str) -> str:
    """The text of a header. Clients send UTF-8, or Latin-1 as the HTTP standard requires."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value


def _most(fault: Fault) -> float:
    return 4.0 if fault.param is None else fault.param


def _seconds(latency: Fault) -> float:
    return (1000.0 if latency.param is None else latency.param) / 1000


def _fault_reply(fault: Fault) -> Reply:
    if fault.name == "busy":
        return Reply(429, {"success": False, "resultCode": 429, "message": "Too many requests"})
    status = int(fault.name[:3]) if fault.name[:3].isdigit() else 200
    headers = {} if fault.param is None else {"retry-after": f"{fault.param:g}"}
    if fault.name == "expired-token":
        return Reply(401)
    if status == 500:
        return Reply(
            500, {"success": False, "resultCode": 500, "message": "An unexpected error occurred", "debugInfo": None}
        )
    if status == 429:
        return Reply(429, {"success": False, "resultCode": 429, "message": "Too many requests"}, headers)
    return Reply(status, _PAGE, headers, "text/html; charset=utf-8")


def _emptied(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return []
    return 0 if name == "totalCount" else value


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase


def _bare_error(reply: Reply) -> bytes:
    """An error of older builds: the message is the reason phrase, and the body is empty (section 1.3)."""
    assert isinstance(reply.payload, dict)
    text = str(reply.payload.get("message") or _phrase(reply.status)).replace("\r", " ").replace("\n", " ")
    head = f"HTTP/1.1 {reply.status} {text}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    return head.encode("latin-1", "replace")


def _encoded(reply: Reply) -> bytes:
    if reply.payload is None:
        return b""
    if isinstance(reply.payload, bytes):
        return reply.payload
    return json.dumps(reply.payload, ensure_ascii=False, separators=(",", ":")).encode()


async def _body(http: HttpRequest) -> bytes | None:
    """The complete body; None if it is too long. A long body is read to its end, so that the client gets the answer."""
    parts: list[bytes] = []
    size = 0
    async for part in http.stream():
        size += len(part)
        if size <= _MAX_BODY:
            parts.append(part)
    return b"".join(parts) if size <= _MAX_BODY else None


def _response(reply: Reply, data: bytes | None = None) -> Response:
    data = _encoded(reply) if data is None else data
    headers = {"x-sandbox": "not-a-mail-server", **reply.headers}
    if data:
        headers["content-type"] = reply.content_type
    if reply.status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(data, reply.status, headers)
