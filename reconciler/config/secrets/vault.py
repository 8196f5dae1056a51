"""A secret from HashiCorp Vault or OpenBao, key-value engine 1 or 2. The only user of `hvac`, which is an extra.

Where and as whom the environment says, as for the program `vault`: VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT, and
VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID (AppRole). What the server answers is never shown: it is a secret, or
may hold one.
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
"""Seconds for one secret, its sign-in and the question for its engine included."""
_REQUEST = 10
_MAX_ANSWER = 1024 * 1024
_CHUNK = 64 * 1024

_STATUSES: Mapping[int, tuple[str, str]] = {
    400: ("the request was refused", "is it a key-value engine, and are namespace and path right?"),
    403: ("the token is not valid, or may not read it", "`vault kv get PATH` with the same token shows the same"),
    404: ("there is no such secret", "write the path as `vault kv get PATH` takes it, the mount first, without data/"),
    429: ("too many requests, or this is a standby", "try again, or set VAULT_ADDR to the active one"),
    503: ("Vault is sealed, or down for maintenance", "have it unsealed"),
}


class Vault:
    """One server, signed in to when the first secret is asked for.

    Args:
        environ: where and as whom.
        timeout: seconds that a secret may take.
    """

    def __init__(self, environ: Mapping[str, str], *, timeout: float = TIMEOUT) -> None:
        self._environ, self._timeout = environ, timeout
        self._client: hvac.Client | SecretUnavailable | None = None
        self._mounts: dict[str, str] = {}

    def read(self, path: str, field: str) -> str:
        """A field of a secret, of its latest version.

        Raises:
            SecretUnavailable: hvac is missing, the environment does not say where or as whom, the server gives
                nothing, or what it gives is no single line of text. No exception of hvac's is its cause or context.
        """
        what = f"vault:{path}#{field}"
        if self._client is None:
            self._client = self._connected()
        client = self._client
        if isinstance(client, SecretUnavailable):
            raise SecretUnavailable(f"{what}: {client.message}", hint=client.hint)
        data = self._asked(f"{what}: ", lambda: self._fields(client, path))
        if field not in data:
            text = f"{what}: the secret has no such field"
            raise SecretUnavailable(text, hint=f"`vault kv get {path}` shows its fields")
        value = data[field]
        if not isinstance(value, str) or not is_one_line(value):
            raise SecretUnavailable(f"{what} must be one line of text, and not an empty one")
        return value

    def _connected(self) -> "hvac.Client | SecretUnavailable":
        """Signs in once: a second try with what was refused may lock the role."""
        try:
            return self._connect()
        except SecretUnavailable as e:
            return e

    def _connect(self) -> "hvac.Client":
        try:
            import hvac
        except ImportError:
            text = "it needs the extra `vault`, which is not installed"
            raise SecretUnavailable(text, hint=install_hint("vault")) from None
        url = _address(self._environ)
        ca = self._environ.get("VAULT_CACERT") or None
        role, secret = (self._environ.get(name) for name in ("VAULT_ROLE_ID", "VAULT_SECRET_ID"))
        token = self._environ.get("VAULT_TOKEN")
        if not token and not (role and secret):
            hint = "export VAULT_TOKEN=…, or VAULT_ROLE_ID and VAULT_SECRET_ID"
            raise SecretUnavailable("the environment does not say as whom to ask Vault", hint=hint)
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
            self._asked("signing in by AppRole: ", lambda: _log_in(client, role or "", secret or ""))
        return client

    def _fields(self, client: "hvac.Client", path: str) -> Mapping[str, Any]:
        """The fields of a secret, whichever engine holds it: the server is asked as `vault kv get` asks it."""
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

    def _asked(self, what: str, ask: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """What a question gives. What hvac and requests raise is put into words of ours, and goes no further."""
        try:
            return within(self._timeout, ask)
        except TimeoutError:
            reason, hint = f"it took longer than {self._timeout:g} seconds", "is VAULT_ADDR right?"
        except Exception as e:  # noqa: BLE001  # any of them may hold what was sent or answered
            reason, hint = _reason(e)
        # Raised out here, so that the exception above is not its context.
        raise SecretUnavailable(f"{what}{reason}", hint=hint)


class _Redirected(Exception):
    pass


class _TooLarge(Exception):
    pass


class _NoAnswer(Exception):
    """An answer that is none of Vault's."""


