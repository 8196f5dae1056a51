"""Law 9: no secret in an exception, a traceback, a log, a journal or an outcome."""

import asyncio
import html
import json
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import stamina
from http_values import Silent
from law_strategies import TODAY
from lying_proxy import LyingProxy
from sampling import sampled
from secret_world import SecretWorld, secret_world

from reconciler.app.apply.run import ApplyHooks, ApplyResult, run_apply
from reconciler.app.plan.planner import PlanRequest
from reconciler.config.workspace import load_configuration
from reconciler.core.errors import ReconcilerError, RefusedCredentials
from reconciler.core.plan import Result
from reconciler.output.plan.apply_json import render_apply_json
from reconciler.output.plan.outcomes import render_apply_summary, render_outcomes
from reconciler.output.plan.text import render_plans

FAULTS = ("html", "500", "truncated-json", "drop-after")
PLACES = ("auth/authenticate-user", "manage-domain", "list-users", "user-put", "post-user")
FIRST = "first.example"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretWorld]:
    with stamina.set_testing(True, attempts=4, cap=True), secret_world(tmp_path_factory.mktemp("secrets")) as made:
        yield made


@pytest.fixture
def world(shared: SecretWorld, monkeypatch: pytest.MonkeyPatch) -> SecretWorld:
    for name, value in shared.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("mail2", "mail3", "bob", "carol"):
        shared.secret_file(name, shared.canaries.values[name])
    use_keyring(shared, monkeypatch)
    shared.all_sources = False  # Faults of the server are independent of the sources of passwords.
    shared.renew()
    return shared


