"""Looks for secrets in the files that git knows, in their history, and in what `make build` made. Asks nobody.

Kingfisher knows what some hundred services' keys look like; secrets-rules.yml adds what this project's own look like.
What looks like a secret and is none stands in secrets-allowed.toml, with the reason: each entry is one value, not a
place, so that nothing else can hide behind it.
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
    """Something that looks like a secret."""

    rule: str
    path: str
    line: int
    value: str

    def __str__(self) -> str:
        """Where it is, and how it begins; never the whole, which would then be in a log, too."""
        return f"{self.path}:{self.line}: {self.rule}: {self.value[:4]}... ({len(self.value)} characters)"


def scan(folders: Sequence[Path], *, history: bool = False) -> list[Finding]:
    """All that looks like a secret in files, in archives, and, where a folder is a repository, in all its commits."""
    program = shutil.which("kingfisher", path=str(Path(sys.executable).parent))
    if program is None:
        sys.exit("kingfisher is not installed: run `make secrets`, which installs it from requirements/tools.lock")
    with tempfile.TemporaryDirectory(prefix="reconciler-secrets-") as folder:
        answer = Path(folder) / "found.json"
        command = [program, "scan", *map(str, folders), "--rules-path", str(HERE / "secrets-rules.yml")]
        command += ["--no-validate", "--no-update-check", "--no-dedup", "--quiet"]
        command += ["--format", "json", "--output", str(answer)]
        command += ["--git-history", "full" if history else "none"]
        cache = {"KF_RULE_CACHE_DIR": str(Path(sys.prefix) / "kingfisher-rules")}
        done = subprocess.run(command, env={**os.environ, **cache}, capture_output=True, text=True)
        if done.returncode not in (0, 200) or not answer.exists():
            sys.exit(f"kingfisher failed with exit code {done.returncode}: {done.stderr.strip()}")
        rows = json.loads(answer.read_text("utf-8"))["findings"]
    places = ((row["rule"]["id"], row["finding"]) for row in rows)
    found = {Finding(rule, place["path"], place["line"], place["snippet"]) for rule, place in places}
    return sorted(found, key=lambda f: (f.path, f.line, f.rule))


def allowed() -> dict[str, str]:
    """The values that are no secrets, and why."""
    rows = tomllib.loads(ALLOWED.read_text("utf-8"))["allowed"]
    table = {row["value"]: row["why"] for row in rows}
    if len(table) != len(rows) or not all(table.values()):
        sys.exit(f"{ALLOWED.name}: each value once, each with a reason")
    return table


def not_allowed(found: Iterable[Finding]) -> list[Finding]:
    """The findings that nobody has looked at and explained."""
    known = allowed()
    return [finding for finding in found if finding.value not in known]


def tracked_copy(target: Path) -> Path:
    """The files that git knows, as they are in the work tree: what is ignored there is nobody's business here."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, done.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(ROOT / name, target / name)
            except OSError:  # another file system, or one without hard links
                shutil.copyfile(ROOT / name, target / name)
    return target


def main(*more: str) -> int:
    """Scans the files and their history, and further files or folders that are named."""
    with tempfile.TemporaryDirectory(prefix="reconciler-secrets-") as folder:
        found = scan([tracked_copy(Path(folder) / "files"), *(Path(name).resolve() for name in more)])
        repository = Path(folder) / "repository.git"
        clone = ["git", "clone", "--quiet", "--bare", "--no-local", "--single-branch", str(ROOT), str(repository)]
        subprocess.run(clone, check=True)
        before = scan([repository], history=True)
    bad = not_allowed([*found, *before])
    unused = set(allowed()) - {finding.value for finding in [*found, *before]}
    for finding in bad:
        print(finding, file=sys.stderr)
    for value in sorted(unused):
        print(f"{ALLOWED.name}: {value!r} is found nowhere: take it out", file=sys.stderr)
    if bad:
        print(
            f"{len(bad)} possible secrets. A real one: change it where it is used, it counts as known to everybody. "
            f"None: add it with the reason to requirements/{ALLOWED.name}.",
            file=sys.stderr,
        )
    print(
        f"secrets: {len(found)} places in the files, {len(before)} in the history look like one; {len(bad)} unexplained"
    )
    return 1 if bad or unused else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
