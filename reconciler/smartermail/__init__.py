"""The client of SmarterMail's REST API v1: the Reader and Writer of one server.

Belongs here: HTTP, sign-in, retries, the spellings of endpoints, the translation between JSON and the core's values.
Banned here: any decision about what should change, DNS, YAML, and anything of the sandbox; and httpx everywhere else.

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
    """A server, not yet signed in: that happens at the first use.

    Args:
        settings: where the server is and what role the account has there.
        username: a system administrator's name, or a domain administrator's address.
        password: revealed only in the sign-in request.
        timeout: seconds for connecting, and for each wait for bytes.

    Raises:
        Unreachable: the address cannot be used as it stands, or the CA bundle or proxy cannot; nothing was sent.
    """
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
