"""The control endpoints under `/sandbox/`: tests and the demo use them to inspect and change the server.

They need no login, because the server listens on loopback only. They require the header `X-Sandbox: 1` and a loopback
host name, so that a web page in a browser on the same machine cannot use them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from reconciler.sandbox import inspection
from reconciler.sandbox.binder import BindError, Fields, parse_json
from reconciler.sandbox.browsers import host_of, is_loopback
from reconciler.sandbox.call import Service
from reconciler.sandbox.defaults import DOMAIN_SETTINGS, LIMIT_NAMES
from reconciler.sandbox.dns.server import DnsServer
from reconciler.sandbox.dns.zones import ZoneError
from reconciler.sandbox.domains import change_settings
from reconciler.sandbox.envelope import Refusal, Reply
from reconciler.sandbox.faults import Faults, UnknownFaultError, make_fault
from reconciler.sandbox.identity import find_identity
from reconciler.sandbox.quirks import UnknownQuirkError
from reconciler.sandbox.requestlog import RequestLog
from reconciler.sandbox.store import Snapshot

# An unknown key is an error: a misspelled setting would make a test pass without testing anything.
_DOMAIN_KEYS = frozenset(
    {
        *DOMAIN_SETTINGS,
        *LIMIT_NAMES,
        "domain",
        "throttleSettings",
        "hostname",
        "mainDomainAdmin",
        "dkim",
        "forwardBlacklist",
    }
)
Payload = dict[str, Any]


class Admin:
    """Answers requests to the control endpoints."""

    def __init__(self, service: Service, faults: Faults, log: RequestLog, dns: DnsServer) -> None:
        self._service = service
        self._faults = faults
        self._log = log
        self._dns = dns
        self._snapshot: Snapshot | None = None
        self._table: dict[tuple[str, str], Callable[[Any], Payload]] = {
            ("GET", "state"): lambda _: inspection.everything(service),
            ("POST", "state"): lambda given: {"domains": inspection.domains(service, given["domains"])},
            ("GET", "requests"): lambda _: {**log.as_json(), "effects": inspection.effects(service)},
            ("POST", "requests/reset"): self._reset_requests,
            ("GET", "faults"): lambda _: {"faults": [fault.as_json() for fault in faults.all]},
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "quirks"): lambda _: {"quirks": sorted(service.quirks.names)},
            ("POST", "quirks"): self._set_quirks,
            ("POST", "check-password"): self._check_password,
            ("GET", "clock"): lambda _: {"now": service.clock.iso()},
            ("POST", "clock"): self._advance,
            ("POST", "account"): self._account,
            ("POST", "domain"): self._domain,
            ("GET", "ids"): lambda _: {"failures": service.ids.counts(), "blocked": service.ids.blocked()},
            ("POST", "ids/reset"): lambda _: {"unblocked": service.ids.forgive()},
            ("GET", "zones"): lambda _: {"zones": service.zones.dump(), "records": service.zones.records()},
            ("POST", "snapshot"): self._take_snapshot,
            ("POST", "restore"): self._restore,
            ("POST", "records"): self._records,
            ("POST", "dns-faults"): self._dns_faults,
        }

    async def answer(self, method: str, path: str, headers: dict[bytes, str], body: bytes) -> Reply:
        """Payload a request under `/sandbox/`. Errors are 4xx with `{"error": text}`."""
        host = host_of(f"//{headers.get(b'host', '')}")
        if b"x-sandbox" not in headers or not is_loopback(host):
            return Reply(403, {"error": "send the header X-Sandbox: 1 to a loopback address"})
        name = path.removeprefix("/sandbox/").strip("/")
        try:
            if name.startswith("zones/"):
                return Reply(200, self._zone(method, unquote(name.removeprefix("zones/")), body))
            handler = self._table.get((method, name))
            if handler is None:
                known = ", ".join(f"{verb} /sandbox/{one}" for verb, one in self._table)
                return Reply(404, {"error": f"unknown endpoint; use one of: {known}, PUT|DELETE /sandbox/zones/ORIGIN"})
            return Reply(200, handler(parse_json(body) if body.strip() else {}))
        except (UnknownFaultError, UnknownQuirkError, ZoneError, Refusal, BindError) as error:
            return Reply(400, {"error": f"{type(error).__name__}: {error}"})
        # Handlers use the body without checks. A wrong shape is the caller's mistake and must not look like a crash of
        # the sandbox.
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            return Reply(400, {"error": f"invalid body for this endpoint: {type(error).__name__}: {error}"})
        finally:
            # Also after an error, because a handler may have changed a part of the state before it failed.
            self._service.store.flush()

    def _reset_requests(self, _: Any) -> Payload:
        self._log.reset()
        self._service.store.effects.clear()
        return {}

    def _add_faults(self, given: Any) -> Payload:
        rows = given if isinstance(given, list) else given.get("faults", [given])
        # All are built first, so that an invalid one adds none of them.
        made = [make_fault(row) for row in rows]
        self._faults.all.extend(made)
        return {"faults": [fault.as_json() for fault in self._faults.all]}

    def _clear_faults(self, _: Any) -> Payload:
        self._faults.all.clear()
        return {}

    def _set_quirks(self, given: Any) -> Payload:
        """`{"quirks": [...]}` replaces the quirks; `{"add": [...], "remove": [...]}` changes them."""
        quirks = self._service.quirks
        names = set(given["quirks"]) if "quirks" in given else set(quirks.names)
        quirks.set((names | set(given.get("add", []))) - set(given.get("remove", [])))
        return {"quirks": sorted(quirks.names)}

    def _check_password(self, given: Any) -> Payload:
        """`{"email": ..., "password": ...}` returns `ok`; `{"checks": [{...}, ...]}` returns a list of them."""
        if "checks" in given:
            return {"ok": [self._is_password(one) for one in given["checks"]]}
        return {"ok": self._is_password(given)}

    def _is_password(self, given: Any) -> bool:
        found = find_identity(self._service.store, given["email"])
        return found is not None and found.verify(given["password"], self._service.clock)

    def _take_snapshot(self, _: Any) -> Payload:
        """Store domains and administrators; replaces an earlier snapshot."""
        self._snapshot = self._service.store.snapshot()
        return {"domains": len(self._snapshot.domains)}

    def _restore(self, _: Any) -> Payload:
        """Restore the snapshot, which remains available. Sessions stay; the request log and the counters are reset."""
        if self._snapshot is None:
            raise ValueError("no snapshot exists; create one with POST /sandbox/snapshot")
        # Sessions stay, so that tests can share one login across many snapshots.
        self._service.store.restore(self._snapshot)
        self._log.reset()
        return {"domains": len(self._snapshot.domains)}

    def _advance(self, given: Any) -> Payload:
        self._service.clock.advance(float(given["advanceSeconds"]))
        return {"now": self._service.clock.iso()}

    def _account(self, given: Any) -> Payload:
        inspection.change_account(self._service, given)
        return {}

    def _domain(self, given: Any) -> Payload:
        """Change settings (section 4.4), `throttleSettings`, `hostname`, `mainDomainAdmin`, `forwardBlacklist`.

        `dkim: "active"` gives the domain an active key.
        """
        store = self._service.store
        domain = store.domain(given["domain"])
        unknown = sorted(set(given) - _DOMAIN_KEYS)
        if unknown:
            raise KeyError(f"unknown key {unknown[0]}; use one of {', '.join(sorted(_DOMAIN_KEYS))}")
        domain.forward_blacklist = list(given.get("forwardBlacklist", domain.forward_blacklist))
        change_settings(self._service, domain, Fields(given))
        if given.get("dkim") == "active":
            # The key is generated when it is first read, because generating RSA keys for many domains is slow.
            domain.dkim.seeded = True
            store.touch(domain)
        return {}

    def _zone(self, method: str, origin: str, body: bytes) -> Payload:
        zones = self._service.zones
        if method == "PUT":
            zones.set_zone(origin, body.decode())
        elif method == "DELETE":
            zones.delete_zone(origin)
        elif method != "GET":
            raise ValueError("use GET, PUT or DELETE")
        self._keep_zones()
        return {"zone": origin, "text": "" if method == "DELETE" else zones.zone_text(origin)}

    def _records(self, given: Any) -> Payload:
        zones = self._service.zones
        removed = 0
        for row in given.get("remove", []):
            removed += zones.remove(row["name"], row["type"], row.get("value"))
        for row in given.get("add", []):
            zones.add(row["name"], row["type"], row["value"], int(row.get("ttl", 300)))
        self._keep_zones()
        return {"removed": removed, "added": len(given.get("add", []))}

    def _dns_faults(self, given: Any) -> Payload:
        rows = given if isinstance(given, list) else given.get("faults", [])
        self._dns.set_faults(rows)
        return {"faults": rows}

    def _keep_zones(self) -> None:
        self._service.store.keep_zones(self._service.zones.dump())
