"""Translate exceptions of httpx and answers of the server into the exceptions of the core.

The rules of API reference sections 1.2, 1.3 and 11: success is HTTP 2xx and a JSON object whose `success` is not false.
The meaning of everything else depends on whether the request may have changed something.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from reconciler.core.errors import (
    AmbiguousWrite,
    ReconcilerError,
    RefusedByServer,
    UnexpectedAnswer,
    Unreachable,
)
from reconciler.core.secret import Secret
from reconciler.smartermail.transport.redact import clean

JsonObject = dict[str, object]

_STANDARD_REASONS = frozenset({"", "not found", "method not allowed"})
"""Reason phrases of HTTP itself. Any other phrase is a message of SmarterMail."""

UNAVAILABLE = frozenset({502, 503, 504})
"""Statuses that a proxy sends if the server behind it does not answer."""

_HTML_HINT = "check the server's url; a proxy or a maintenance page may answer instead of the server"
_AMBIGUOUS_HINT = "run `plan` to see whether the write took effect"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A complete HTTP answer.

    Attributes:
        date: the server's clock; None if it sends no `Date` header.
        retry_after: the pause in seconds that the server requests; None without one.
    """

    status: int
    reason: str
    body: bytes = field(repr=False)
    date: datetime | None = None
    retry_after: float | None = None
    location: str = ""


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What error messages need to know about a request.

    Attributes:
        template: method and path, without values.
        writes: whether the request may change something on the server.
        secrets: values that no message may contain.
    """

    server: str
    template: str
    domain: str = ""
    writes: bool = False
    secrets: tuple[Secret, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return f"{self.server}: {self.template}" + (f" for {self.domain}" if self.domain else "")

    def clean(self, text: object) -> str:
        """A text from the server, safe to show."""
        return clean(text, self.secrets)


class Retryable(Exception):
    """A failure after which the request may be sent again, because a second execution changes nothing.

    Attributes:
        final: the error to raise after the last attempt.
        retry_after: the pause in seconds that the server requests.
        is_silent: no answer came, or only one from a proxy (502, 503, 504).
    """

    def __init__(self, final: ReconcilerError, retry_after: float | None = None, *, is_silent: bool = False) -> None:
        super().__init__(final.message)
        self.final = final
        self.retry_after = retry_after
        self.is_silent = is_silent


class StaleToken(Exception):
    """The token is due for a refresh since the request began to wait; nothing was sent."""


class EndpointMissing(Exception):
    """The server does not have this path (404, 405)."""


class Unauthorized(Exception):
    """The server rejected the token (401)."""


def from_transport(error: Exception, request: RequestInfo) -> ReconcilerError | Retryable:
    """Translate an exception of the HTTP library.

    A failed connection proves that nothing was sent. After that point a write is ambiguous, and a read can be retried.
    """
    text = request.clean(str(error)) or type(error).__name__
    # These errors occur before the first byte of the request is sent.
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
        if _is_tls(error):
            return Unreachable(
                f"{request}: the server's certificate is not trusted: {text}",
                hint="set caBundle to the file of your certificate authority; TLS is always verified",
            )
        unreachable = Unreachable(
            f"{request}: no connection to the server: {text}",
            hint="check the server's url and the network, and whether the server runs; nothing was sent",
        )
        return unreachable if request.writes else Retryable(unreachable, is_silent=True)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError | httpx.InvalidURL):
        return UnexpectedAnswer(
            f"{request}: the request could not be sent: {text}", hint="check the server's url; nothing was sent"
        )
    # Not retried: the server did answer, and the same answer would come again.
    if isinstance(error, httpx.DecodingError):
        return unexpected(request, f"the compressed answer is invalid: {text}")
    if request.writes:
        return AmbiguousWrite(f"{request}: the request was sent, but no answer came: {text}", hint=_AMBIGUOUS_HINT)
    return Retryable(
        Unreachable(f"{request}: no answer: {text}", hint="check the network, and whether the server is overloaded"),
        is_silent=True,
    )


def is_silence(error: Exception) -> bool:
    """Whether an exception of the HTTP library means that no answer came, rather than a mistake in the request."""
    own = httpx.UnsupportedProtocol | httpx.LocalProtocolError
    return isinstance(error, httpx.TransportError | OSError) and not isinstance(error, own)


def _is_tls(error: BaseException | None) -> bool:
    seen: set[int] = set()  # exceptions can be linked in a cycle
    while error is not None and id(error) not in seen:
        if isinstance(error, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def unexpected(request: RequestInfo, problem: str, hint: str = "") -> UnexpectedAnswer:
    """The error for an answer outside the API's rules. After a write it is AmbiguousWrite: the effect is unknown."""
    if request.writes:
        return AmbiguousWrite(f"{request}: {problem}", hint=_AMBIGUOUS_HINT)
    return UnexpectedAnswer(f"{request}: {problem}", hint=hint)


