"""Reads a secret from HashiCorp Vault or OpenBao, key-value engine 1 or 2. The only module that uses `hvac` (an extra).

The environment configures it like the program `vault`: VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT, and VAULT_TOKEN or
VAULT_ROLE_ID with VAULT_SECRET_ID (AppRole). Messages never contain an answer of the server, because it may contain a
secret.
"""

import io
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reconciler.config.secrets.text import is_one_line, within
from reconciler.core.errors import SecretUnavailable
from reconciler.core.extras import install_hint

if TYPE_CHECKING:
    import hvac

TIMEOUT = 30.0
"""Seconds for one secret, including the login and the request for its engine."""
_REQUEST = 10
"""Seconds for one request."""
_MAX_ANSWER = 1024 * 1024
_CHUNK = 64 * 1024

_STATUSES: Mapping[int, tuple[str, str]] = {
    400: ("Vault rejected the request", "check that the engine is a key-value engine, and check namespace and path"),
    403: ("the token is invalid, or may not read the secret", "run `vault kv get PATH` with the same token"),
    404: ("the secret does not exist", "write the path as for `vault kv get PATH`: with the mount, without data/"),
    429: ("too many requests, or a standby server", "try again, or set VAULT_ADDR to the active server"),
    503: ("Vault is sealed, or down for maintenance", "ask its operator to unseal it"),
}


