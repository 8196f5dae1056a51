"""Check the locked packages for known vulnerabilities: `make audit`.

Advisories come from PyPI, and from OSV for packages that PyPI does not answer. Behind a mirror neither service may be
reachable. The audit then prints NOT CHECKED and succeeds: an unreachable service is not a fault of the code. An
advisory fails the audit, unless audit-ignored.toml explains why it does not affect the program, and until when.
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

LOCKS = ("dev.lock", "tools.lock", "build.lock", "renew.lock", "fuzz.lock")
"""The locks from which somebody installs. lowest.lock only tests the version ranges."""

SERVICES = ("pypi", "osv")
PIP_AUDIT = (sys.executable, "-m", "pip_audit")
IGNORED = HERE / "audit-ignored.toml"


@dataclass(frozen=True)
class Answers:
    """The answers of one service, by (package, version)."""

    found: Mapping[tuple[str, str], tuple[str, ...]]
    """The ids of the advisories; an empty tuple for a package without advisories."""
    unanswered: frozenset[tuple[str, str]]
    why: str = ""
    """Why answers are missing: the last line that pip-audit printed."""


def ask(service: str, rows: Iterable[tuple[str, str]]) -> Answers:
    """Ask one service about (package, version) pairs.

    The first request is for one package, so that an unreachable service costs one timeout and not one a package.
    """
    rows = sorted(rows)
    first = _ask(service, rows[:1])
    return replace(first, unanswered=frozenset(rows)) if first.unanswered else _ask(service, rows)


def _ask(service: str, rows: Iterable[tuple[str, str]]) -> Answers:
    lines = "".join(f"{name}=={version}\n" for name, version in rows)
    command = [*PIP_AUDIT, "--vulnerability-service", service, "--format", "json", "--progress-spinner", "off"]
    # The locks are complete, so pip-audit must neither resolve nor install anything.
    command += ["--disable-pip", "--no-deps", "--timeout", "10", "--requirement", "/dev/stdin"]
    try:
        done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return Answers({}, frozenset(rows), "no answer within five minutes")
    # The exit code is 1 both for an advisory and for a failure. Only the output tells them apart.
    try:
        return read(done.stdout, rows)
    except json.JSONDecodeError:
        return Answers({}, frozenset(rows), (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])


def read(text: str, rows: Iterable[tuple[str, str]]) -> Answers:
    """Parse the JSON of pip-audit. A package that it omits or skips counts as unanswered."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    why = ""
    for row in json.loads(text)["dependencies"]:
        if "skip_reason" in row:
            why = row["skip_reason"]
        else:
            found[row["name"], row["version"]] = tuple(sorted(advisory["id"] for advisory in row["vulns"]))
    return Answers(found, frozenset(rows) - found.keys(), why)


def ignored(today: date, text: str) -> tuple[dict[tuple[str, str], str], list[str]]:
    """Parse audit-ignored.toml: explanations by (package, advisory), and messages for the expired ones."""
    rows = tomllib.loads(text).get("ignored", [])
    over = [row for row in rows if row["until"] < today]
    late = [f"{IGNORED.name}: {row['id']} was ignored until {row['until']}: review it again" for row in over]
    return {(row["package"], row["id"]): row["why"] for row in rows}, late


def verdict(answers: Iterable[Answers], known: Mapping[tuple[str, str], str]) -> tuple[list[str], list[str]]:
    """Return the advisories that are not explained, and the packages that no service answered.

    Each service was asked about the packages that the one before it did not answer.
    """
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
    """Return the (package, version) pairs that the locks pin."""
    from locks import read as read_lock

    return {(pin.name, pin.version) for name in names for pin in read_lock(HERE / name).values()}


def main() -> int:
    """Run the audit and print the result. Return 1 for an unexplained advisory or an expired explanation."""
    if importlib.util.find_spec("pip_audit") is None:
        sys.exit("pip-audit is not installed. Run `make audit`, which installs it from requirements/tools.lock.")
    known, late = ignored(datetime.now(UTC).date(), IGNORED.read_text("utf-8"))
    rows = locked()
    answers: list[Answers] = []
    # The next service gets only the packages that remained unanswered.
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
            "Run `make audit` where these services can be reached.",
            file=sys.stderr,
        )
    print(f"audit: {len(rows) - len(unchecked)} of {len(rows)} locked packages checked, {len(bad)} advisories")
    return 1 if bad or late else 0


if __name__ == "__main__":
    sys.exit(main())
