"""`make audit` fails on an advisory, skips explained advisories, and warns about packages that it could not check."""

import sys
from datetime import date
from pathlib import Path

import audit
import pytest

pytestmark = pytest.mark.source

# The real pip-audit with a simulated PyPI. The package "unknown" gets the answer of a mirror without advisories: 404.
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


def test_an_advisory_is_found_and_an_unknown_package_is_not_taken_for_safe(pypi: None) -> None:
    rows = [("broken", "1.0"), ("fine", "1.0"), ("unknown", "1.0")]
    answers = audit.ask("pypi", rows)
    assert answers.found == {("broken", "1.0"): ("PYSEC-2099-1",), ("fine", "1.0"): ()}
    assert answers.unanswered == {("unknown", "1.0")}
    assert audit.verdict([answers], {}) == (["broken 1.0: PYSEC-2099-1"], ["unknown 1.0"])
    assert audit.verdict([answers], {("broken", "PYSEC-2099-1"): "not used"}) == ([], ["unknown 1.0"])
    # An explanation holds for its own package only.
    assert audit.verdict([answers], {("fine", "PYSEC-2099-1"): "not used"})[0] == ["broken 1.0: PYSEC-2099-1"]


def test_a_silent_service_leaves_all_packages_unchecked_and_the_reason_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = (sys.executable, "-c", "raise SystemExit('no route to host')")
    monkeypatch.setattr(audit, "PIP_AUDIT", dead)
    answers = audit.ask("osv", [("a", "1"), ("b", "2")])
    assert (answers.found, answers.unanswered, answers.why) == ({}, {("a", "1"), ("b", "2")}, "no route to host")


@pytest.mark.parametrize(("service", "code", "warns"), [("finds", 1, False), ("is silent", 0, True)])
def test_the_command_fails_on_an_advisory_and_warns_without_an_answer(
    tools: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    service: str,
    code: int,
    warns: bool,
) -> None:
    rows = audit.locked()

    def ask(_: str, packages: object) -> audit.Answers:
        if service == "is silent":
            return audit.Answers({}, frozenset(rows), "cannot be reached")
        return audit.Answers({row: ("PYSEC-2099-1",) if row[0] == "httpx" else () for row in rows}, frozenset())

    monkeypatch.setattr(audit, "ask", ask)
    assert audit.main() == code
    printed = capsys.readouterr().err
    assert ("!! NOT CHECKED" in printed, "pypi: cannot be reached; osv: cannot be reached" in printed) == (warns, warns)
    assert ("PYSEC-2099-1" in printed) == (code == 1)


def test_an_explanation_expires_after_its_date() -> None:
    text = '[[ignored]]\npackage = "p"\nid = "X"\nwhy = "not used"\nuntil = 2027-01-31\n'
    assert audit.ignored(date(2027, 1, 31), text) == ({("p", "X"): "not used"}, [])
    assert "review it again" in audit.ignored(date(2027, 2, 1), text)[1][0]


def test_the_audit_covers_every_lock_that_is_installed() -> None:
    names = {name for name, _ in audit.locked()}
    assert {"httpx", "cryptography", "pytest", "pip-audit", "hatchling", "uv"} <= names
    # lowest.lock is for tests only, and the pins of demo.lock are a part of dev.lock.
    made = {path.name for path in Path(audit.HERE).glob("*.lock")} - {"lowest.lock", "demo.lock"}
    assert made == set(audit.LOCKS), "the audit misses a lock"
    demo = audit.locked(["demo.lock"])
    assert demo <= audit.locked()
