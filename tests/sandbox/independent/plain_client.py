"""An HTTP client with only the standard library, and the comparison of an answer with an example of the page."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

NOTHING = object()


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    reason: str
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; its content type must be JSON."""
        assert self.headers["content-type"].startswith("application/json"), (self.status, self.headers, self.raw[:200])
        return json.loads(self.raw)

    def done(self) -> dict[str, Any]:
        """The body of an answer that must be successful."""
        assert self.status == 200, (self.status, self.raw[:300])
        found: dict[str, Any] = self.json
        assert found["success"] is True, found
        return found

    def refused(self, status: int = 200) -> str:
        """The message of an answer that must be a refusal with this HTTP status, in the form of section 1.3."""
        assert self.status == status, (self.status, self.raw[:300])
        found = self.json
        assert found["success"] is False, found
        assert isinstance(found["resultCode"], int), found
        assert isinstance(found["message"], str), found
        return str(found["message"])


class Wire:
    """Requests under a root such as `http://127.0.0.1:9998/webmail`, each with its own connection."""

    def __init__(self, root: str) -> None:
        parts = urlsplit(root)
        self.host, self.port, self.prefix = parts.hostname or "", parts.port or 80, parts.path.rstrip("/")

    def send(
        self, method: str, path: str, body: Any = NOTHING, token: str = "", form: Any = None, **headers: str
    ) -> Answer:
        """A request; `body` is JSON, bytes as they are, or nothing (a POST then says Content-Length: 0)."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data: bytes | None = b"" if method == "POST" else None
        if form is not None:
            data = urlencode(form).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        elif isinstance(body, bytes):
            data = body
        elif body is not NOTHING:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        if token:
            sent.setdefault("Authorization", f"Bearer {token}")
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            connection.request(method, self.prefix + path, data, sent)
            response = connection.getresponse()
            lowered = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, response.reason, lowered, response.read())
        finally:
            connection.close()

    def get(self, path: str, token: str = "", **headers: str) -> Answer:
        return self.send("GET", path, token=token, **headers)

    def post(self, path: str, body: Any = NOTHING, token: str = "", **headers: str) -> Answer:
        return self.send("POST", path, body, token, **headers)

    def admin(self, path: str, body: Any) -> Any:
        """Call a control endpoint of the sandbox, to change the situation of a client."""
        answer = self.send("POST", f"/sandbox/{path}", body, X_Sandbox="1")
        assert answer.status == 200, answer.raw
        return answer.json


def kind_of(value: Any) -> str:
    """The JSON type of a value."""
    if value is None:
        return "null"
    for kind, name in ((bool, "bool"), (int | float, "number"), (str, "string"), (list, "array"), (dict, "object")):
        if isinstance(value, kind):
            return name
    raise AssertionError(value)


def has_shape(found: Any, example: Any, at: str = "answer") -> None:
    """Assert that every field of the page's example is there with the example's type.

    A null in the example may be anything; a list's first row is the example of each row.
    """
    if example is None:
        return
    assert kind_of(found) == kind_of(example), f"{at} is {found!r}, the page shows {example!r}"
    if isinstance(example, dict):
        for name, value in example.items():
            assert name in found, f"{at} lacks {name}: {found!r}"
            has_shape(found[name], value, f"{at}.{name}")
    elif isinstance(example, list) and example:
        for number, row in enumerate(found):
            has_shape(row, example[0], f"{at}[{number}]")
