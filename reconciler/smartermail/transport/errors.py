"""From httpx's exceptions and the server's answers to the exceptions of the core.

The rules of API reference sections 1.2, 1.3 and 11: success is HTTP 2xx and a JSON object whose `success` is not
false. What follows from anything else depends on whether the request may have changed something.
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

_PLAIN_REASONS = frozenset({"", "not found", "method not allowed"})
GONE = frozenset({502, 503, 504})
"""What stands before a server answers so in its place."""

_HTML_HINT = "something answers in the server's place: see its url, and whether a proxy or a maintenance page is there"
_DOUBT_HINT = "whether it took effect is found out by reading it again"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP answer, read to its end. `date` is the server's clock, `retry_after` seconds; None where not told."""

    status: int
    reason: str
    body: bytes = field(repr=False)
    date: datetime | None = None
    retry_after: float | None = None
    location: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a message needs to say of a request: where, what, whether it may have changed something."""

    server: str
    template: str
    domain: str = ""
    writes: bool = False
    secrets: tuple[Secret, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return f"{self.server}: {self.template}" + (f" for {self.domain}" if self.domain else "")

    def says(self, text: object) -> str:
        """A server's text, fit to be shown."""
        return clean(text, self.secrets)


class Again(Exception):
    """A request that may be sent once more: it was not carried out, or carrying it out twice changes nothing.

    `is_silent`: nobody answered, or only somebody in the server's place (502, 503, 504).
    """

    def __init__(self, final: ReconcilerError, retry_after: float | None = None, *, is_silent: bool = False) -> None:
        super().__init__(final.message)
        self.final = final
        self.retry_after = retry_after
        self.is_silent = is_silent


class Stale(Exception):
    """A token came due while its request waited for its turn; nothing was sent."""


class Missing(Exception):
    """The server has no such endpoint (404, 405)."""


class Unauthorised(Exception):
    """The token is not accepted (401)."""


def from_transport(error: Exception, asked: Asked) -> ReconcilerError | Again:
    """What an exception of the HTTP library means for a request."""
    text = asked.says(str(error)) or type(error).__name__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
        if _is_tls(error):
            return Unreachable(
                f"{asked}: the server's certificate cannot be trusted: {text}",
                hint="name the certificate authority's file as caBundle; TLS is always verified",
            )
        gone = Unreachable(
            f"{asked}: no connection to the server: {text}",
            hint="nothing was sent; see the server's url, the network, and whether the server runs",
        )
        return gone if asked.writes else Again(gone, is_silent=True)
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError | httpx.InvalidURL):
        return UnexpectedAnswer(f"{asked}: the request could not be sent: {text}")
    if isinstance(error, httpx.DecodingError):
        return unexpected(asked, f"its compression is broken: {text}")
    if asked.writes:
        return AmbiguousWrite(f"{asked}: the answer was lost after sending: {text}", hint=_DOUBT_HINT)
    return Again(
        Unreachable(f"{asked}: no answer: {text}", hint="see the network, and whether the server is overloaded"),
        is_silent=True,
    )


def is_silence(error: Exception) -> bool:
    """Whether an exception of the HTTP library means that nobody answered."""
    own = httpx.UnsupportedProtocol | httpx.LocalProtocolError
    return isinstance(error, httpx.TransportError | OSError) and not isinstance(error, own)


def _is_tls(error: BaseException | None) -> bool:
    seen: set[int] = set()  # causes may go round
    while error is not None and id(error) not in seen:
        if isinstance(error, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def unexpected(asked: Asked, what: str, hint: str = "") -> UnexpectedAnswer:
    """The answer is not what the API promises; of a write, the effect is then unknown."""
    if asked.writes:
        return AmbiguousWrite(f"{asked}: {what}", hint=_DOUBT_HINT)
    return UnexpectedAnswer(f"{asked}: {what}", hint=hint)


def judge(answer: HttpAnswer, asked: Asked) -> JsonObject:
    """The JSON object of an answer that says yes.

    Raises:
        Unauthorised, Missing, Again: for the caller to act on.
        RefusedByServer: the server understood and said no.
        UnexpectedAnswer, DoubtfulWrite: see `unexpected`.
    """
    status = answer.status
    if status == 401:
        raise Unauthorised
    if 300 <= status < 400:
        target = asked.says(answer.location)
        raise unexpected(
            asked,
            f"the answer is a redirect ({status}) to {target or 'nowhere'}, which is not followed",
            "the token would go with it; put the final address into url",
        )
    if status == 429:
        raise Again(
            Unreachable(f"{asked}: too many requests (429)", hint="lower maxConcurrency, or try again later"),
            answer.retry_after,
        )
    payload = decoded(answer.body)
    if status >= 500:
        raise _server_fault(answer, payload, asked)
    if status >= 400:
        raise _refusal(answer, payload, asked)
    if not 200 <= status < 300:
        raise unexpected(asked, f"the status {status} is not one of an API")
    return _accepted(answer, payload, asked)


def _server_fault(answer: HttpAnswer, payload: object, asked: Asked) -> Exception:
    said = asked.says(payload.get("message")) if isinstance(payload, dict) else ""
    text = f"the server failed ({answer.status}{f': {said}' if said else ''})"
    if asked.writes:
        return unexpected(asked, text)
    is_gone = answer.status in GONE
    kind = Unreachable if is_gone else UnexpectedAnswer
    final = kind(f"{asked}: {text}", hint="try again later; the server's log may say more")
    return Again(final, answer.retry_after, is_silent=is_gone)


def _refusal(answer: HttpAnswer, payload: object, asked: Asked) -> Exception:
    reason = asked.says(answer.reason)
    if isinstance(payload, dict):
        if answer.status in (404, 405) and "success" not in payload:
            return Missing()
        return refused(asked, asked.says(payload.get("message")) or f"{answer.status} {reason}".strip())
    # Older builds put the text into the reason phrase (API reference section 1.3).
    if answer.status in (404, 405) and (answer.body or reason.lower() in _PLAIN_REASONS):
        return Missing()
    if answer.body:
        return unexpected(asked, f"the answer ({answer.status}) is not JSON", _HTML_HINT)
    return refused(asked, reason or str(answer.status))


def refused(asked: Asked, text: str) -> RefusedByServer:
    """The server said no, in these words, which have been cleaned."""
    return RefusedByServer(
        f"{asked}: the server refused: {text}", hint="these are the server's words; its log says more"
    )


def _accepted(answer: HttpAnswer, payload: object, asked: Asked) -> JsonObject:
    if payload is None:
        raise unexpected(asked, f"the answer ({len(answer.body)} bytes) is not JSON", _HTML_HINT)
    if not isinstance(payload, dict):
        raise unexpected(asked, f"the answer is not a JSON object but a {type(payload).__name__}", _HTML_HINT)
    success = payload.get("success")
    if success is False or (isinstance(success, str) and success.lower() == "false"):
        raise refused(asked, asked.says(payload.get("message")) or "without a reason")
    if asked.writes and success is not True:
        raise unexpected(asked, "the answer does not say whether it succeeded")
    return payload


def decoded(body: bytes) -> object:
    """The JSON value of a body; None where it is none."""
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value


def retry_after_of(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds of a Retry-After header, in either of its two forms (RFC 9110 section 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        moment = http_date(text)
        seconds = (moment - now).total_seconds() if moment else -1.0
    return seconds if 0 <= seconds < 1e9 else None


def http_date(text: str) -> datetime | None:
    """The moment of an HTTP date; None where it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
