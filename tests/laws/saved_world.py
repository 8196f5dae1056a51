"""Saved plans of the laws' situations: written to a file, loaded, applied on the server in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from fake_run import MemoryJournal, run
from fake_server import FakeServer
from law_strategies import Situation

from reconciler.app.apply import run as applying
from reconciler.app.apply.run import ApplyHooks, ApplyResult
from reconciler.app.plan.planner import PlanRequest
from reconciler.app.saved.apply import run_saved
from reconciler.app.saved.plan_file import SavedPlan, saved_plan
from reconciler.app.servers import OpenServers
from reconciler.config.workspace import Configuration
from reconciler.core.model import DesiredDomain
from reconciler.core.plan import Plan
from reconciler.core.secret import SecretRef
from reconciler.core.workspace import Policy, ServerSettings, Workspace


class Silent:
    """Progress without output."""

    def begin(self, title: str, total: int) -> None: ...

    def step(self, text: str) -> None: ...

    def end(self) -> None: ...


@dataclass
class SavedWorld:
    """A workspace without files and with one server in memory."""

    root: Path
    there: Situation
    server: FakeServer
    journal: MemoryJournal = field(default_factory=MemoryJournal)

    @property
    def config(self) -> Configuration:
        return configuration(self.root, self.there.desired, policy=self.there.policy)

    def save(self, made: Plan, **more: Any) -> Path:
        """The plan in a file."""
        request = request_for(self.there, made)
        path = self.root / "approved.plan"
        path.write_text(saved_plan(self.config, request, [made], **more), encoding="ascii")
        return path

    def load(self, path: Path, **more: Any) -> SavedPlan:
        return SavedPlan.load(path, self.config, **more)

    def apply(self, saved: SavedPlan) -> ApplyResult:
        """The complete `apply --plan`, on the server in memory."""
        hooks = ApplyHooks(agree=lambda _: True, on_outcome=lambda _: None)
        with mock.patch.object(applying, "open_servers", self._servers):
            done = run(run_saved(self.config, saved, hooks, Silent()))
        assert isinstance(done, ApplyResult)
        return done

    @asynccontextmanager
    async def _servers(self, _workspace: Any, names: Any, *_: Any, **__: Any) -> AsyncIterator[OpenServers]:
        named = dict.fromkeys(names, self.server)
        yield OpenServers(readers=named, writers=named, unusable={})


def request_for(there: Situation, made: Plan) -> PlanRequest:
    """The request of a situation, with exactly the deletions of its plan allowed."""
    options = there.options
    return PlanRequest(today=options.today, prune=options.prune, allow_deletions=made.count("delete"))


def configuration(root: Path, *domains: DesiredDomain, policy: Policy | None = None, **more: Any) -> Configuration:
    server = ServerSettings(
        name="mail1",
        url="https://mail1.example.net",
        hostname="mail1.example.net",
        username="admin",
        password=SecretRef("env", "NOBODY"),
    )
    given: dict[str, Any] = {
        "root": root,
        "workspace": Workspace(servers={"mail1": server}, policy=policy or Policy(external_forwarding="allow")),
        "products": {},
        "domains": {d.domain: d for d in domains},
        "selected": tuple(sorted(d.domain for d in domains)),
        "diagnostics": (),
        "texts": {},
        "digest": f"sha256:{'0' * 64}",
    }
    return Configuration(**{**given, **more})
