"""The client of SmarterMail's REST API v1: the Reader and Writer of one server.

Belongs here: HTTP, login, retries, the paths of endpoints, and the translation between JSON and the core's values.
Does not belong here: decisions about what should change, DNS, YAML, the sandbox. No other package imports httpx.

Importing this package loads no HTTP library; `connect` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.core.secret import Secret
    from reconciler.core.workspace import ServerSettings
    from reconciler.smartermail.codec.decode_domain import DomainSummary
    from reconciler.smartermail.server import Server
    from reconciler.smartermail.transport.stats import RequestStats

__all__ = ["DomainSummary", "RequestStats", "Server", "connect"]

_HOMES = {"Server": "server", "RequestStats": "transport.stats", "DomainSummary": "codec.decode_domain"}


def connect(settings: ServerSettings, *, username: str, password: Secret, timeout: float = 30.0) -> Server:
    """Return a client for one server. It logs in at the first request.

    Args:
        settings: the address of the server and the role of the account.
        username: a system administrator's name, or a domain administrator's address.
        password: revealed only in the login request.
        timeout: seconds for connecting, and for each wait for bytes.

    Raises:
        Unreachable: the address, the CA bundle or the proxy is not usable; nothing was sent.
    """
    # Imported here, because httpx takes long to import and offline commands do not need it.
    from reconciler.smartermail.auth.login import Credentials, Login
    from reconciler.smartermail.auth.tokens import Tokens
    from reconciler.smartermail.calls import Calls
    from reconciler.smartermail.server import Server
    from reconciler.smartermail.transport.session import Session
    from reconciler.smartermail.transport.stats import RequestStats

    session = Session(settings, RequestStats(), timeout=timeout)
    credentials = Credentials(username=username, password=password, role=settings.role)
    return Server(Calls(session, Tokens(Login(session, credentials))))


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{home}"), name)
