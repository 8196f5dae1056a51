"""Law 9 beyond the output of a run: all log levels, bugs, values of the core, encrypted delivery, unused secrets."""

import asyncio
import dataclasses
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from http_values import Silent
from law_strategies import TODAY
from pyrage import x25519
from secret_world import SecretWorld, secret_world
from test_law_9_secrets_of_exceptions import use_keyring

from reconciler.app.apply.run import ApplyHooks, run_apply
from reconciler.app.exits import Exit
from reconciler.app.plan.planner import PlanRequest
from reconciler.config.workspace import load_configuration

LEVELS: tuple[tuple[tuple[str, ...], dict[str, str]], ...] = (
    (("-q",), {}),
    ((), {}),
    (("-v",), {}),
    (("-vv",), {}),
    (("-vvv",), {}),
    ((), {"RECONCILER_VERBOSE": "3"}),
)
DEBUG = "import logging\nlogging.basicConfig(level=logging.DEBUG)\n"
FIRST = "first.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SecretWorld]:
    with secret_world(tmp_path) as made:
        yield made


def test_no_log_level_shows_a_secret_that_is_used_or_set(world: SecretWorld, long_run: bool) -> None:
    """All loggers of libraries are at DEBUG. Each level has a new version, so that each run fetches and sets all secrets.

    With recipients the files of delivered passwords are encrypted, so they are searched like all other files.
    """
    world.at_start(DEBUG)
    world.recipients = [str(world.identity.to_public())]
    levels = LEVELS if long_run else (LEVELS[0], LEVELS[-2])  # the quietest and the most verbose
    for turn, (words, environment) in enumerate(levels):
        world.write(version=turn + 1)
        done = world.run("apply", "--yes", FIRST, *words, **environment)
        assert done.code == Exit.DONE, done.said.decode()
        for noise in (b"DEBUG:httpcore", b"DEBUG:urllib3", b"DEBUG:asyncio", b"encrypted to 1 age recipient)"):
            assert noise in done.said
    assert world.left_behind() == []
    assert len(list((world.root / ".reconciler" / "passwords").glob("*.jsonl"))) == len(levels)
    assert any(
        world.fits("dora@first.example", v) for n, v in world.canaries.values.items() if n.startswith("made for")
    )


@pytest.mark.long
def test_no_log_level_shows_a_secret_that_a_failing_source_repeats(world: SecretWorld) -> None:
    text = f"permission denied: {world.canaries.values['VAULT_TOKEN']} {world.canaries.values['hugo']}"
    world.vault.answers["/v1/secret/data/mail/hugo"] = (403, {"errors": [text]})
    module = world.root / "secrets" / "law_keyring.py"
    module.write_text(
        module.read_text("utf-8").replace("return ", "raise RuntimeError(", 1).replace(" if (", ") if (", 1)
    )
    for words in (("-q",), ("-vvv",)):
        world.at_start(DEBUG)
        key = str(x25519.Identity.generate())
        done = world.run("apply", "--yes", FIRST, *words, SOPS_AGE_KEY=world.canaries.add("another key", key))
        assert done.code == Exit.PARTIAL
        for said in (b"may not read the secret", b"cannot be read", b"no key that can decrypt"):
            assert said in done.said
    assert world.left_behind() == []


BUG = """
import asyncio
from reconciler.smartermail import writer

async def create_mailbox(self, domain, name, values, password):
    value, body = password.reveal(), {"password": password.reveal()}
    return body["nothing"] if value else {}[password]

writer.Writer.create_mailbox = writer.ServerWriter.create_mailbox = create_mailbox
"""


def test_a_traceback_of_a_bug_contains_no_secret(world: SecretWorld) -> None:
    from reconciler.smartermail import writer

    (name,) = [n for n in vars(writer) if hasattr(getattr(writer, n), "create_mailbox") and n != "Writer"]
    world.at_start(BUG.replace("writer.Writer.create_mailbox = writer.ServerWriter.", f"writer.{name}."))
    done = world.run("apply", "--yes", FIRST, "-vvv", broken=True)
    assert done.code == Exit.UNEXPECTED
    assert b"KeyError: 'nothing'" in done.said
    assert world.left_behind() == []


