"""The changes that an administrator makes on the server: calls of its API, as a browser makes them."""

import json
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.sandbox import Endpoint, Sandbox

DOMAIN = "example.com"


def by_hand(endpoint: Endpoint, say: Callable[[str], None]) -> None:
    """Change four resources in `example.com` on the server."""
    credentials = {"username": endpoint.username, "password": endpoint.password}
    logged_in = _post(endpoint.url, "auth/authenticate-user", "", credentials)
    admin = _post(endpoint.url, f"settings/sysadmin/manage-domain/{DOMAIN}", logged_in["accessToken"], {})
    token = str(admin["impersonateAccessToken"])
    say("  - lowers the quota of alice to 1 GiB")
    _post(
        endpoint.url,
        "settings/domain/post-user",
        token,
        {"email": f"alice@{DOMAIN}", "userData": {"maxMailboxSize": 1 << 30}},
    )
    say("  - points the alias info at an external address")
    _post(
        endpoint.url,
        "settings/domain/alias",
        token,
        {"oldName": "info", "alias": {"name": "info", "aliasTargetList": ["stranger@attacker.example"]}},
    )
    say("  - deletes the domain alias example.ca")
    _post(endpoint.url, "settings/domain/domain-alias-delete/example.ca", token, {})
    say("  - creates the mailbox zoe, which no file declares")
    _post(
        endpoint.url,
        "settings/domain/user-put",
        token,
        {"userData": {"userName": "zoe", "password": "Only-in-the-demo-1", "fullName": "Zoe"}},
    )


def publish(sandbox: Sandbox, records: Sequence[Mapping[str, Any]]) -> int:
    """Put records into the DNS of the sandbox, instead of those with the same name and type. Return their number."""
    for name, rtype in sorted({(str(r["name"]), str(r["type"])) for r in records}):
        if rtype != "TXT":
            sandbox.zones.remove(name, rtype)
    for record in records:
        value = str(record["value"])
        if record["type"] == "TXT":
            value = _quoted(value)
        sandbox.zones.add(str(record["name"]), str(record["type"]), value, int(record["ttl"]))
    return len(records)


def _quoted(text: str) -> str:
    """A TXT value as in a zone file, in strings of at most 255 bytes."""
    pieces = [text[i : i + 255] for i in range(0, len(text), 255)] or [""]
    return " ".join('"' + p.replace("\\", "\\\\").replace('"', '\\"') + '"' for p in pieces)


def _post(url: str, path: str, token: str, body: Mapping[str, object]) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - the sandbox's own address
        f"{url}/api/v1/{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
        data: dict[str, Any] = json.load(answer)
    assert data.get("success"), f"the sandbox refused {path}: {data.get('message')}"
    return data