def use_keyring(world: SecretWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process uses the keyring of the world's environment instead of any earlier one."""
    import keyring

    monkeypatch.syspath_prepend(str(world.root / "secrets"))
    monkeypatch.delitem(sys.modules, "law_keyring", raising=False)
    monkeypatch.setattr(keyring.core, "_keyring_backend", None)


class Everything(logging.Handler):
    """Records every exception that is raised anywhere, and every log line, while it is open."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.raised: dict[int, BaseException] = {}
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(logging.Formatter("%(name)s %(message)s").format(record))

    def trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        frame.f_trace_lines = False
        # A coroutine passes its result on as a StopIteration, which nothing prints.
        if event == "exception" and not isinstance(arg[1], StopIteration | StopAsyncIteration):
            self.raised[id(arg[1])] = arg[1]
        return self.trace

    def texts(self) -> list[str]:
        """All printable texts of the raised exceptions, without the local variables of frames."""
        found = list(self.lines)
        for error in self.raised.values():
            found += [str(error), repr(error), f"{error}", repr(error.args)]
            found += traceback.format_exception(error)
            if isinstance(error, ReconcilerError):
                found += [error.message, error.hint, str(error.span)]
        return found


@contextmanager
def listening() -> Iterator[Everything]:
    heard, root = Everything(), logging.getLogger()
    level, before = root.level, sys.gettrace()
    root.addHandler(heard)
    root.setLevel(logging.DEBUG)
    threading.settrace(heard.trace)
    sys.settrace(heard.trace)
    try:
        yield heard
    finally:
        sys.settrace(before)
        threading.settrace(None)  # type: ignore[arg-type]  # None takes it away
        root.removeHandler(heard)
        root.setLevel(level)


def applied(world: SecretWorld, *selection: str) -> tuple[ApplyResult, Everything]:
    """An apply in this process; then checks that no printable or written text contains a secret."""
    config = load_configuration(world.root, selection)
    hooks = ApplyHooks(agree=lambda _: True, on_outcome=lambda _: None)
    request = PlanRequest(today=TODAY)
    with listening() as heard:
        done = asyncio.run(run_apply(config, request, hooks, Silent()))
    world.learn_generated()
    shown = [
        *render_plans(done.plans, color=False, width=80, verbose=3),
        *render_outcomes(done.outcomes, color=False),
        *render_apply_summary(done.outcomes, done.left, converged=done.converged, color=False),
        render_apply_json(done.plans, done.outcomes, {}, agreed=done.agreed, converged=done.converged),
    ]
    assert world.canaries.found_in(*shown) == []
    assert world.canaries.found_in(*heard.texts()) == []
    assert world.left_behind() == []
    return done, heard


def failed(done: ApplyResult) -> list[str]:
    return [o.detail for row in done.outcomes.values() for o in row if o.result is Result.FAILED]


def test_the_search_covers_exceptions_and_logs(world: SecretWorld) -> None:
    """The search finds a secret in a suppressed exception, in a cause, and in a log."""
    secret = world.canaries.values["alice"]
    with listening() as heard:
        try:
            try:
                int(f"bad {secret}")
            except ValueError as e:
                raise RuntimeError("outer") from e
        except RuntimeError:
            logging.getLogger("x").debug("now %s", json.dumps(secret))
    assert {hit[1] for hit in world.canaries.found_in(*heard.texts())} >= {"repr", "JSON"}


def test_a_run_without_faults_exposes_no_secret(world: SecretWorld) -> None:
    world.all_sources = True
    world.write()
    done, heard = applied(world)
    assert len(done.outcomes[FIRST]) == 8
    assert done.converged
    assert any(line.startswith("reconciler.smartermail") for line in heard.lines)
    assert any(line.startswith("httpcore") for line in heard.lines)


@pytest.mark.parametrize("place", PLACES)
def test_faults_of_server_and_network_expose_no_secret(world: SecretWorld, place: str, long_run: bool) -> None:
    """The sample has every fifth fault at each place, thus each fault at one place."""
    step = 1 if long_run else len(PLACES)
    for fault in list(FAULTS)[PLACES.index(place) % step :: step]:
        world.renew()
        if place == "post-user":
            assert applied(world, FIRST)[0].converged
            world.write(version=2)
        world.own(world.first, "POST", "faults", {"name": fault, "path": place, "times": -1})
        done, heard = applied(world, FIRST)
        assert heard.raised
        assert not done.converged or fault.endswith(("-after", "-json"))


def test_rejected_credentials_expose_no_secret(world: SecretWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[dict[str, object]] = [
        {"twoFactor": True},
        {"twoFactor": "SYSADMIN_NOT_SETUP"},
        {"passwordExpired": True},
        {"changePassword": True},
        {"disabled": True},
    ]
    for state in states:
        world.own(world.first, "POST", "account", {"email": "admin", **state})
        try:
            done, heard = applied(world, FIRST)
        finally:
            world.own(world.first, "POST", "account", {"email": "admin", **dict.fromkeys(state, False)})
            world.own(world.first, "POST", "ids/reset")
        assert not done.converged
        assert any(isinstance(e, RefusedCredentials) for e in heard.raised.values()), state
    monkeypatch.setenv("MAIL1_PASSWORD", world.canaries.new("wrong"))
    assert not applied(world, FIRST)[0].converged


def test_failing_sources_of_secrets_expose_no_secret(world: SecretWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    several = world.canaries.new("several lines")
    world.secret_file("bob", f"{several}\nand more")
    world.secret_file("carol", several)
    domain = world.root / "domains" / f"{FIRST}.yaml"
    fails = "cat secrets/carol; cat secrets/carol >&2; exit 3"
    domain.write_text(domain.read_text().replace("cat secrets/carol; cat secrets/carol >&2", fails))
    monkeypatch.delenv("ALICE_PASSWORD")
    done, _ = applied(world, FIRST)
    said = " ".join(failed(done))
    assert "ALICE_PASSWORD is not set" in said
    assert "one non-empty line" in said
    assert "ended with status 3: ***" in said
    for raw in (b"\xff\xfe" + several.encode(), several.encode() + b"\0", b""):
        (world.root / "secrets" / "bob").write_bytes(raw)
        assert "one non-empty line" in " ".join(failed(applied(world, FIRST)[0]))


ECHOES: dict[str, Callable[[bytes], Any]] = {
    "the body": lambda body: body.decode(),
    "the body, parsed": lambda body: str(json.loads(body)),
    "the body without escapes": lambda body: json.dumps(json.loads(body), ensure_ascii=False),
    "an address, and a page": lambda body: (
        f"?a={quote(_password(body), safe='')}&b={quote_plus(_password(body))} {html.escape(json.dumps(_password(body)))}"
    ),
    "the password twice": lambda body: f"{_password(body) * 2} is not allowed",
}
STATUSES = {"auth/authenticate-user": (200, 400, 500), "user-put": (200, 500), "post-user": (400,)}


def _password(body: bytes) -> str:
    fields = json.loads(body)
    return str(fields["password"] if "password" in fields else fields["userData"].get("password", ""))


@pytest.fixture
def proxy(world: SecretWorld) -> Iterator[LyingProxy]:
    made = LyingProxy(world.first.endpoint.url)
    yield made
    made.close()


@pytest.mark.parametrize("how", sampled(ECHOES, 3))
def test_a_server_that_repeats_requests_exposes_no_secret(world: SecretWorld, proxy: LyingProxy, how: str) -> None:
    for place, statuses in STATUSES.items():
        world.renew()
        if place == "post-user":
            assert applied(world, FIRST)[0].converged
        world.urls["mail1"] = proxy.url
        world.write(version=2)
        for status in statuses:

            def lie(asked: str, answer: Any, body: bytes, place: str = place, status: int = status) -> Any:
                return (status, {"success": False, "message": ECHOES[how](body)}) if asked.endswith(place) else None

            proxy.instead, proxy.changed = lie, 0
            done, _ = applied(world, FIRST)
            assert proxy.changed
            assert not done.converged
