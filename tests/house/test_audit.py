"""`make audit` fails on an advisory, passes over what is explained, and is loud about what it could not ask."""

import sys
from datetime import date
from pathlib import Path

import audit
import pytest

pytestmark = pytest.mark.source

# pip-audit as it is, and PyPI's answer to it: as PyPI gives it, or as a mirror does that knows nothing of advisories.
PRETEND = """
import json, sys, requests
def get(self, url, **more):
    name, version = url.removeprefix("https://pypi.org/pypi/").split("/")[:2]
    answer = requests.Response()
    answer.status_code = 404 if name == "unknown" else 200
    advisories = [{"id": "PYSEC-2099-1", "aliases": ["CVE-2099-1"], "fixed_in": ["2.0"], "summary": "bad",
                   "details": "bad", "published": "2099-01-01T00:00:00Z", "withdrawn": None}]
    answer._content = json.dumps({"vulnerabilities": advisories if name == "broken" else []}).encode()
    return answer
requests.Session.get = get
from pip_audit._cli import audit
audit()
"""


@pytest.fixture
def pypi(tools: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "PIP_AUDIT", (sys.executable, "-c", PRETEND))


def test_an_advisory_is_found_and_what_is_not_known_there_is_not_taken_for_safe(pypi: None) -> None:
    rows = [("broken", "1.0"), ("fine", "1.0"), ("unknown", "1.0")]
    answers = audit.ask("pypi", rows)
    assert answers.found == {("broken", "1.0"): ("PYSEC-2099-1",), ("fine", "1.0"): ()}
    assert answers.unanswered == {("unknown", "1.0")}
    assert audit.verdict([answers], {}) == (["broken 1.0: PYSEC-2099-1"], ["unknown 1.0"])
    assert audit.verdict([answers], {("broken", "PYSEC-2099-1"): "not used"}) == ([], ["unknown 1.0"])
    # Another package's reason is no reason.
    assert audit.verdict([answers], {("fine", "PYSEC-2099-1"): "not used"})[0] == ["broken 1.0: PYSEC-2099-1"]


def test_a_service_that_answers_nothing_leaves_all_unchecked_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = (sys.executable, "-c", "raise SystemExit('no route to host')")
    monkeypatch.setattr(audit, "PIP_AUDIT", dead)
    answers = audit.ask("osv", [("a", "1"), ("b", "2")])
    assert (answers.found, answers.unanswered, answers.why) == ({}, {("a", "1"), ("b", "2")}, "no route to host")


@pytest.mark.parametrize(("service", "code", "loud"), [("finds", 1, False), ("is silent", 0, True)])
def test_the_command_fails_on_an_advisory_and_is_loud_without_an_answer(
    tools: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    service: str,
    code: int,
    loud: bool,
) -> None:
    rows = audit.locked()

    def ask(_: str, asked: object) -> audit.Answers:
        if service == "is silent":
            return audit.Answers({}, frozenset(rows), "cannot be reached")
        return audit.Answers({row: ("PYSEC-2099-1",) if row[0] == "httpx" else () for row in rows}, frozenset())

    monkeypatch.setattr(audit, "ask", ask)
    assert audit.main() == code
    said = capsys.readouterr().err
    assert ("!! NOT CHECKED" in said, "pypi: cannot be reached; osv: cannot be reached" in said) == (loud, loud)
    assert ("PYSEC-2099-1" in said) == (code == 1)


def test_a_reason_holds_until_its_day() -> None:
    text = '[[ignored]]\npackage = "p"\nid = "X"\nwhy = "not used"\nuntil = 2027-01-31\n'
    assert audit.ignored(date(2027, 1, 31), text) == ({("p", "X"): "not used"}, [])
    assert "look at it anew" in audit.ignored(date(2027, 2, 1), text)[1][0]


def test_everything_that_gets_installed_is_asked_about() -> None:
    names = {name for name, _ in audit.locked()}
    assert {"httpx", "cryptography", "pytest", "pip-audit", "hatchling", "uv"} <= names
    made = {path.name for path in Path(audit.HERE).glob("*.lock")} - {"lowest.lock", "demo.lock"}
    assert made == set(audit.LOCKS), "a lock that nobody asks about"
    demo = audit.locked(["demo.lock"])
    assert demo <= audit.locked()