def _address(environ: Mapping[str, str]) -> str:
    """VAULT_ADDR, where it is safe to send a token to. It may hold credentials, so it is not repeated."""
    text = environ.get("VAULT_ADDR", "")
    if not text:
        hint = "export VAULT_ADDR=https://vault.example.net:8200"
        raise SecretUnavailable("VAULT_ADDR is not set, so nobody can be asked", hint=hint)
    try:
        parts = urlsplit(text)
        scheme, host = parts.scheme, parts.hostname or ""
        usable = bool(host) and parts.username is None and (parts.port is None or parts.port > 0)
    except ValueError:
        scheme, host, usable = "", "", False
    if not usable:
        raise SecretUnavailable("VAULT_ADDR is no address like https://vault.example.net:8200")
    if scheme != "https" and not (scheme == "http" and _is_loopback(host)):
        fault = "VAULT_ADDR is not encrypted: token and secrets would travel in clear"
        raise SecretUnavailable(fault, hint="write https://; http:// is for this machine only")
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _session(ca: str | None) -> Any:
    """A session whose answers are bounded, and which heeds neither proxies nor ~/.netrc: they could get the token."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.response import HTTPResponse

    class Bounded(HTTPAdapter):
        """Reads an answer up to a limit before anything else looks at it."""

        def build_response(self, req: Any, resp: Any) -> Any:
            data, deadline = bytearray(), time.monotonic() + TIMEOUT
            while chunk := resp.read(_CHUNK, decode_content=True):
                data += chunk
                if len(data) > _MAX_ANSWER or time.monotonic() > deadline:
                    resp.close()
                    raise _TooLarge
            headers = {k: v for k, v in resp.headers.items() if k.lower() not in ("content-encoding", "content-length")}
            body = io.BytesIO(bytes(data))
            whole = HTTPResponse(body=body, headers=headers, status=resp.status, preload_content=False)
            resp.release_conn()
            if 300 <= resp.status < 400:
                raise _Redirected
            return super().build_response(req, whole)

    session = requests.Session()
    session.trust_env = False
    session.verify = ca or True
    for scheme in ("https://", "http://"):
        session.mount(scheme, Bounded())
    return session


def _engine(client: "hvac.Client", path: str) -> tuple[str, str]:
    """Mount and version of the engine that holds a path; a server that does not know the question has version 1."""
    from hvac.exceptions import InvalidPath

    try:
        answer = _mapping(client.adapter.get(f"/v1/sys/internal/ui/mounts/{path}"))
    except InvalidPath:
        return f"{path.split('/', 1)[0]}/", "1"
    data = _mapping(answer["data"])
    mount, options = data["path"], data.get("options")
    if not isinstance(mount, str) or not path.startswith(mount) or not mount.endswith("/"):
        raise _NoAnswer
    return mount, str(_mapping(options).get("version", "1")) if options else "1"


def _log_in(client: "hvac.Client", role: str, secret: str) -> Mapping[str, Any]:
    answer = _mapping(client.auth.approle.login(role_id=role, secret_id=secret))
    if not client.token:
        raise _NoAnswer
    return answer


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _NoAnswer
    return value


def _reason(error: Exception) -> tuple[str, str]:
    """Why there is nothing, in words that hold nothing of what was sent or answered; and what to do."""
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
    status = next((status for kind, status in kinds.items() if isinstance(error, kind)), 0)
    if status:
        return _STATUSES[status]
    match error:
        case _Redirected():
            return "it redirects elsewhere, and is not followed there", "set VAULT_ADDR to the active server itself"
        case _TooLarge():
            return "its answer is too large or never ends", "is VAULT_ADDR that of a Vault?"
        case http.SSLError():
            return "its certificate is not trusted", "VAULT_CACERT names a file with the authority's certificate"
        case http.Timeout():
            return "it did not answer in time", "is VAULT_ADDR right?"
        case http.ConnectionError():
            return "it cannot be reached", "is VAULT_ADDR right?"
        case vault.VaultError():
            return "Vault refused", ""
        case _:
            return "what answers there is no Vault", "is VAULT_ADDR right?"
