"""`init --from`: a workspace from the domains of a server, and a plan that shows that the files match the server."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

from reconciler.app.adopt.declare import as_declared
from reconciler.app.adopt.file_changes import FileChange
from reconciler.app.adopt.importing import read_completely
from reconciler.app.adopt.make_valid import make_valid
from reconciler.app.exits import Exit, of_plans
from reconciler.app.onboarding.ci_files import ci_files
from reconciler.app.onboarding.new_files import check_free, write_new
from reconciler.app.onboarding.product import PRODUCT, product_of
from reconciler.app.onboarding.server import SERVER
from reconciler.app.onboarding.starter import HINT, common_files
from reconciler.app.plan.planner import Planner, PlanRequest
from reconciler.app.plan.reading import observe_selected
from reconciler.app.servers import OpenServers
from reconciler.config.emit import emit_domain
from reconciler.config.workspace import Configuration, load_configuration
from reconciler.core.diagnostics import has_errors
from reconciler.core.errors import ReconcilerError, RefusedCredentials, Unreachable
from reconciler.core.model import CurrentDomain
from reconciler.core.password_policy import ServerPasswordPolicy
from reconciler.core.plan import Plan
from reconciler.core.ports import Progress, Reader
from reconciler.core.secret import Secret
from reconciler.core.workspace import Role, ServerSettings
from reconciler.engine.observe import DOMAINS_AT_ONCE, Observation

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAccount:
    """The account for the login. No file and no environment variable gets the password."""

    settings: ServerSettings
    username: str
    password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Onboarding:
    """The workspace to create.

    Attributes:
        folder: the folder of the workspace.
        workspace_text: the content of its `reconciler.yaml`.
        today: the day of the plan (UTC).
        ci: the names of CI files, as in `ci_files.CI_FILES`.
        ci_source: the source of the program for the CI files, as in `install_source`; empty if it is unknown.
    """

    folder: Path
    workspace_text: str
    today: date
    ci: tuple[str, ...] = ()
    ci_source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Onboarded:
    """The result.

    Attributes:
        written: the files, in order.
        left_out: domain -> one line for each setting of the server that its file cannot express.
        unread: the domains that could not be read, with the reason; they have no file.
        plans: the plans of the files against a second read of the server; empty if the files are invalid.
    """

    written: tuple[Path, ...]
    left_out: Mapping[str, tuple[str, ...]]
    unread: Mapping[str, ReconcilerError]
    config: Configuration
    plans: tuple[Plan, ...]

    @property
    def exit_code(self) -> Exit:
        """3 for invalid files, else the code of the plans; 5 if the plans are empty but a domain was left out."""
        if has_errors(self.config.diagnostics):
            return Exit.INVALID
        code = of_plans(self.plans, detailed=True)
        return Exit.PARTIAL if self.unread and code is Exit.DONE else code


def role_of(username: str) -> Role:
    """Domain accounts log in with an address, system administrators with a bare name (API reference section 2.1)."""
    return "customer" if "@" in username else "admin"


def check_new_folder(asked: Onboarding) -> None:
    """Check, before the login, that the files can be written.

    Raises:
        WouldOverwrite: one of the files exists.
    """
    folder = asked.folder
    names = (folder / "reconciler.yaml", folder / "products" / f"{PRODUCT}.yaml")
    check_free((*names, *common_files(folder), *ci_files(folder, asked.ci, asked.ci_source)), hint=HINT)


async def domains_of(account: ServerAccount) -> tuple[str, ...]:
    """The domains that the account can access: all for a system administrator, one for a domain administrator.

    Raises:
        Unreachable, RefusedCredentials, UnexpectedAnswer, RefusedByServer, IncompleteRead: as `Reader.list_domains`.
    """
    from reconciler.smartermail import connect

    async with connect(account.settings, username=account.username, password=account.password) as server:
        return await server.reader().list_domains()


async def onboard(account: ServerAccount, domains: Sequence[str], asked: Onboarding, progress: Progress) -> Onboarded:
    """Read the domains, write the workspace, read again and plan.

    A domain that cannot be read is left out and reported. If no domain can be read, or the server becomes unreachable,
    nothing is written.

    Raises:
        WouldOverwrite: one of the files exists.
        ReconcilerError: the server could not be read; nothing was written.
    """
    from reconciler.smartermail import connect

    async with connect(account.settings, username=account.username, password=account.password) as server:
        reader = server.reader()
        seen = await _read_all(reader, domains, progress)
        found = {name: row for name, row in seen.items() if isinstance(row, CurrentDomain)}
        unread = {name: row for name, row in seen.items() if isinstance(row, ReconcilerError)}
        if unread and not found:
            raise next(iter(unread.values()))
        policies = dict(zip(found, await _all(reader.read_password_policy, list(found)), strict=True))
        texts, left_out = _files(asked, account.settings.role, found, policies)
        written = write_new(texts, hint=HINT)
        config = load_configuration(asked.folder)
        broken = has_errors(config.diagnostics)
        plans = () if broken else await _planned(reader, config, asked.today, progress)
    return Onboarded(written=written, left_out=left_out, unread=unread, config=config, plans=plans)


async def _read_all(reader: Reader, domains: Sequence[str], progress: Progress) -> dict[str, Observation]:
    """Domain -> its state, or the reason why it could not be read.

    Raises:
        Unreachable, RefusedCredentials: the failure concerns all domains.
    """

    async def one(domain: str) -> Observation:
        try:
            seen: Observation = await read_completely(reader, domain)
        except ReconcilerError as e:
            seen = e
        progress.step(domain)
        return seen

    names = sorted(domains)
    progress.begin("Reading", len(names))
    found = dict(zip(names, await _all(one, names), strict=True))
    progress.end()
    for seen in found.values():
        if isinstance(seen, Unreachable | RefusedCredentials):
            raise seen
    return found


async def _all(ask: Callable[[str], Awaitable[T]], domains: Sequence[str]) -> list[T]:
    """The answers for all domains. A limit protects the server."""
    limiter = asyncio.Semaphore(DOMAINS_AT_ONCE)

    async def one(domain: str) -> T:
        async with limiter:
            return await ask(domain)

    return list(await asyncio.gather(*(one(domain) for domain in domains)))


def _files(
    asked: Onboarding,
    role: Role,
    found: Mapping[str, CurrentDomain],
    policies: Mapping[str, ServerPasswordPolicy | None],
) -> tuple[dict[Path, str], dict[str, tuple[str, ...]]]:
    """All files of the workspace, and the settings that its domain files cannot express."""
    folder = asked.folder
    product, product_text = product_of(found, policies)
    shared = {"reconciler.yaml": asked.workspace_text, f"products/{PRODUCT}.yaml": product_text}
    left_out: dict[str, tuple[str, ...]] = {}
    drafts: dict[str, FileChange] = {}
    for name, current in found.items():
        desired, left_out[name] = as_declared(current, server=SERVER, product=product, role=role)
        relative = f"domains/{name}.yaml"
        text = emit_domain(desired, schema="../schemas/domain.schema.json", notes=left_out[name])
        drafts[name] = FileChange(path=folder / relative, relative=relative, before=None, after=text)
    changes, more = _valid(shared, list(drafts.values()))
    for name, draft in drafts.items():
        left_out[name] += more.get(draft.relative, ())
    texts = {folder / relative: text for relative, text in shared.items()}
    texts |= {
        **common_files(folder),
        **ci_files(folder, asked.ci, asked.ci_source),
        **{c.path: c.after for c in changes},
    }
    return texts, {name: lines for name, lines in left_out.items() if lines}


def _valid(
    shared: Mapping[str, str], drafts: Sequence[FileChange]
) -> tuple[tuple[FileChange, ...], Mapping[str, tuple[str, ...]]]:
    """The domain files without the settings that would make them invalid, found in a temporary workspace."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        for relative, text in shared.items():
            (root / relative).parent.mkdir(exist_ok=True)
            (root / relative).write_text(text, encoding="utf-8")
        return make_valid(load_configuration(root, here=root), drafts)


async def _planned(reader: Reader, config: Configuration, today: date, progress: Progress) -> tuple[Plan, ...]:
    """The plans of the files just written, against a second read of the server."""
    planner = Planner(config, PlanRequest(today=today))
    servers = OpenServers(readers={SERVER: reader}, writers={}, unusable={})
    return planner.all_plans(await observe_selected(planner, servers, progress, title="Planning"))
