"""The running sandbox: HTTP and DNS on loopback, in a thread with its own event loop."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable
from types import TracebackType

import uvicorn

from reconciler.sandbox.admin import Admin
from reconciler.sandbox.application import Application
from reconciler.sandbox.call import Service
from reconciler.sandbox.clock import Clock
from reconciler.sandbox.config import Endpoint, SandboxConfig, SandboxError
from reconciler.sandbox.dkim import KeyMaker
from reconciler.sandbox.dns.server import DnsServer
from reconciler.sandbox.dns.zones import Zones
from reconciler.sandbox.faults import Faults
from reconciler.sandbox.ids import Ids
from reconciler.sandbox.persist import Persistence
from reconciler.sandbox.quirks import Quirks
from reconciler.sandbox.requestlog import RequestLog
from reconciler.sandbox.routes.table import ROUTES
from reconciler.sandbox.seed import seed, seeded_admins
from reconciler.sandbox.store import Store
from reconciler.sandbox.tokens import Tokens
from reconciler.sandbox.transport import CuttableProtocol

LOOPBACK = "127.0.0.1"
_START_SECONDS = 30.0
_ENDPOINTS = frozenset((method, route.pattern) for route in ROUTES for method in route.methods.split())


class Sandbox:
    """A sandbox that runs between `start` and `stop`, or within a `with` block.

    Raises SandboxError for an address other than 127.0.0.1 and for a port in use, UnknownFaultError and
    UnknownQuirkError for unknown names, and ZoneError for invalid zone files.
    """

    def __init__(self, config: SandboxConfig | None = None) -> None:
        self.config = config or SandboxConfig()
        # The control endpoints need no login, so that no other machine may reach them.
        if self.config.address != LOOPBACK:
            raise SandboxError(
                f"the sandbox listens on {LOOPBACK} only, not on {self.config.address}: it is not a mail server"
            )
        self.zones = Zones()
        self.faults = Faults(self.config.faults)
        self.quirks = Quirks(self.config.quirks, known=_ENDPOINTS)
        self._endpoint: Endpoint | None = None
        self._thread: threading.Thread | None = None
        self._server: uvicorn.Server | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None

    @property
    def endpoint(self) -> Endpoint:
        """The addresses of the sandbox; only while it runs."""
        assert self._endpoint is not None, "the sandbox is not running"
        return self._endpoint

    def start(self) -> Endpoint:
        """Start in a background thread. When this method returns, the sandbox listens."""
        assert self._thread is None, "the sandbox already runs"
        self._ready.clear()
        # A daemon thread, so that a test that forgets `stop` does not keep its process alive.
        self._thread = threading.Thread(target=self._run, name="reconciler-sandbox", daemon=True)
        self._thread.start()
        is_ready = self._ready.wait(_START_SECONDS)
        if self._failure is not None or not is_ready:
            failure, self._failure = self._failure, None
            self._thread = None
            raise failure or SandboxError(f"the sandbox did not start within {_START_SECONDS:g} seconds")
        return self.endpoint

    def stop(self) -> None:
        """Finish the requests in flight, write all changes, and stop. Without effect if it does not run."""
        if self._thread is None:
            return
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join()
        self._thread = None
        self._endpoint = None

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits in `start`
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        config = self.config
        # Bound before the store is opened: a port in use must not touch the data folder.
        listener = _listen(config.port)
        store = None
        dns = DnsServer(self.zones, port=config.dns_port)
        try:
            store = Store(Persistence(config.data) if config.data else None)
            service = self._service(store, f"http://{LOOPBACK}:{listener.getsockname()[1]}")
            password = seed(service)
            dns_port = await dns.start()
            log = RequestLog()
            application = Application(service, self.faults, log, Admin(service, self.faults, log, dns))
            self._server = uvicorn.Server(
                uvicorn.Config(
                    application,
                    http=CuttableProtocol,
                    lifespan="off",
                    log_config=None,
                    # uvicorn warns about requests that are not HTTP; clients of tests send them on purpose.
                    log_level="error",
                    access_log=False,
                    server_header=False,
                    # Brute-force detection must use the address of the connection, not one that the client claims.
                    proxy_headers=False,
                    timeout_graceful_shutdown=3,
                    timeout_keep_alive=60,
                )
            )
            self._endpoint = Endpoint(
                url=service.url,
                dns=f"{LOOPBACK}:{dns_port}",
                username=config.username,
                password=password,
                domain_admins=seeded_admins(service),
            )
            # The socket already listens: a connection from now on waits until the server accepts it.
            self._ready.set()
            await self._server.serve(sockets=[listener])
        finally:
            await dns.stop()
            if store is not None:
                # Zones can also be changed through `Sandbox.zones`, without a request that would store them.
                store.keep_zones(self.zones.dump())
                store.close()
            listener.close()

    def _service(self, store: Store, url: str) -> Service:
        config = self.config
        clock = Clock()
        return Service(
            config=config,
            clock=clock,
            store=store,
            tokens=Tokens(clock, config.access_token_seconds, config.refresh_token_seconds),
            ids=Ids(clock, config.ids),
            quirks=self.quirks,
            zones=self.zones,
            keys=KeyMaker(clock, is_shared=config.shared_dkim_keys),
            url=url,
        )


def _listen(port: int) -> socket.socket:
    # With an explicit protocol, asyncio disables the Nagle algorithm, which would delay each answer by 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise SandboxError(
            f"cannot listen on {LOOPBACK}:{port}: {error.strerror}; choose another port, or 0"
        ) from error
    return listener


def serve(config: SandboxConfig, announce: Callable[[Endpoint], None]) -> None:
    """Run in the foreground until SIGINT or SIGTERM. Calls `announce` when the sandbox listens.

    Must be called in the main thread. Restores the earlier signal handlers.
    """
    interrupted = threading.Event()
    sandbox = Sandbox(config)
    earlier = {one: signal.signal(one, lambda *_: interrupted.set()) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        announce(sandbox.start())
        interrupted.wait()
    finally:
        sandbox.stop()
        for one, handler in earlier.items():
            signal.signal(one, handler)