def judge(answer: HttpAnswer, request: RequestInfo) -> JsonObject:
    """The JSON object of a successful answer.

    Raises:
        Unauthorized, EndpointMissing, Retryable: the caller handles them.
        RefusedByServer: the server understood the request and refused it.
        UnexpectedAnswer, AmbiguousWrite: see `unexpected`.
    """
    status = answer.status
    if status == 401:
        raise Unauthorized
    # A redirect is never followed with the token attached (API reference section 1.1).
    if 300 <= status < 400:
        target = request.clean(answer.location)
        raise unexpected(
            request,
            f"the answer is a redirect ({status}) to {target or 'no address'}; redirects are not followed",
            "set the server's url to the final address; following a redirect could disclose the token",
        )
    # 429 proves that the server did nothing, so that also a write can be retried.
    if status == 429:
        raise Retryable(
            Unreachable(
                f"{request}: too many requests (429)", hint="lower maxConcurrency, or run the command again later"
            ),
            answer.retry_after,
        )
    payload = decoded(answer.body)
    if status >= 500:
        raise _server_fault(answer, payload, request)
    if status >= 400:
        raise _refusal(answer, payload, request)
    if not 200 <= status < 300:
        raise unexpected(request, f"the status {status} is unexpected")
    return _accepted(answer, payload, request)


def _server_fault(answer: HttpAnswer, payload: object, request: RequestInfo) -> Exception:
    message = request.clean(payload.get("message")) if isinstance(payload, dict) else ""
    text = f"the server failed ({answer.status}{f': {message}' if message else ''})"
    # A server error can occur after the write took effect.
    if request.writes:
        return unexpected(request, text)
    is_unavailable = answer.status in UNAVAILABLE
    kind = Unreachable if is_unavailable else UnexpectedAnswer
    final = kind(f"{request}: {text}", hint="run the command again later; the server's log may contain more details")
    return Retryable(final, answer.retry_after, is_silent=is_unavailable)


def _refusal(answer: HttpAnswer, payload: object, request: RequestInfo) -> Exception:
    reason = request.clean(answer.reason)
    # A 404 with `success` in its body comes from the API itself: the object is missing, not the endpoint.
    if isinstance(payload, dict):
        if answer.status in (404, 405) and "success" not in payload:
            return EndpointMissing()
        return refused(request, request.clean(payload.get("message")) or f"{answer.status} {reason}".strip())
    # Older builds send the message as the reason phrase (API reference section 1.3).
    if answer.status in (404, 405) and (answer.body or reason.lower() in _STANDARD_REASONS):
        return EndpointMissing()
    if answer.body:
        return unexpected(request, f"the answer ({answer.status}) is not JSON", _HTML_HINT)
    return refused(request, reason or str(answer.status))


def refused(request: RequestInfo, text: str) -> RefusedByServer:
    """The error for a request that the server refused; `text` is its message, already cleaned."""
    return RefusedByServer(
        f"{request}: the server refused: {text}", hint="this is the server's own message; see its log for details"
    )


def _accepted(answer: HttpAnswer, payload: object, request: RequestInfo) -> JsonObject:
    if payload is None:
        raise unexpected(request, f"the answer ({len(answer.body)} bytes) is not JSON", _HTML_HINT)
    if not isinstance(payload, dict):
        raise unexpected(request, f"the answer is not a JSON object but a {type(payload).__name__}", _HTML_HINT)
    # Some builds send booleans as strings (API reference section 1.2).
    success = payload.get("success")
    if success is False or (isinstance(success, str) and success.lower() == "false"):
        raise refused(request, request.clean(payload.get("message")) or "no reason given")
    # A read without `success` shows its result by its fields. A write shows nothing else.
    if request.writes and success is not True:
        raise unexpected(request, "the answer does not contain `success`")
    return payload


def decoded(body: bytes) -> object:
    """The JSON value of a body; None if it is not JSON."""
    try:
        value: object = json.loads(body)
    # Deeply nested JSON must not crash the client.
    except (ValueError, RecursionError):
        return None
    return value


def retry_after_of(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds of a Retry-After header: a number or a date (RFC 9110 section 10.2.3). None if absent or invalid."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        until = http_date(text)
        seconds = (until - now).total_seconds() if until else -1.0
    # A negative or absurd value is a wrong clock or an attempt to stall the run.
    return seconds if 0 <= seconds < 1e9 else None


def http_date(text: str) -> datetime | None:
    """The time of an HTTP date; None if it is invalid."""
    try:
        parsed = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
