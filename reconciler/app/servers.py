"""Opening the servers that a run needs: one session each, which logs in at the first request."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from reconciler.config.secrets.store import SecretStore
from reconciler.core.errors import ReconcilerError, SecretUnavailable
from reconciler.core.ports import Reader, Writer
from reconciler.core.workspace import ServerSettings, Workspace


@dataclass(frozen=True, slots=True)
class OpenServers:
    """Readers and writers by server name; and the servers that cannot be used, with the reason.

    There are no writers unless the caller asks for them, so a dry run cannot write. `notices` ask a server for its
    version and return a warning about it, or an empty text.
    """

    readers: Mapping[str, Reader]
    writers: Mapping[str, Writer]
    unusable: Mapping[str, ReconcilerError]
    notices: Mapping[str, Callable[[], Awaitable[str]]] = field(default_factory=dict)


_NONE: Mapping[str, ReconcilerError] = MappingProxyType({})


@asynccontextmanager
async def open_servers(
    workspace: Workspace,
    names: Iterable[str],
    root: Path,
    *,
    writing: bool = False,
    refused: Mapping[str, ReconcilerError] = _NONE,
) -> AsyncIterator[OpenServers]:
    """The named servers of a workspace, logged out and closed at the end.

    Credentials are resolved here, only for these servers, and not for those that are `refused`.
    """
    # Imported here, because httpx slows down the start of all commands that use no server.
    from reconciler.smartermail import Server, connect

    names = frozenset(names)
    secrets = SecretStore(root, commands=workspace.secrets.commands)
    servers: dict[str, Server] = {}
    unusable = {name: error for name, error in refused.items() if name in names}
    async with AsyncExitStack() as stack:
        # In a fixed order, so that commands of secret sources always run in the same order.
        for name in sorted(names - unusable.keys()):
            settings = workspace.servers[name]
            try:
                username = _username(settings, secrets)
                password = secrets.resolve(settings.password)
                servers[name] = await stack.enter_async_context(connect(settings, username=username, password=password))
            # One server without credentials must not prevent the plans of the others.
            except ReconcilerError as e:
                unusable[name] = _named(e, settings)
        yield OpenServers(
            readers={n: s.reader() for n, s in servers.items()},
            writers={n: s.writer() for n, s in servers.items()} if writing else {},
            unusable=unusable,
            notices={n: s.notice for n, s in servers.items()},
        )


def _username(settings: ServerSettings, secrets: SecretStore) -> str:
    if isinstance(settings.username, str):
        return settings.username
    return secrets.resolve(settings.username).reveal()


def _named(error: ReconcilerError, settings: ServerSettings) -> ReconcilerError:
    """The same error, with the server whose credentials are missing and the location of their reference."""
    if isinstance(error, SecretUnavailable):
        return SecretUnavailable(
            f"server {settings.name}: {error.message}", hint=error.hint, span=error.span or settings.origin
        )
    return error
