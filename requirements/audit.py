"""Asks whether anything that the locks pin has a known vulnerability: `make audit`.

Advisories come from PyPI, and from OSV for what PyPI does not answer. Neither may be reachable, behind a mirror for
example: then this says in so many words what was NOT CHECKED, and does not fail, because the code is no worse for it.
An advisory fails, unless audit-ignored.toml says why it does not concern us, and until when.
"""

import importlib.util
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from locks import HERE

LOCKS = ("dev.lock", "tools.lock", "build.lock", "renew.lock")
"""What gets installed. lowest.lock is no advice to anybody: it only shows that the ranges are right."""

SERVICES = ("pypi", "osv")
PIP_AUDIT = (sys.executable, "-m", "pip_audit")
IGNORED = HERE / "audit-ignored.toml"


@dataclass(frozen=True)
class Answers:
    """What was asked about, by package and version: its advisories, or why there is no answer."""

    found: Mapping[tuple[str, str], tuple[str, ...]]
    unanswered: frozenset[tuple[str, str]]
    why: str = ""
    """What went wrong, in pip-audit's last words."""


def ask(service: str, rows: Iterable[tuple[str, str]]) -> Answers:
    """Asks one service about packages and versions; about one first, so that a silent service costs one question."""
    rows = sorted(rows)
    first = _ask(service, rows[:1])
    return replace(first, unanswered=frozenset(rows)) if first.unanswered else _ask(service, rows)


def _ask(service: str, rows: Iterable[tuple[str, str]]) -> Answers:
    lines = "".join(f"{name}=={version}\n" for name, version in rows)
    command = [*PIP_AUDIT, "--vulnerability-service", service, "--format", "json", "--progress-spinner", "off"]
    command += ["--disable-pip", "--no-deps", "--timeout", "10", "--requirement", "/dev/stdin"]
    try:
        done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return Answers({}, frozenset(rows), "no answer within five minutes")
    try:
        return read(done.stdout, rows)
    except json.JSONDecodeError:
        return Answers({}, frozenset(rows), (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])


def read(text: str, rows: Iterable[tuple[str, str]]) -> Answers:
    """What pip-audit printed. A package that it says nothing of, or that it skipped, is unanswered."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    why = ""
    for row in json.loads(text)["dependencies"]:
        if "skip_reason" in row:
            why = row["skip_reason"]
        else:
            found[row["name"], row["version"]] = tuple(sorted(advisory["id"] for advisory in row["vulns"]))
    return Answers(found, frozenset(rows) - found.keys(), why)


def ignored(today: date, text: str) -> tuple[dict[tuple[str, str], str], list[str]]:
    """The advisories that do not concern us, by package and id; and those whose time is up."""
    rows = tomllib.loads(text).get("ignored", [])
    over = [row for row in rows if row["until"] < today]
    late = [f"{IGNORED.name}: {row['id']} was ignored until {row['until']}: look at it anew" for row in over]
    return {(row["package"], row["id"]): row["why"] for row in rows}, late


def verdict(answers: Iterable[Answers], known: Mapping[tuple[str, str], str]) -> tuple[list[str], list[str]]:
    """What is wrong, and what could not be checked, after asking several services in turn."""
    answers = list(answers)
    bad = sorted(
        {
            f"{name} {version}: {advisory}"
            for answer in answers
            for (name, version), advisories in answer.found.items()
            for advisory in advisories
            if (name, advisory) not in known
        }
    )
    return bad, [f"{name} {version}" for name, version in sorted(answers[-1].unanswered)]


def locked(names: Iterable[str] = LOCKS) -> set[tuple[str, str]]:
    """All that the locks pin."""
    from locks import read as read_lock

    return {(pin.name, pin.version) for name in names for pin in read_lock(HERE / name).values()}


def main() -> int:
    """Asks, and says how it went."""
    if importlib.util.find_spec("pip_audit") is None:
        sys.exit("pip-audit is not installed: run `make audit`, which installs it from requirements/tools.lock")
    known, late = ignored(datetime.now(UTC).date(), IGNORED.read_text("utf-8"))
    rows = locked()
    answers: list[Answers] = []
    for service in SERVICES:
        answers.append(ask(service, answers[-1].unanswered if answers else rows))
        if not answers[-1].unanswered:
            break
    bad, unchecked = verdict(answers, known)
    for line in [*bad, *late]:
        print(line, file=sys.stderr)
    if unchecked:
        print(
            f"!! NOT CHECKED for known vulnerabilities: {len(unchecked)} of {len(rows)} locked packages. "
            f"{'; '.join(f'{service}: {answer.why}' for service, answer in zip(SERVICES, answers, strict=False))}. "
            "Run `make audit` where these can be reached.",
            file=sys.stderr,
        )
    print(f"audit: {len(rows) - len(unchecked)} of {len(rows)} locked packages checked, {len(bad)} advisories")
    return 1 if bad or late else 0


if __name__ == "__main__":
    sys.exit(main())
