"""Scan the tracked files, their history and the results of `make build` for secrets, without any network access.

Kingfisher brings rules for the keys of some hundred services. secrets-rules.yml adds rules for the secrets of this
project. secrets-allowed.toml lists false alarms with a reason. Each entry is a value and not a place, so that a real
secret in the same place is still found.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from locks import HERE, ROOT

ALLOWED = HERE / "secrets-allowed.toml"


@dataclass(frozen=True)
class Finding:
    """A possible secret."""

    rule: str
    path: str
    line: int
    value: str

    def __str__(self) -> str:
        """Show the place and the first four characters. The complete value would leak into the log."""
        return f"{self.path}:{self.line}: {self.rule}: {self.value[:4]}... ({len(self.value)} characters)"


def scan(folders: Sequence[Path], *, history: bool = False) -> list[Finding]:
    """Return the possible secrets in files and archives, and with `history` in all commits of repositories."""
    program = shutil.which("kingfisher", path=str(Path(sys.executable).parent))
    if program is None:
        sys.exit("kingfisher is not installed. Run `make secrets`, which installs it from requirements/tools.lock.")
    with tempfile.TemporaryDirectory(prefix="reconciler-secrets-") as folder:
        answer = Path(folder) / "found.json"
        command = [program, "scan", *map(str, folders), "--rules-path", str(HERE / "secrets-rules.yml")]
        # --no-validate: the scanner would otherwise send a found credential to the service that it may belong to.
        command += ["--no-validate", "--no-update-check", "--no-dedup", "--quiet"]
        command += ["--format", "json", "--output", str(answer)]
        command += ["--git-history", "full" if history else "none"]
        # Keep the cache of compiled rules inside the virtual environment.
        cache = {"KF_RULE_CACHE_DIR": str(Path(sys.prefix) / "kingfisher-rules")}
        done = subprocess.run(command, env={**os.environ, **cache}, capture_output=True, text=True)
        # Kingfisher ends with 200 if it found something.
        if done.returncode not in (0, 200) or not answer.exists():
            sys.exit(f"kingfisher failed with exit code {done.returncode}: {done.stderr.strip()}")
        rows = json.loads(answer.read_text("utf-8"))["findings"]
    places = ((row["rule"]["id"], row["finding"]) for row in rows)
    found = {Finding(rule, place["path"], place["line"], place["snippet"]) for rule, place in places}
    return sorted(found, key=lambda f: (f.path, f.line, f.rule))


def allowed() -> dict[str, str]:
    """Return the false alarms: value -> reason."""
    rows = tomllib.loads(ALLOWED.read_text("utf-8"))["allowed"]
    table = {row["value"]: row["why"] for row in rows}
    if len(table) != len(rows) or not all(table.values()):
        sys.exit(f"{ALLOWED.name}: list each value once, and give each a reason")
    return table


def not_allowed(found: Iterable[Finding]) -> list[Finding]:
    """Return the findings without an explanation."""
    known = allowed()
    return [finding for finding in found if finding.value not in known]


def tracked_copy(target: Path) -> Path:
    """Copy the tracked files of the work tree to a folder, so that the scan skips ignored files."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, done.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(ROOT / name, target / name)
            except OSError:  # the target is on another file system, or the file system has no hard links
                shutil.copyfile(ROOT / name, target / name)
    return target


def main(*more: str) -> int:
    """Scan the tracked files, their history, and further files or folders.

    Return 1 for an unexplained finding, or for an explanation without a finding.
    """
    with tempfile.TemporaryDirectory(prefix="reconciler-secrets-") as folder:
        found = scan([tracked_copy(Path(folder) / "files"), *(Path(name).resolve() for name in more)])
        # A bare clone holds only the commits of this branch, and no other objects of the developer's repository.
        repository = Path(folder) / "repository.git"
        clone = ["git", "clone", "--quiet", "--bare", "--no-local", "--single-branch", str(ROOT), str(repository)]
        subprocess.run(clone, check=True)
        before = scan([repository], history=True)
    bad = not_allowed([*found, *before])
    # An outdated entry could hide a new secret with the same value.
    unused = set(allowed()) - {finding.value for finding in [*found, *before]}
    for finding in bad:
        print(finding, file=sys.stderr)
    for value in sorted(unused):
        print(f"{ALLOWED.name}: {value!r} is not found any more: remove the entry", file=sys.stderr)
    if bad:
        print(
            f"{len(bad)} possible secrets. Change a real secret where it is used: it counts as published. "
            f"Add a false alarm with its reason to requirements/{ALLOWED.name}.",
            file=sys.stderr,
        )
    print(f"secrets: {len(found)} possible secrets in the files, {len(before)} in the history; {len(bad)} unexplained")
    return 1 if bad or unused else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