class Vault:
    """One server. The login happens with the first secret.

    Args:
        environ: the environment with the variables VAULT_….
        timeout: seconds for one secret.
    """

    def __init__(self, environ: Mapping[str, str], *, timeout: float = TIMEOUT) -> None:
        self._environ, self._timeout = environ, timeout
        self._client: hvac.Client | SecretUnavailable | None = None
        self._mounts: dict[str, str] = {}

    def read(self, path: str, field: str) -> str:
        """A field of the latest version of a secret.

        Raises:
            SecretUnavailable: hvac is missing, the environment is incomplete, the server gives no secret, or the field
                is not a single line of text. No exception of hvac is its cause or context.
        """
        name = f"vault:{path}#{field}"
        # A failed login is stored as well, see `_connected`.
        if self._client is None:
            self._client = self._connected()
        client = self._client
        if isinstance(client, SecretUnavailable):
            raise SecretUnavailable(f"{name}: {client.message}", hint=client.hint)
        data = self._request(f"{name}: ", lambda: self._fields(client, path))
        # Only the name of the field is shown, never the other fields.
        if field not in data:
            text = f"{name}: the secret has no such field"
            raise SecretUnavailable(text, hint=f"run `vault kv get {path}` to see its fields")
        value = data[field]
        if not isinstance(value, str) or not is_one_line(value):
            raise SecretUnavailable(f"{name} must be one non-empty line of text")
        return value

    def _connected(self) -> "hvac.Client | SecretUnavailable":
        """Logs in once: a second attempt with rejected credentials may lock the role."""
        try:
            return self._connect()
        except SecretUnavailable as e:
            return e

    def _connect(self) -> "hvac.Client":
        try:
            import hvac
        except ImportError:
            text = "the extra `vault` is not installed"
            raise SecretUnavailable(text, hint=install_hint("vault")) from None
        url = _address(self._environ)
        ca = self._environ.get("VAULT_CACERT") or None
        role, secret = (self._environ.get(name) for name in ("VAULT_ROLE_ID", "VAULT_SECRET_ID"))
        token = self._environ.get("VAULT_TOKEN")
        if not token and not (role and secret):
            hint = "set VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID"
            raise SecretUnavailable("the environment has no credentials for Vault", hint=hint)
        client = hvac.Client(
            url=url,
            token=token or "",
            verify=ca or True,
            session=_session(ca),
            timeout=_REQUEST,
            allow_redirects=False,
            namespace=self._environ.get("VAULT_NAMESPACE") or None,
        )
        if not token:
            self._request("AppRole login: ", lambda: _log_in(client, role or "", secret or ""))
        return client

    def _fields(self, client: "hvac.Client", path: str) -> Mapping[str, Any]:
        """The fields of a secret from an engine of either version, found like `vault kv get` does."""
        # One lookup per engine: most secrets of a workspace are in one of them.
        mount = next((m for m in self._mounts if path.startswith(m)), None)
        if mount is None:
            mount, version = _engine(client, path)
            self._mounts[mount] = version
        rest = path.removeprefix(mount)
        if self._mounts[mount] == "2":
            answer = client.secrets.kv.v2.read_secret_version(
                path=rest, mount_point=mount.rstrip("/"), raise_on_deleted_version=True
            )
            return _mapping(_mapping(_mapping(answer)["data"])["data"])
        return _mapping(_mapping(client.secrets.kv.v1.read_secret(path=rest, mount_point=mount.rstrip("/")))["data"])

    def _request(self, prefix: str, call: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """The result of a call. Exceptions of hvac and requests are replaced, because they may contain a secret."""
        try:
            return within(self._timeout, call)
        except TimeoutError:
            reason, hint = f"Vault did not answer within {self._timeout:g} seconds", "check VAULT_ADDR"
        except Exception as e:  # noqa: BLE001  # any of them may contain a request or an answer
            reason, hint = _reason(e)
        # Raised outside the `except` block, so that the exception above is not its context.
        raise SecretUnavailable(f"{prefix}{reason}", hint=hint)


class _Redirected(Exception):
    pass


class _TooLarge(Exception):
    pass


class _NotVault(Exception):
    """The answer does not have the form of Vault's answers."""


def _address(environ: Mapping[str, str]) -> str:
    """VAULT_ADDR, if it is safe to send a token there. No message repeats it: it may contain credentials."""
    text = environ.get("VAULT_ADDR", "")
    if not text:
        hint = "set it: export VAULT_ADDR=https://vault.example.net:8200"
        raise SecretUnavailable("VAULT_ADDR is not set", hint=hint)
    try:
        parts = urlsplit(text)
        scheme, host = parts.scheme, parts.hostname or ""
        # `parts.port` raises ValueError for a port above 65535.
        usable = bool(host) and parts.username is None and (parts.port is None or parts.port > 0)
    except ValueError:
        scheme, host, usable = "", "", False
    if not usable:
        raise SecretUnavailable(
            "VAULT_ADDR is not a valid URL, or contains credentials",
            hint="write it like https://vault.example.net:8200",
        )
    if scheme != "https" and not (scheme == "http" and _is_loopback(host)):
        fault = "VAULT_ADDR is not encrypted: token and secrets would be sent in plain text"
        raise SecretUnavailable(fault, hint="write https://; http:// is allowed only for this machine")
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _session(ca: str | None) -> Any:
    """A session with a limit for the size of answers.

    It ignores proxy variables and ~/.netrc, because a proxy could read the token.
    """
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.response import HTTPResponse

    class Bounded(HTTPAdapter):
        """Reads an answer up to the limit before requests and hvac process it."""

        def build_response(self, req: Any, resp: Any) -> Any:
            data, deadline = bytearray(), time.monotonic() + TIMEOUT
            while chunk := resp.read(_CHUNK, decode_content=True):
                data += chunk
                if len(data) > _MAX_ANSWER or time.monotonic() > deadline:
                    resp.close()
                    raise _TooLarge
            # The data is decoded already, so these two headers no longer describe it.
            headers = {k: v for k, v in resp.headers.items() if k.lower() not in ("content-encoding", "content-length")}
            body = io.BytesIO(bytes(data))
            response = HTTPResponse(body=body, headers=headers, status=resp.status, preload_content=False)
            resp.release_conn()
            # Following a redirect would send the token to another server.
            if 300 <= resp.status < 400:
                raise _Redirected
            return super().build_response(req, response)

    session = requests.Session()
    session.trust_env = False
    session.verify = ca or True
    for scheme in ("https://", "http://"):
        session.mount(scheme, Bounded())
    return session


def _engine(client: "hvac.Client", path: str) -> tuple[str, str]:
    """Mount and version of the engine of a path; a server without this request has only version 1."""
    from hvac.exceptions import InvalidPath

    try:
        answer = _mapping(client.adapter.get(f"/v1/sys/internal/ui/mounts/{path}"))
    except InvalidPath:
        return f"{path.split('/', 1)[0]}/", "1"
    data = _mapping(answer["data"])
    mount, options = data["path"], data.get("options")
    # The answer is untrusted: another mount would read another secret.
    if not isinstance(mount, str) or not path.startswith(mount) or not mount.endswith("/"):
        raise _NotVault
    return mount, str(_mapping(options).get("version", "1")) if options else "1"


def _log_in(client: "hvac.Client", role: str, secret: str) -> Mapping[str, Any]:
    answer = _mapping(client.auth.approle.login(role_id=role, secret_id=secret))
    if not client.token:
        raise _NotVault
    return answer


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _NotVault
    return value


def _reason(error: Exception) -> tuple[str, str]:
    """Reason and hint for an exception, without any text of the request or the answer."""
    from hvac import exceptions as vault
    from requests import exceptions as http

    kinds = {
        vault.InvalidRequest: 400,
        vault.Unauthorized: 403,
        vault.Forbidden: 403,
        vault.InvalidPath: 404,
        vault.RateLimitExceeded: 429,
        vault.VaultDown: 503,
    }
    # hvac has one exception per status instead of the number.
    status = next((status for kind, status in kinds.items() if isinstance(error, kind)), 0)
    if status:
        return _STATUSES[status]
    match error:
        case _Redirected():
            return "the server redirects to another address", "set VAULT_ADDR to the address of the active server"
        case _TooLarge():
            return "the answer is too large or does not end", "check VAULT_ADDR"
        case http.SSLError():
            return (
                "the server's certificate is not trusted",
                "set VAULT_CACERT to a file with the authority's certificate",
            )
        case http.Timeout():
            return "Vault did not answer in time", "check VAULT_ADDR"
        case http.ConnectionError():
            return "Vault cannot be reached", "check VAULT_ADDR"
        case vault.VaultError():
            return "Vault rejected the request", ""
        case _:
            return "the server at VAULT_ADDR is not a Vault", "check VAULT_ADDR"
