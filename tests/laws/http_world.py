"""The laws' situations on the HTTP sandbox: brought there by the client, planned and applied by the application."""

import asyncio
import json
import os
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from domain_builders import DOMAIN
from hypothesis import strategies as st
from law_strategies import Situation

from reconciler.app.applying import ApplyHooks, ApplyResult, run_apply
from reconciler.app.planning import PlanRequest, journal_folder, make_plans
from reconciler.config.emit import emit_domain
from reconciler.config.workspace import Configuration
from reconciler.core.kinds import ALIAS, BY_NAME, MAILBOX
from reconciler.core.model import UNSET, CurrentDomain, DesiredDomain, Mailbox
from reconciler.core.plan import Change, FieldChange, Outcome, Plan, Result
from reconciler.core.ports import ReadScope
from reconciler.core.secret import Secret, SecretRef
from reconciler.core.workspace import DnsSettings, Policy, ServerSettings, Workspace
from reconciler.engine.journal import FileJournal
from reconciler.sandbox import QUIRKS, Sandbox, SandboxConfig
from reconciler.smartermail import Server, connect

ADMIN_PASSWORD = "Adm1n-of-the-laws"
OLD_PASSWORD, NEW_PASSWORD = "0ld-secret-of-a-box", "N3w-secret-of-a-box"
SISTER = "sister.example"

NOT_HARMLESS = {"no-success-on-writes", "eas-flag-off", "mapi-flag-off"}
"""A server that never says yes, and features that are off: these have tests of their own."""
SPELLINGS = (
    "missing:settings/domain/get-user",
    "missing:settings/domain/users-delete",
    "missing:settings/domain/get-mailbox-forward-list",
    "missing:settings/sysadmin/manage-domain",
    "not-allowed:settings/domain/list-users",
)
HARMLESS = (*sorted(set(QUIRKS) - NOT_HARMLESS), *SPELLINGS)
"""What servers do differently and a run must not notice."""
NOT_TOGETHER = (
    # Neither way to name the domain is left.
    {"missing:settings/sysadmin/manage-domain", "header-context-ignored"},
    # Whether a copy stays cannot be read while nothing is forwarded, and nothing but a target turns that on.
    {"forward-needs-flag", "forward-flag-off-default"},
)
servers = st.lists(st.sampled_from(HARMLESS), unique=True, max_size=8).filter(
    lambda names: not any(pair <= set(names) for pair in NOT_TOGETHER)
)
"""Servers: what one does differently."""
ONCE = ("create", "delete", "rename")
WRITES = (
    "(user-put|post-user|users-disable|post-mailbox-forward-list|users?-delete|account-list-delete|rename-user"
    "|alias-put|domain/alias$|alias-delete|mailboxes-patch)"
)
"""The paths of all requests that write."""


class Silent:
    """Progress that nobody watches."""

    def begin(self, title: str, total: int) -> None: ...

    def step(self, text: str) -> None: ...

    def end(self) -> None: ...


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


