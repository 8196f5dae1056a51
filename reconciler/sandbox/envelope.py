"""The envelope of answers (API reference section 1.2) and the forms of errors (section 1.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reconciler.sandbox.quirks import Quirks

RESULT_NAMES = {
    200: "OK",
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    500: "InternalServerError",
}


@dataclass(slots=True)
class Reply:
    """An HTTP answer. `payload`: None is an empty body, a dict or list is JSON, bytes are sent unchanged."""

    status: int = 200
    payload: dict[str, Any] | list[Any] | bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"


class Refusal(Exception):
    """A refused request: HTTP 200 with success:false, or 4xx with a quirk.

    Attributes:
        status: an HTTP status that overrides both.
        bare: whether the body is empty, as for 401.
        code: the `resultCode` of the body.
    """

    def __init__(self, message: str, *, status: int | None = None, bare: bool = False, code: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.bare = bare
        self.code = status or code


def ok(**payload: Any) -> Reply:
    """A successful answer with these fields at the top level."""
    return Reply(200, {**payload, "success": True, "resultCode": 200, "message": "", "debugInfo": None})


def refused(error: Refusal, quirks: Quirks) -> Reply:
    """The answer for a refusal, in the form that the quirks select."""
    status = error.status
    if status is None:
        # Sources differ about the status of business errors (API reference section 11), so that a quirk selects it.
        status = error.code if "business-errors-4xx" in quirks else 200
    # Real servers often answer 401 with an empty body (API reference section 1.3).
    if error.bare:
        return Reply(status, None)
    return Reply(status, {"success": False, "resultCode": error.code, "message": error.message, "debugInfo": None})


def with_quirks(reply: Reply, quirks: Quirks, *, is_write: bool) -> Reply:
    """Apply the quirks of the envelope to an answer."""
    payload = reply.payload
    if not isinstance(payload, dict) or not quirks.names:
        return reply
    if "no-message" in quirks and payload.get("success") is True:
        payload.pop("message", None)
        payload.pop("debugInfo", None)
    if "resultcode-string" in quirks and "resultCode" in payload:
        payload["resultCode"] = RESULT_NAMES.get(payload["resultCode"], "Error")
    if "no-success-on-writes" in quirks and is_write and payload.get("success") is True:
        payload.pop("success")
    return reply