@pytest.mark.long
def test_without_the_extra_for_encryption_no_password_is_written(world: SecretWorld) -> None:
    world.recipients = [str(world.identity.to_public())]
    world.write()
    world.at_start("import sys\nsys.modules['pyrage'] = None\n")
    saved = world.run("plan", FIRST, "--save", "p.plan")
    assert saved.code == Exit.DONE
    for words in ((FIRST,), ("--plan", "p.plan")):
        done = world.run("apply", "--yes", *words)
        assert done.code == Exit.REFUSED
        shown = b" ".join(done.said.split())  # without the line breaks of the terminal
        assert b"the extra `age` is not installed" in shown
        assert b"Install the program with the extra `age`" in shown
    assert world.own(world.first, "GET", "requests")["effects"] == {}
    assert not (world.root / ".reconciler").exists()
    # Without generated passwords the extra is not necessary.
    assert world.run("apply", "--yes", "third.example").code == Exit.DONE


def test_only_an_apply_fetches_the_secrets_of_mailboxes_and_each_once(world: SecretWorld) -> None:
    """Two mailboxes with one reference; a command, a Vault and a keyring that count requests; a run that sets nothing."""
    mark = ["sh", "-c", "echo x >> secrets/ran; cat secrets/carol"]
    domain = world.root / "domains" / f"{FIRST}.yaml"
    document = json.loads(domain.read_text())
    for name in ("carol", "kim"):
        document["mailboxes"][name] = {"password": {"command": mark}}
    document["mailboxes"]["lea"] = document["mailboxes"]["hugo"]
    domain.write_text(json.dumps(document))
    for words in (("plan", "--save", "p.plan"), ("drift",)):
        world.run(*words, FIRST)
        assert (world.vault.asked, (world.root / "secrets" / "ran").exists()) == ([], False), words
    assert world.run("apply", "--yes", FIRST).code == Exit.DONE
    document["mailboxes"]["carol"]["displayName"] = "Another"
    domain.write_text(json.dumps(document))
    assert world.run("apply", "--yes", FIRST).code == Exit.DONE
    assert (world.root / "secrets" / "ran").read_text() == "x\n"
    assert [p for p in world.vault.paths() if p.startswith("/v1/secret/")] == ["/v1/secret/data/mail/hugo"]


def test_the_command_password_shows_generated_passwords_and_not_checked_ones(world: SecretWorld) -> None:
    world.at_start(DEBUG)
    good, weak = world.canaries.new("checked"), world.canaries.add("checked and weak", "hunter2-nobody")
    inputs = {f"{good}\n": Exit.DONE, f"{weak}\n": Exit.INVALID, f"{good}\n{good}\n": Exit.USAGE}
    for words, environment in (LEVELS[0], LEVELS[-1]):
        made = world.run("password", "--count", "2", "--product", "standard", *words, **environment)
        assert (made.code, len(made.results.splitlines())) == (Exit.DONE, 2)
        for line in made.results.splitlines():
            assert made.said.count(line) == 1
    for (words, environment), (text, code) in zip(LEVELS[2:5], inputs.items(), strict=True):
        assert world.run("password", "--check", *words, stdin=text, **environment).code == code
    assert world.left_behind() == []


DUMPS: tuple[Callable[[Any], bytes | str], ...] = (repr, str, pickle.dumps, dataclasses.asdict, vars, json.dumps)


def test_no_dump_of_a_core_value_contains_a_secret(world: SecretWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    use_keyring(world, monkeypatch)
    config = load_configuration(world.root)
    hooks = ApplyHooks(agree=lambda _: True, on_outcome=lambda _: None)
    done = asyncio.run(run_apply(config, PlanRequest(today=TODAY), hooks, Silent()))
    assert done.converged
    world.learn_generated()
    outcomes = [o for row in done.outcomes.values() for o in row]
    values = [config, config.workspace, *config.domains.values(), done, *done.plans, *done.left, *outcomes]
    values += [o.change for o in outcomes] + [o.change.password for o in outcomes if o.change.password]
    dumped = []
    for value in values:
        for dump in DUMPS:
            try:
                dumped.append(dump(value))
            except (TypeError, AttributeError) as e:  # not every value can be dumped in every way
                dumped.append(str(e))
    blobs = [d if isinstance(d, bytes) else str(d) for d in dumped]
    assert sum("VAULT" in str(b) or "secret/mail/hugo" in str(b) for b in blobs) > 3
    assert world.canaries.found_in(*blobs) == []
