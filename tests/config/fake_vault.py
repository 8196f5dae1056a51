"""A server that answers as Vault's HTTP API documentation says: key-value engine, engine lookup, AppRole login."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VALUE = "Tr0ub4dor-and-3"
TOKEN = "hvs.CAESIJ-the-token"
Answer = tuple[int, object]


class FakeVault:
    """Answers from a table of paths, in the documented form, and records the requests."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.let_go = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fake.asked.append((self.command, self.path, dict(self.headers), body))
                found = fake.answers.get(self.path, (404, {"errors": []}))
                if callable(found):
                    found(self)
                    return
                status, document = found
                data = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.environ = {"VAULT_ADDR": self.url, "VAULT_TOKEN": TOKEN}

    def close(self) -> None:
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()

    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.asked]

    def engine(self, path: str, version: str | None, mount: str = "secret/") -> None:
        options = None if version is None else {"version": version}
        data = {"data": {"path": mount, "type": "kv", "options": options}}
        self.answers[f"/v1/sys/internal/ui/mounts/{path}"] = (200, data)

    def version_2(self, path: str = "secret/mail/alice", fields: object = None) -> None:
        self.engine(path, "2")
        rest = path.removeprefix("secret/")
        data = {"data": {"data": fields or {"password": VALUE}, "metadata": {"version": 3}}}
        self.answers[f"/v1/secret/data/{rest}"] = (200, data)
