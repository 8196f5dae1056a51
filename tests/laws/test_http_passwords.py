"""A change without a password never sends one: no request of the client contains a password, whatever it writes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from http_values import faults_of
from http_world import HttpWorld, start, stop
from hypothesis import HealthCheck, Phase, given, settings
from law_strategies import Situation, situations
from lying_proxy import LyingProxy

from reconciler.core.model import DesiredDomain, Unset
from reconciler.core.secret import SecretRef

PASSWORDS = {"password", "oldpassword", "newpassword", "confirmpassword", "passwordhash"}
"""Keys of the API with a password. `lockPassword` and `isPasswordExpired` are settings that are written back unchanged."""
MAKES_A_MAILBOX = "POST settings/domain/user-put"


@pytest.fixture(scope="module")
def overheard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HttpWorld, list[tuple[str, Any]]]]:
    """A world that records each API request of its clients with its body."""
    world, heard = start(tmp_path_factory.mktemp("passwords")), []
    proxy = LyingProxy(world.url)

    def listen(asked: str, _: Any, body: bytes) -> None:
        heard.append((asked, json.loads(body) if body else None))

    proxy.instead = listen
    world.url = proxy.url
    yield world, heard
    proxy.close()
    stop(world)


def with_known_passwords(there: Situation) -> Situation:
    """A situation in which each mailbox references a password with its journalled version, or with version 1."""
    desired: DesiredDomain = there.desired
    if isinstance(desired.mailboxes, Unset):
        return there
    versions = there.options.password_versions
    old = {r.new: r.old for r in desired.renamed if r.kind == "mailbox"}
    boxes = {}
    for name, box in desired.mailboxes.items():
        names = (name, old.get(name, name))
        version = next((versions[a] for n in names if (a := f"{n}@{desired.domain}") in versions), 1)
        boxes[name] = replace(box, password=SecretRef("env", "NOT_SET_HERE", version=version))
    options = replace(there.options, set_passwords=frozenset())
    # A new mailbox needs a password: only its creation may contain one.
    made = {n: replace(b, password=SecretRef("generate")) for n, b in boxes.items() if not _is_there(n, old, there)}
    return replace(there, desired=replace(desired, mailboxes={**boxes, **made}), options=options)


def _is_there(name: str, old: dict[str, str], there: Situation) -> bool:
    return bool({name, old.get(name, name)} & there.current.mailboxes.keys())


def keys(value: Any) -> set[str]:
    """All keys of a document, in lower case."""
    if isinstance(value, dict):
        return {str(k).lower() for k in value}.union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


@settings(deadline=None, max_examples=10, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(situations())
def test_unrelated_updates_carry_no_password(overheard: tuple[HttpWorld, list[Any]], drawn: Situation) -> None:
    world, heard = overheard
    there = with_known_passwords(drawn)
    world.load(there.current)
    heard.clear()
    done = world.apply(there, world.begin(there))
    assert faults_of(done) == []
    carried = [asked for asked, body in heard if keys(body) & PASSWORDS]
    writing = [asked for asked in carried if not asked.startswith("POST auth/")]
    assert set(writing) <= {MAKES_A_MAILBOX}
    made = [o for row in done.outcomes.values() for o in row if o.change.action == "create" and o.change.password]
    assert len(writing) == len(made)


def test_the_search_itself_sees_a_password(overheard: tuple[HttpWorld, list[Any]]) -> None:
    assert keys({"userData": [{"Password": "x"}]}) & PASSWORDS
    _, heard = overheard
    assert any(asked == MAKES_A_MAILBOX and keys(body) & PASSWORDS for asked, body in heard)
