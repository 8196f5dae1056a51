"""The situations of the laws on the HTTP sandbox: the client creates them, the application plans and applies."""

import asyncio
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from domain_builders import DOMAIN
from http_values import ADMIN_PASSWORD, NEW_PASSWORD, OLD_PASSWORD, ONCE, SISTER, Silent, request_of, run, written
from law_strategies import Situation

from reconciler.app.apply.run import ApplyHooks, ApplyResult, run_apply
from reconciler.app.plan.planner import journal_folder
from reconciler.app.plan.reading import make_plans
from reconciler.config.workspace import Configuration
from reconciler.core.kinds import ALIAS, MAILBOX
from reconciler.core.model import CurrentDomain, DesiredDomain
from reconciler.core.plan import Change, FieldChange, Outcome, Plan, Result
from reconciler.core.ports import ReadScope
from reconciler.core.secret import Secret, SecretRef
from reconciler.core.workspace import DnsSettings, Policy, ServerSettings, Workspace
from reconciler.engine.journal.writer import FileJournal
from reconciler.sandbox import Sandbox, SandboxConfig
from reconciler.smartermail import Server, connect


@dataclass
class HttpWorld:
    """A running sandbox, and its state as seen from outside.

    Attributes:
        more: settings of the server that are not the usual ones.
    """

    box: Sandbox
    base: Path
    more: dict[str, Any] = field(default_factory=dict)
    admin: dict[str, str] = field(default_factory=dict)
    roots: int = 0

    def __post_init__(self) -> None:
        self.url = self.box.endpoint.url
        self.http = httpx.Client(
            base_url=self.url, headers={"X-Sandbox": "1"}, trust_env=False, verify=False, timeout=30
        )
        answer = self.api("auth/authenticate-user", username="admin", password=ADMIN_PASSWORD, clientId="laws")
        self.admin = {"Authorization": f"Bearer {answer['accessToken']}"}

    # The sandbox's own endpoints

    def own(self, method: str, path: str, body: Any = None) -> Any:
        response = self.http.request(method, f"/sandbox/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    def api(self, path: str, domain: str = "", **body: Any) -> Any:
        """A raw request of the system administrator."""
        header = {"X-SmarterMailDomain": domain} if domain else {}
        response = self.http.post(f"/api/v1/{path}", json=body, headers={**self.admin, **header})
        assert response.json()["success"], (path, body, response.text)
        return response.json()

    def quirks(self, names: Iterable[str] = ()) -> None:
        self.own("POST", "quirks", {"quirks": sorted(names)})

    def fault(self, name: str, **more: Any) -> None:
        self.own("POST", "faults", {"name": name, **more})

    def heal(self) -> None:
        self.own("DELETE", "faults")

    def settle(self) -> None:
        """Wait for late requests. The server executes them even after the client has disconnected."""
        while True:
            struck = sum(f["struck"] for f in self.own("GET", "faults")["faults"])
            if sum(bool(r["faults"]) for r in self.log()) >= struck:
                return
            time.sleep(0.01)

    def log(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.own("GET", "requests")["requests"]
        return found

    def writes(self) -> list[str]:
        """Requests to endpoints that write, with any result, except for the login; and all requests that changed the state."""
        return [
            r["endpoint"] or r["path"]
            for r in self.log()
            if (r["write"] or r["mutated"]) and not r["endpoint"].startswith("auth/")
        ]

    def effects(self) -> dict[str, dict[str, int]]:
        """Return the number of each creation, deletion and rename since the domain was loaded."""
        found = self.own("GET", "requests")["effects"]
        return {
            key: kept
            for key, counts in found.items()
            if (kept := {action: n for action, n in counts.items() if action in ONCE})
        }

    def state(self, domain: str = DOMAIN) -> dict[str, Any]:
        """Return the domain's data on the server without times. A password is shown as the known ones that match it."""
        quirks = self.own("GET", "quirks")["quirks"]
        if quirks:
            self.quirks()
        state = self.own("GET", "state")["domains"][domain]
        if quirks:
            self.quirks(quirks)
        return self.projected(domain, state)

    def projected(self, domain: str, state: dict[str, Any]) -> dict[str, Any]:
        """Return the compared part of a domain's state."""
        kept: dict[str, Any] = {"domainAliases": state["domainAliases"], "aliases": state["aliases"]}
        for alias in kept["aliases"].values():
            alias["targets"] = sorted(t if "@" in t else f"{t}@{domain}" for t in alias["targets"])
        known = (OLD_PASSWORD, NEW_PASSWORD)
        checks = [{"email": f"{name}@{domain}", "password": p} for name in state["users"] for p in known]
        fits = iter(self.own("POST", "check-password", {"checks": checks})["ok"])
        kept["users"] = {
            name: self._user(user, [p for p in known if next(fits)]) for name, user in state["users"].items()
        }
        return kept

    def _user(self, user: dict[str, Any], passwords: list[str]) -> dict[str, Any]:
        forward = user["mailboxForwardList"]
        return {
            **{k: user["userData"][k] for k in ("fullName", "maxMailboxSize", "description")},
            **user["userData"]["securityFlags"],
            **{k: user[k] for k in ("eas", "mapi", "receivesMail")},
            "forwards": sorted(forward["forwardList"]),
            "deletes": forward["deleteOnForward"],
            "effective": sorted(user["effectiveForwards"]),
            "password": passwords,
        }

    def fits(self, address: str, password: str) -> bool:
        return bool(self.own("POST", "check-password", {"email": address, "password": password})["ok"])

    # Creating a situation

    def load(
        self, there: CurrentDomain, before: Iterable[str] = (), after: Iterable[str] = (), *, sister: bool = False
    ) -> None:
        """Creates the domain again with the client, next to a sister domain; quirks before and after the mailboxes."""
        self.heal()
        self.quirks(before)
        for name in self.own("GET", "state")["domains"]:
            self.api(f"settings/sysadmin/domain-delete/{name}")
        for name in (there.domain, *([SISTER] if sister else [])):
            data = {"name": name, "hostname": "mail.example.net"}
            self.api("settings/sysadmin/domain-put", domainData=data, adminUsername="admin", adminPassword=OLD_PASSWORD)
        run(self._fill(there))
        if sister:
            run(self._fill(replace(there, domain=SISTER, domain_aliases={})))
        for name, mailbox in there.mailboxes.items():
            if mailbox.facts.is_admin:
                flags = {"authType": 0, "isDisabled": mailbox.enabled is False, "isDomainAdmin": True}
                email = f"{name}@{there.domain}"
                self.api("settings/domain/post-user", there.domain, email=email, userData={"securityFlags": flags})
        limits = there.limits
        rows = {
            # The server counts the primary administrator, which situations do not contain.
            "maxUsers": limits.mailboxes and limits.mailboxes + ("admin-not-counted" not in [*before, *after]),
            "maxAliases": limits.aliases,
            "maxDomainAliases": limits.domain_aliases,
            "maxActiveSyncAccounts": limits.eas,
            "maxMapiEwsAccounts": limits.mapi,
        }
        self.own("POST", "domain", {"domain": there.domain, **{k: v or 0 for k, v in rows.items()}})
        self.own("POST", "quirks", {"add": list(after)})
        self.own("POST", "requests/reset")

    async def _fill(self, there: CurrentDomain) -> None:
        domain = there.domain
        async with self.connect() as server:
            w = server.writer()
            boxes = [m for m in there.mailboxes.values() if not m.facts.is_primary_admin]
            await w.read_domain(domain, ReadScope())
            await asyncio.gather(
                *(w.create_mailbox(domain, m.name, written(MAILBOX, m), Secret(OLD_PASSWORD)) for m in boxes),
                *(w.create_alias(domain, a.name, written(ALIAS, a)) for a in there.aliases.values()),
                *(w.create_domain_alias(domain, name) for name in there.domain_aliases),
            )
            for protocol in ("eas", "mapi"):
                activations = {m.name: True for m in boxes if getattr(m, protocol) is True}
                if activations:
                    await w.set_activations(domain, protocol, activations)

    # Planning and applying

    def connect(self) -> Server:
        return connect(self.settings(), username="admin", password=Secret(ADMIN_PASSWORD), timeout=10.0)

    def settings(self, **more: Any) -> ServerSettings:
        given = {"username": "admin", "password": SecretRef("env", "LAWS_ADMIN_PASSWORD"), **self.more, **more}
        return ServerSettings(**{"name": "mail1", "url": self.url, "hostname": "mail.example.net", **given})

    def root(self) -> Path:
        """A folder for a workspace's state, new each time."""
        self.roots += 1
        made = self.base / f"run{self.roots}"
        made.mkdir()
        return made

    def begin(self, there: Situation) -> Path:
        """A workspace whose journal knows the versions that were drawn."""
        root = self.root()
        if there.options.password_versions:
            journal = FileJournal(journal_folder(root), tool="laws")
            for address, version in there.options.password_versions.items():
                secret = FieldChange(name="password", secret=SecretRef("env", "PW", version=version))
                name, _, domain = address.partition("@")
                change = Change(action="update", kind="mailbox", domain=domain, name=name, fields=(secret,))
                journal.outcome("mail1", Outcome(change=change, result=Result.APPLIED, password_set=True))
            journal.close(converged=True)
        return root

    def configuration(self, root: Path, *domains: DesiredDomain, policy: Policy | None = None) -> Configuration:
        policy = policy or Policy(external_forwarding="allow")
        return Configuration(
            root=root,
            workspace=Workspace(
                servers={"mail1": self.settings()},
                policy=replace(policy, max_deletions_count=100, max_deletions_percent=100),
                dns=DnsSettings(),
            ),
            products={},
            domains={d.domain: d for d in domains},
            selected=tuple(sorted(d.domain for d in domains)),
            diagnostics=(),
            texts={},
            digest="sha256:none",
        )

    def plan(self, there: Situation, root: Path) -> Plan:
        config = self.configuration(root, there.desired, policy=there.policy)
        (made,) = run(make_plans(config, request_of(there), Silent()))
        assert isinstance(made, Plan)
        return made

    def apply(self, there: Situation, root: Path) -> ApplyResult:
        config = self.configuration(root, there.desired, policy=there.policy)
        hooks = ApplyHooks(agree=lambda _: True, on_outcome=lambda _: None)
        done = run(run_apply(config, request_of(there), hooks, Silent()))
        assert isinstance(done, ApplyResult)
        return done


def start(base: Path) -> HttpWorld:
    """A sandbox for one test; sets the environment variables of the password references."""
    os.environ["LAWS_ADMIN_PASSWORD"], os.environ["PW"] = ADMIN_PASSWORD, NEW_PASSWORD
    box = Sandbox(SandboxConfig(password=ADMIN_PASSWORD))
    box.start()
    return HttpWorld(box, base)


def stop(world: HttpWorld) -> None:
    world.http.close()
    world.box.stop()
    for name in ("LAWS_ADMIN_PASSWORD", "PW"):
        del os.environ[name]
