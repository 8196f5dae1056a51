"""Law 9: no secret in any output, log, journal, plan or command line of the program, also after faults."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from canaries import weak_canary
from secret_world import SecretWorld, secret_world

from reconciler.app.exits import Exit
from reconciler.cli.main import COMMANDS

LOUD = ("-v", "-v", "-v")
FORMATS = ("text", "json", "markdown", "github")
BY_HAND = {"init", "validate", "plan", "apply", "drift", "dns", "schema", "sandbox", "demo"}
"""Commands that the tests below call with all options, and three that get no secret."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SecretWorld]:
    with secret_world(tmp_path) as made:
        yield made


def to_files(prefix: str, names: tuple[str, ...]) -> list[str]:
    return [word for n in names for word in ("--format", f"{n}={prefix}.{n}")]


def side_by_side(*calls: Callable[[], object]) -> None:
    """Runs of the program that are independent of each other."""
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(call) for call in calls]:
            done.result()


def test_canaries_are_found_in_every_form(world: SecretWorld) -> None:
    """The search finds a secret in a file, in an output and in a command line."""
    value = world.canaries.values["alice"]
    (world.root / "leak.json").write_text(json.dumps({"password": value}))
    assert {hit[1] for hit in world.left_behind()} == {"JSON"}
    with pytest.raises(AssertionError, match="--workspace"):
        world.run("validate", "--workspace", value)


def test_no_successful_command_shows_a_secret(world: SecretWorld) -> None:
    def plan() -> None:
        assert world.run("plan", *LOUD, *to_files("plan", FORMATS)).code == 0
        assert world.run("plan", "--save", "approved.plan", *LOUD).code == 0

    def offline() -> None:
        assert world.run("validate", *LOUD, *to_files("validate", ("text", "json"))).code == 0
        assert world.run("schema", "domain", "--product", "standard", *LOUD).code == 0
        assert (
            world.run("dns", "records", *LOUD, *to_files("records", ("zone", "json", "octodns", "dnscontrol"))).code
            == 0
        )

    side_by_side(plan, offline)
    assert world.run("apply", "--plan", "approved.plan", "--yes", *LOUD).code == 0
    made = world.learn_generated()
    assert made.keys() == {"dora@first.example", "fred@second.example"}
    given = {"alice@first.example": "alice", "bob@first.example": "bob", "carol@first.example": "carol"}
    given |= {f"{name}@first.example": name for name in ("hugo", "ida", "jon")}
    given |= {"erin@second.example": "alice", "gina@third.example": "bob"}
    for address, password in {**made, **{a: world.canaries.values[n] for a, n in given.items()}}.items():
        assert world.fits(address, password), address
    world.write(version=2)
    done = world.run("apply", "--yes", "--format", "json", *LOUD)
    assert json.loads(done.results)["converged"] is True

    def reading() -> None:
        assert world.run("drift", *LOUD, *to_files("drift", FORMATS)).code == 0

    def dns() -> None:
        assert (
            world.run("dns", "check", *LOUD, *to_files("dns", ("text", "json", "markdown"))).code == Exit.NOT_COMPLIANT
        )

    side_by_side(reading, dns)
    written = {f.name for f in world.root.iterdir()}
    assert {"plan.json", "plan.github", "drift.markdown", "approved.plan", "dns.json", "records.zone"} <= written
    assert len(list((world.root / ".reconciler" / "journal").iterdir())) == 2
    assert world.left_behind() == []


def test_no_other_command_shows_a_secret(world: SecretWorld) -> None:
    for name in sorted(COMMANDS.keys() - BY_HAND):
        for words in ((), ("first.example",)):
            world.run(name, *words, *LOUD, timeout=10)
    assert world.left_behind() == []


def test_a_rejected_login_or_an_unreachable_server_shows_no_secret(world: SecretWorld) -> None:
    wrong = world.canaries.new("wrong")

    def refused() -> None:
        for words in (("plan",), ("apply", "--yes", "--format", "json"), ("drift", "--format", "markdown")):
            done = world.run(*words, "first.example", *LOUD, MAIL1_PASSWORD=wrong)
            assert done.code == Exit.UNREACHABLE
        assert world.run("dns", "check", "first.example", *LOUD, MAIL1_PASSWORD=wrong).code == Exit.NOT_COMPLIANT

    def refused_customer() -> None:
        world.secret_file("mail2", world.canaries.new("wrong in a file"))
        assert world.run("apply", "--yes", "second.example", *LOUD).code == Exit.UNREACHABLE

    side_by_side(refused, refused_customer)
    world.second.stop()
    assert world.run("apply", "--yes", "second.example", *LOUD).code == Exit.UNREACHABLE
    assert world.left_behind() == []


def test_faults_at_any_point_show_no_secret(world: SecretWorld) -> None:
    """HTML, errors and truncated answers: at the login, at reads, and at writes with passwords."""
    rows = [
        (world.first, "first.example", {"name": "html-after", "path": "user-put", "times": -1}, Exit.PARTIAL),
        (world.second, "second.example", {"name": "500", "path": "auth/", "times": -1}, Exit.UNREACHABLE),
    ]
    for box, _, fault, _ in rows:
        world.own(box, "POST", "faults", fault)
    side_by_side(*(lambda d=d, code=code: _apply(world, d, code) for _, d, _, code in rows))
    world.own(world.second, "DELETE", "faults")
    world.own(world.second, "POST", "faults", {"name": "html", "path": "auth/", "times": -1})
    _apply(world, "second.example", Exit.UNREACHABLE)
    assert world.left_behind() == []


def _apply(world: SecretWorld, domain: str, code: Exit) -> None:
    done = world.run("apply", "--yes", domain, *LOUD)
    # html-after: the mailbox exists, so the read shows it and no change has failed.
    assert done.code in (code, Exit.DONE if code is Exit.PARTIAL else code), done.said.decode()


def test_a_password_that_the_program_or_the_server_rejects_is_not_shown(world: SecretWorld) -> None:
    weak = world.canaries.add("weak", weak_canary())
    for words in (("validate",), ("plan",), ("apply", "--yes", "--format", "json")):
        done = world.run(*words, "first.example", *LOUD, ALICE_PASSWORD=weak)
        assert done.code == Exit.INVALID
        assert b"SEC003" in done.said
    world.secret_file("carol", world.canaries.add("weak in a command", weak_canary()))
    settings = {"minLength": {"enabled": True, "ruleValue": 100}}
    world.api("settings/domain/password-settings", "first.example", settings)
    done = world.run("apply", "--yes", "first.example", *LOUD)
    assert done.code == Exit.PARTIAL
    assert b"does not satisfy the product's policy" in b" ".join(done.said.split())
    assert b"does not satisfy the server's policy: it has fewer than 100 characters" in b" ".join(done.said.split())
    made = world.learn_generated()["dora@first.example"]
    assert len(made) == 100
    assert world.fits("dora@first.example", made)
    # A server that does not report its rules rejects the password itself.
    world.own(world.first, "POST", "faults", {"name": "500", "path": "password-settings", "times": -1})
    done = world.run("apply", "--yes", "first.example", *LOUD)
    assert done.code == Exit.PARTIAL
    assert b"PASSWORD_TOO_SHORT" in done.said
    assert world.left_behind() == []
