"""A proxy that changes answers: it drops rows, returns wrong counts, and repeats requests."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Lie = Callable[[str, Any, bytes], tuple[int, Any] | None]
"""(METHOD path below the API, the answer's JSON, the request's body) -> status and JSON or bytes; None = the truth."""


class LyingProxy:
    """Listens on loopback while it is open.

    Attributes:
        lie: may change an answer; can be set at any time.
        instead: may answer instead of the server, which does not get the request then.
        changed: the number of changed answers.
    """

    def __init__(self, url: str) -> None:
        self.lie: Lie = lambda path, answer, body: None
        self.instead: Lie = lambda path, answer, body: None
        self.changed = 0
        target = urlsplit(url)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one(self) -> None:
                length = int(self.headers.get("content-length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # the client died during its request
                    self.close_connection = True
                    return
                asked = f"{self.command} {self.path.partition('/api/v1/')[2]}"
                lied = proxy.instead(asked, None, body)
                if lied is None:
                    status, content = self._onward(body)
                    lied = proxy.lie(asked, _parsed(content), body)
                if lied is not None:
                    proxy.changed += 1
                    status, content = lied[0], lied[1] if isinstance(lied[1], bytes) else json.dumps(lied[1]).encode()
                with suppress(ConnectionError):  # a client that has heard enough elsewhere hangs up
                    self.send_response(status)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

            def _onward(self, body: bytes) -> tuple[int, bytes]:
                onward = HTTPConnection(target.hostname or "", target.port or 0, timeout=20)
                onward.request(self.command, self.path, body or None, {**self.headers, "accept-encoding": "identity"})
                answer = onward.getresponse()
                found = (answer.status, answer.read())
                onward.close()
                return found

            do_GET = do_POST = handle_one

            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing, so that the test's output stays readable."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, name="lying-proxy", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
