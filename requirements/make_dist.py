"""Build wheel, sdist and bills of materials from the tracked files, and check their contents: `make build`.

The same commit gives the same bytes at any place and time: names, times and modes come from git. The build downloads
nothing: it uses the hatchling that is installed from requirements/build.lock.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Set as AbstractSet
from pathlib import Path

import sbom
from locks import FILE_NAME, ROOT, project

SOURCES = ("reconciler", "schemas", "examples", "tests", "benchmarks", "docs", "requirements")
"""The folders of the sdist."""


def tracked() -> list[str]:
    """Return the names of the tracked files that exist in the work tree."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(name for name in done.stdout.split("\0") if name and (ROOT / name).is_file())


def commit_time() -> int:
    """Return SOURCE_DATE_EPOCH, or the time of the checked-out commit, in seconds since 1970."""
    if fixed := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(fixed)
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout)


def build(target: Path, made_at: int) -> list[Path]:
    """Build into a folder, check the contents, and return the files. Exits with the faults if a check fails."""
    target.mkdir(parents=True, exist_ok=True)
    known = tracked()
    with tempfile.TemporaryDirectory(prefix="reconciler-build-") as folder:
        # Building from a copy of the tracked files keeps stray files of the work tree out of the results.
        copy = Path(folder) / "source"
        for name in known:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
            # The mode depends on the umask of the machine, so only the executable bit is kept.
            (copy / name).chmod(0o755 if os.access(ROOT / name, os.X_OK) else 0o644)
        # Before the build, because the build hook puts the document into the wheel.
        sbom.main(str(copy / "sbom"), str(made_at))
        _run_build(copy, Path(folder) / "made", made_at)
        version = project()["project"]["version"]  # type: ignore[index]
        for path in (copy / "sbom").iterdir():
            shutil.copyfile(path, Path(folder) / "made" / path.name.replace("reconciler", f"{FILE_NAME}-{version}", 1))
        made = sorted((Path(folder) / "made").iterdir())
        faults = [fault for path in made for fault in check(path, set(known))]
        if faults:
            sys.exit("\n".join(faults))
        return [Path(shutil.copy(path, target / path.name)) for path in made]


def _run_build(source: Path, target: Path, made_at: int) -> None:
    # An isolated build would download hatchling without checking a hash.
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), str(source)],
        env={**os.environ, "SOURCE_DATE_EPOCH": str(made_at), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=source.parent,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


def check(path: Path, known: AbstractSet[str]) -> list[str]:
    """Return the unexpected and the missing files of a wheel or sdist."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return _compared(path.name, set(archive.namelist()), in_wheel(known))
    if path.name.endswith(".tar.gz"):
        with tarfile.open(path) as archive:
            odd = [member.name for member in archive if not member.isfile()]
            names = {member.name.partition("/")[2] for member in archive if member.isfile()}
        irregular = [f"{path.name}: {name} is not a regular file" for name in odd]
        return irregular + _compared(path.name, names, in_sdist(known))
    return []


def in_wheel(known: AbstractSet[str]) -> set[str]:
    """Return the exact names in a wheel: the package, schemas, examples, man page and metadata."""
    version = project()["project"]["version"]  # type: ignore[index]
    metadata = ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE", "sboms/reconciler.cdx.json")
    names = {f"{FILE_NAME}-{version}.dist-info/{name}" for name in metadata}
    names |= {name for name in known if name.startswith("reconciler/")}
    names.add(f"{FILE_NAME}-{version}.data/data/share/man/man1/reconciler.1")
    return names | {f"reconciler/_data/{name}" for name in known if name.startswith(("schemas/", "examples/"))}


def in_sdist(known: AbstractSet[str]) -> set[str]:
    """Return the exact names in an sdist: all files for tests and docs, without the files for our repository only."""
    top = {name for name in known if "/" not in name and (name.endswith(".md") or name in {"LICENSE", "Makefile"})}
    below = {name for name in known if name.startswith(tuple(f"{folder}/" for folder in SOURCES))}
    return top | below | {"PKG-INFO", "pyproject.toml", ".gitignore"} | {f"sbom/{n}" for n in sbom.documents(0)}


def _compared(where: str, found: AbstractSet[str], wanted: AbstractSet[str]) -> list[str]:
    more = [f"{where}: unexpected file {name}" for name in sorted(found - wanted)]
    return more + [f"{where}: missing file {name}" for name in sorted(wanted - found)]


def main(target: str) -> int:
    """Build into a folder and print the paths."""
    for path in build(Path(target), commit_time()):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
