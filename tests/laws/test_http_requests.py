"""The requests of a run: one login, only reads for a plan, and no more requests for more mailboxes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import stamina
from domain_builders import box, by_name, current, desired, read_box
from http_values import ADMIN_PASSWORD, NEW_PASSWORD, Silent, faults_of, run
from http_world import HttpWorld, start, stop
from law_strategies import TODAY, Situation

from reconciler.app.apply.run import ApplyHooks, run_apply
from reconciler.app.plan.planner import PlanRequest
from reconciler.app.plan.reading import make_plans
from reconciler.config.workspace import Configuration
from reconciler.core.model import Alias, DesiredDomain, DomainAlias
from reconciler.core.plan import Result
from reconciler.core.planning.planner import PlanOptions
from reconciler.core.secret import SecretRef
from reconciler.core.workspace import Policy
from reconciler.sandbox import Sandbox, SandboxConfig

REQUEST = PlanRequest(today=TODAY)
HOOKS = ApplyHooks(agree=lambda _: True, on_outcome=lambda _: None)
SIGN_IN = "auth/authenticate-user"
PATCH = "settings/domain/active-sync-mailboxes-patch"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    made = start(tmp_path_factory.mktemp("requests"))
    with stamina.set_testing(True, attempts=4, cap=True):
        yield made
    stop(made)


@pytest.fixture
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpWorld]:
    with Sandbox(SandboxConfig(password=ADMIN_PASSWORD)) as box:
        made = HttpWorld(box, tmp_path_factory.mktemp("second"))
        yield made
        made.http.close()


def wanted(domain: str, server: str = "mail1") -> DesiredDomain:
    """A domain with a new resource of every kind."""
    boxes = [box("anna", quota=1 << 30, eas=True), box("ben", forward_to=("x@else.example",), enabled=False)]
    return replace(
        desired(boxes),
        domain=domain,
        server=server,
        aliases={"sales": Alias(name="sales", targets=(f"anna@{domain}",), allow_sending=True)},
        domain_aliases={f"also-{domain}": DomainAlias(name=f"also-{domain}")},
    )


def fleet(world: HttpWorld, second: HttpWorld) -> Configuration:
    """Twenty empty domains on two servers."""
    domains = []
    for number in range(20):
        one, server = (world, "mail1") if number % 2 else (second, "mail2")
        name = f"d{number}.example"
        data = {"name": name, "hostname": "mail.example.net"}
        one.api("settings/sysadmin/domain-put", domainData=data, adminUsername="boss", adminPassword="B0ss-of-the-laws")
        domains.append(wanted(name, server))
    config = world.configuration(world.root(), *domains)
    servers = {"mail1": world.settings(), "mail2": replace(world.settings(), name="mail2", url=second.url)}
    return replace(config, workspace=replace(config.workspace, servers=servers))


def test_one_apply_over_twenty_domains_logs_in_once_per_server_and_a_plan_only_reads(
    world: HttpWorld, second: HttpWorld
) -> None:
    config = fleet(world, second)
    for step in ("plan", "apply", "plan again"):
        for one in (world, second):
            one.own("POST", "requests/reset")
        if step == "apply":
            done = run(run_apply(config, REQUEST, HOOKS, Silent()))
            assert (faults_of(done), done.converged) == ([], True)
        else:
            made = run(make_plans(config, REQUEST, Silent()))
            assert [len(p.changes) for p in made] == ([4] * 20 if step == "plan" else [0] * 20)
        for one in (world, second):
            log = one.log()
            assert Counter(r["endpoint"] for r in log)[SIGN_IN] == 1
            assert [r for r in log if r["status"] == 401] == []
            if step != "apply":
                assert one.writes() == []
                assert [r for r in log if r["mutated"]] == []


def asked_for(world: HttpWorld, boxes: int, **fields: Any) -> Counter[str]:
    """The requests of a plan of a domain with this number of mailboxes, which all manage these fields."""
    names = [f"m{n}" for n in range(boxes)]
    there = current([read_box(n, display_name=n) for n in names])
    world.load(there)
    declared = replace(desired(), mailboxes=by_name(box(n, **fields) for n in names))
    made = world.plan(Situation(declared, there, Policy(), PlanOptions(today=TODAY)), world.root())
    assert made.complete
    assert len(made.changes) == (boxes if fields.get("quota") else 0)
    return Counter(f"{r['method']} {r['endpoint']}" for r in world.log())


def test_the_requests_of_a_plan_are_as_many_for_sixty_mailboxes_as_for_one(world: HttpWorld) -> None:
    fields = {"quota": 7 << 30, "enabled": True, "display_name": "x", "eas": False, "mapi": False}
    few, many = asked_for(world, 1, **fields), asked_for(world, 60, **fields)
    assert few == many
    assert sum(few.values()) <= 12


def test_only_managed_forwards_take_a_request_per_mailbox(world: HttpWorld) -> None:
    few, many = asked_for(world, 1, forward_to=()), asked_for(world, 31, forward_to=())
    assert many - few == Counter({"POST settings/domain/get-mailbox-forward-list": 30})


@pytest.mark.parametrize("protocol", ["eas", "mapi"])
def test_activations_without_effect_have_failed_and_the_run_has_not_converged(world: HttpWorld, protocol: str) -> None:
    there = current([read_box("anna")])
    names = [f"{protocol}-flag-off", "settings-without-switches"]  # if the server reports them, the plan is refused
    world.load(there, names)
    asked = desired([box("anna", quota=5 << 30, **{protocol: True}), box("ben", **{protocol: True}), box("carl")])
    situation = Situation(asked, there, Policy(), PlanOptions(today=TODAY))
    root = world.begin(situation)
    for turn in (1, 2):
        done = world.apply(situation, root)
        results = {o.change.name: o for o in done.outcomes["example.com"]}
        assert {n: o.result for n, o in results.items() if n != "carl"} == dict.fromkeys(("anna", "ben"), Result.FAILED)
        assert all("accepted the change, but" in results[n].detail for n in ("anna", "ben"))
        assert ("carl" in results) is (turn == 1)
        assert not done.converged
        assert done.exit_code == 5
        assert [c.name for c in done.left[0].changes] == ["anna", "ben"]
        assert all([f.name for f in c.fields] == [protocol] for c in done.left[0].changes)
    world.own("POST", "domain", {"domain": "example.com", _SWITCH[protocol]: True})
    assert world.apply(situation, root).converged


def test_a_password_with_rejected_activations_is_set_once_and_not_by_every_run(world: HttpWorld) -> None:
    there = current([read_box("anna")])
    world.load(there, ["eas-flag-off", "seats-403-when-off", "settings-without-switches"])
    second_version = box("anna", eas=True, password=SecretRef("env", "PW", version=2))
    options = PlanOptions(today=TODAY, password_versions={"anna@example.com": 1})
    situation = Situation(desired([second_version]), there, Policy(), options)
    root = world.begin(situation)
    for turn in (1, 2):
        done = world.apply(situation, root)
        (outcome,) = done.outcomes["example.com"]
        assert (outcome.result, outcome.password_set) == (Result.FAILED, turn == 1)
        assert [f.name for f in done.left[0].changes[0].fields] == ["eas"]
    assert world.fits("anna@example.com", NEW_PASSWORD)
    assert world.own("GET", "requests")["effects"]["user anna@example.com"]["password"] == 1


_SWITCH = {"eas": "enableActiveSyncAccountManagement", "mapi": "enableMapiEwsAccountManagement"}


def test_a_server_that_never_confirms_is_believed_only_after_a_read(world: HttpWorld) -> None:
    there = current([read_box("anna"), read_box("old")])
    world.load(there, after=["no-success-on-writes"])
    situation = Situation(wanted("example.com"), there, Policy(external_forwarding="allow"), PlanOptions(today=TODAY))
    done = world.apply(situation, world.begin(situation))
    assert (faults_of(done), done.converged) == ([], True)
    assert all(n == 1 for counts in world.effects().values() for n in counts.values())


@pytest.mark.parametrize("fault", ["drop-before", "500", "html"])
def test_a_mailbox_that_is_created_disabled_receives_mail_after_any_fault(world: HttpWorld, fault: str) -> None:
    """The creation and the disabling are two requests; between them the mailbox must not look finished."""
    there = current([read_box("anna")])
    world.load(there)
    situation = Situation(desired([box("ben", enabled=False)]), there, Policy(), PlanOptions(today=TODAY))
    root = world.begin(situation)
    world.fault(fault, path="users-disable", times=2)
    first = world.apply(situation, root)
    (outcome,) = first.outcomes["example.com"]
    assert (first.converged, outcome.result) == (False, Result.FAILED)
    assert world.state()["users"]["ben"]["receivesMail"] is True
    world.heal()
    assert world.apply(situation, root).converged
    ben = world.state()["users"]["ben"]
    assert (ben["isDisabled"], ben["receivesMail"]) == (True, True)
