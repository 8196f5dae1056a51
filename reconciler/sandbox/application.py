"""The ASGI application: banner, API, admin endpoints; faults around them, the log behind them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from reconciler.sandbox.admin import Admin
from reconciler.sandbox.call import Service
from reconciler.sandbox.dispatch import Dispatcher, Outcome, Request
from reconciler.sandbox.envelope import Reply
from reconciler.sandbox.faults import Fault, Faults
from reconciler.sandbox.requestlog import RequestLog
from reconciler.sandbox.routes import ROUTES
from reconciler.sandbox.routing import Router
from reconciler.sandbox.transport import cut

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

BANNER = "This is a sandbox with SmarterMail's API for tests. It carries no mail and must not be used as a mail server."
_API = "/api/v1/"
_MAX_BODY = 32 * 1024 * 1024
_PAGE = b"<!DOCTYPE html><html><title>Service notice</title><body><h1>Please try again later</h1></body></html>"
_IN_THE_WAY = ("429", "500", "502", "503", "html", "expired-token")
_AFTERWARDS = ("500-after", "502-after", "503-after", "html-after")


class Application:
    """Everything that is answered over HTTP."""

    def __init__(self, service: Service, faults: Faults, log: RequestLog, admin: Admin) -> None:
        self._service = service
        self._faults = faults
        self._log = log
        self._admin = admin
        self._dispatcher = Dispatcher(service, Router(ROUTES))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        body = await _read(receive)
        if body is None:
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        path = "/" + "/".join(part for part in scope["raw_path"].decode("ascii", "replace").split("/") if part)
        at = (path.lower() + "/").find(_API)
        if len(body) > _MAX_BODY:
            await _send(send, Reply(413))
        elif at >= 0:
            await self._api(scope, send, _request(scope, headers, path[at + len(_API) :], body))
        elif path.startswith("/sandbox/"):
            await _send(send, await self._admin.answer(scope["method"], path, headers, body))
        else:
            await _send(send, self._front(path))

    def _front(self, path: str) -> Reply:
        if path == "/":
            return Reply(
                200, {"sandbox": True, "notice": BANNER, "api": "/api/v1/", "documentation": "/Documentation/api"}
            )
        if path.lower() == "/documentation/api":
            rows = [{"methods": route.methods, "path": _API + route.pattern, "role": route.role} for route in ROUTES]
            return Reply(200, {"notice": BANNER, "endpoints": rows})
        return Reply(404)

    async def _api(self, scope: Scope, send: Send, request: Request) -> None:
        faults = self._faults.striking(request.method, request.path)
        if "expired-token" in faults and not self._service.tokens.session(request.token):
            del faults["expired-token"]
        effects: list[str] = []
        if "latency" in faults:
            param = faults["latency"].param
            await asyncio.sleep((1000.0 if param is None else param) / 1000)
        in_the_way = next((faults[name] for name in _IN_THE_WAY if name in faults), None)
        if "drop-before" in faults:
            outcome = Outcome(Reply(0))
        elif in_the_way is not None:
            outcome = Outcome(_fault_reply(in_the_way))
        else:
            outcome = self._carry_out(request, effects)
            if outcome.delay:
                await asyncio.sleep(outcome.delay)
            afterwards = next((faults[name] for name in _AFTERWARDS if name in faults), None)
            if afterwards is not None:
                outcome.reply = _fault_reply(afterwards)
        is_cut = "drop-before" in faults or "drop-after" in faults
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
        if is_cut:
            await cut(scope)
        else:
            await self._respond(scope, send, outcome.reply, faults)

    def _carry_out(self, request: Request, effects: list[str]) -> Outcome:
        """The effect and its record on disk, before anything is answered."""
        store = self._service.store
        store.changed = effects
        try:
            return self._dispatcher.answer(request)
        finally:
            store.flush()
            store.changed = []

    async def _respond(self, scope: Scope, send: Send, reply: Reply, faults: dict[str, Fault]) -> None:
        if "empty-list" in faults and isinstance(reply.payload, dict):
            reply.payload = {name: _emptied(name, value) for name, value in reply.payload.items()}
        if "reason-phrase-errors" in self._service.quirks and reply.status >= 400 and isinstance(reply.payload, dict):
            await cut(scope, _bare_error(reply))
            return
        data = _encoded(reply)
        if "truncated-json" in faults:
            data = data[: len(data) // 2]
        if "drop-mid-body" in faults:
            start = f"HTTP/1.1 {reply.status} {_phrase(reply.status)}\r\ncontent-type: {reply.content_type}\r\n"
            await cut(scope, start.encode() + b"content-length: %d\r\n\r\n" % len(data) + data[: len(data) // 2])
            return
        await _send(send, reply, data)


def _request(scope: Scope, headers: dict[bytes, str], path: str, body: bytes) -> Request:
    scheme, _, token = headers.get(b"authorization", "").partition(" ")
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=path,
        body=body,
        content_type=headers.get(b"content-type", ""),
        token=token.strip() if scheme.lower() == "bearer" else "",
        domain_header=headers.get(b"x-smartermaildomain", ""),
        address=client[0] if client else "",
    )


def _fault_reply(fault: Fault) -> Reply:
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
    """An error of older builds: its text is the reason phrase, its body is empty (section 1.3)."""
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


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None when the client went away. What is too long is read but not kept."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size <= _MAX_BODY + len(part):
            parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def _send(send: Send, reply: Reply, data: bytes | None = None) -> None:
    data = _encoded(reply) if data is None else data
    headers = [(b"x-sandbox", b"not-a-mail-server"), (b"content-length", str(len(data)).encode())]
    if data:
        headers.append((b"content-type", reply.content_type.encode()))
    if reply.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    headers += [(name.encode(), value.encode()) for name, value in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": data})