@dataclass
class HttpWorld:
    """A running sandbox, and how it looks from outside."""

    box: Sandbox
    base: Path
    admin: dict[str, str] = field(default_factory=dict)
    roots: int = 0

    def __post_init__(self) -> None:
        self.url = self.box.endpoint.url
        self.http = httpx.Client(base_url=self.url, headers={"X-Sandbox": "1"}, trust_env=False, timeout=30)
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

    def log(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.own("GET", "requests")["requests"]
        return found

    def writes(self) -> list[str]:
        """Requests to endpoints that write, whatever became of them, sign-in aside; and all that changed anything."""
        return [
            r["endpoint"] or r["path"]
            for r in self.log()
            if (r["write"] or r["mutated"]) and not r["endpoint"].startswith("auth/")
        ]

    def effects(self) -> dict[str, dict[str, int]]:
        """What was made, deleted or renamed, and how often, since the domain was loaded."""
        found = self.own("GET", "requests")["effects"]
        return {
            key: kept
            for key, counts in found.items()
            if (kept := {action: n for action, n in counts.items() if action in ONCE})
        }

    def state(self, domain: str = DOMAIN) -> dict[str, Any]:
        """What the server holds of a domain, passwords included as which of the known ones fits; no times."""
        quirks = self.own("GET", "quirks")["quirks"]
        self.quirks()
        state = self.own("GET", "state")["domains"][domain]
        self.quirks(quirks)
        kept: dict[str, Any] = {"domainAliases": state["domainAliases"], "aliases": state["aliases"]}
        for alias in kept["aliases"].values():
            alias["targets"] = sorted(t if "@" in t else f"{t}@{domain}" for t in alias["targets"])
        kept["users"] = {name: self._user(f"{name}@{domain}", user) for name, user in state["users"].items()}
        return kept

    def _user(self, address: str, user: dict[str, Any]) -> dict[str, Any]:
        forward = user["mailboxForwardList"]
        return {
            **{k: user["userData"][k] for k in ("fullName", "maxMailboxSize", "description")},
            **user["userData"]["securityFlags"],
            **{k: user[k] for k in ("eas", "mapi", "receivesMail")},
            "forwards": sorted(forward["forwardList"]),
            "deletes": forward["deleteOnForward"],
            "effective": sorted(user["effectiveForwards"]),
            "password": [p for p in (OLD_PASSWORD, NEW_PASSWORD) if self.fits(address, p)],
        }

    def fits(self, address: str, password: str) -> bool:
        return bool(self.own("POST", "check-password", {"email": address, "password": password})["ok"])

    # Bringing a situation there

    def load(
        self, there: CurrentDomain, before: Iterable[str] = (), after: Iterable[str] = (), *, sister: bool = False
    ) -> None:
        """Makes the domain anew, by the client, beside a sister; quirks before the mailboxes are made, and after."""
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
            # The server counts the primary administrator, which situations leave out.
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
                seats = {m.name: True for m in boxes if getattr(m, protocol) is True}
                if seats:
                    await w.set_seats(domain, protocol, seats)

    # Planning and applying

    def connect(self) -> Server:
        return connect(self.settings(), username="admin", password=Secret(ADMIN_PASSWORD), timeout=10.0)

    def settings(self, **more: Any) -> ServerSettings:
        given = {"username": "admin", "password": SecretRef("env", "LAWS_ADMIN_PASSWORD"), **more}
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
        (made,) = run(make_plans(config, _request(there), Silent()))
        assert isinstance(made, Plan)
        return made

    def apply(self, there: Situation, root: Path) -> ApplyResult:
        config = self.configuration(root, there.desired, policy=there.policy)
        hooks = ApplyHooks(agree=lambda _: True, on_outcome=lambda _: None)
        done = run(run_apply(config, _request(there), hooks, Silent()))
        assert isinstance(done, ApplyResult)
        return done


def start(base: Path) -> HttpWorld:
    """A sandbox that nobody else uses; the passwords that references name are in the environment afterwards."""
    os.environ["LAWS_ADMIN_PASSWORD"], os.environ["PW"] = ADMIN_PASSWORD, NEW_PASSWORD
    box = Sandbox(SandboxConfig(password=ADMIN_PASSWORD))
    box.start()
    return HttpWorld(box, base)


def stop(world: HttpWorld) -> None:
    world.http.close()
    world.box.stop()
    for name in ("LAWS_ADMIN_PASSWORD", "PW"):
        del os.environ[name]


def written_down(world: HttpWorld, there: Situation, root: Path) -> None:
    """The situation's files, as a workspace."""
    policy = there.policy
    document = {
        "apiVersion": "reconciler/v1",
        "kind": "Workspace",
        "servers": {
            "mail1": {
                "url": world.url,
                "hostname": "mail.example.net",
                "username": "admin",
                "password": {"env": "LAWS_ADMIN_PASSWORD"},
            }
        },
        "policy": {
            "prune": {BY_NAME[kind].section: on for kind, on in policy.prune.items()},
            "maxDeletions": {"count": 100, "percent": 100},
            "protect": list(policy.protect),
            "externalForwarding": policy.external_forwarding,
        },
    }
    (root / "reconciler.yaml").write_text(json.dumps(document), encoding="utf-8")
    (root / "domains").mkdir()
    (root / "domains" / f"{there.desired.domain}.yaml").write_text(emit_domain(there.desired), encoding="utf-8")


def written(kind: Any, resource: Any) -> dict[str, Any]:
    """The fields of a current resource as the writer takes them, seats aside."""
    read = {s.name: getattr(resource, s.attribute) for s in kind.fields if not s.seat}
    return {k: v for k, v in read.items() if v is not UNSET}


def whole(there: CurrentDomain) -> ReadScope:
    """Everything that can be read."""
    return ReadScope(forwarding=frozenset(there.mailboxes), alias_flags=frozenset(there.aliases), eas=True, mapi=True)


def faults_of(done: ApplyResult) -> list[tuple[str, str, str]]:
    """What was not applied, and why."""
    rows = [o for row in done.outcomes.values() for o in row if o.result is not Result.APPLIED]
    return [(o.change.key, o.result.value, o.detail) for o in rows]


def declared(desired: DesiredDomain) -> dict[str, Mailbox]:
    return {} if desired.mailboxes is UNSET else dict(desired.mailboxes)  # type: ignore[arg-type]


def delivered(root: Path) -> dict[str, str]:
    """Address -> the password that was generated for it last."""
    found: dict[str, str] = {}
    for file in sorted((root / ".reconciler" / "passwords").glob("*.jsonl"), key=lambda f: f.stat().st_mtime_ns):
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            found[row["address"]] = row["password"]
    return found


def _request(there: Situation) -> PlanRequest:
    options = there.options
    return PlanRequest(
        today=options.today, prune=options.prune, targets=options.targets, set_passwords=options.set_passwords
    )
