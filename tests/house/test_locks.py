"""The lock files fit pyproject.toml, hold nothing but pins and hashes, and are what is installed."""

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import locks
import pytest
from environment import installed
from packaging.version import Version

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.source

ALL = tuple(sorted((ROOT / "requirements").glob("*.lock")))
BASE_AND_EXTRAS = ("", *locks.extras())
WANTED = {
    "build.lock": ("build",),
    "dev.lock": ("", "dev", *locks.extras()),
    "demo.lock": ("", "sandbox"),
    "tools.lock": ("tools",),
    "lowest.lock": BASE_AND_EXTRAS,
    "renew.lock": ("lock",),
    **({"fuzz.lock": ("fuzz",)} if "fuzz" in locks.project()["project"]["optional-dependencies"] else {}),
}
RENEW = "pyproject.toml and the locks do not fit: run `make lock`"


def test_there_is_a_lock_for_everything_that_is_installed() -> None:
    assert {path.name for path in ALL} == set(WANTED), RENEW


@pytest.mark.parametrize("name", WANTED)
def test_a_lock_has_what_pyproject_asks_for_and_within_its_ranges(name: str) -> None:
    pins = locks.read(ROOT / "requirements" / name)
    asked = locks.asked(WANTED[name])
    for package, requirements in asked.items():
        assert package in pins, f"{name} lacks {package}: {RENEW}"
        for requirement in requirements:
            assert requirement.specifier.contains(pins[package].version), f"{name}: {package}: {RENEW}"
    if name != "lowest.lock":  # which has tools besides
        direct = {pin.name for pin in pins.values() if "pyproject.toml" in pin.via}
        assert direct == set(asked), RENEW


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_a_lock_is_pins_with_hashes_and_names_no_address_and_no_option(path: Path) -> None:
    pins = locks.read(path)  # refuses any other line
    assert pins
    assert all(pin.hashes for pin in pins.values())
    assert not re.search(r"://|^-|@ ", path.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize(
    "line", ["--index-url https://mirror.example/simple", "idna", "idna>=3", "idna @ file:///x", "-e ."]
)
def test_a_line_that_is_no_pin_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "bad.lock").write_text(f"{line}\n")
    with pytest.raises(ValueError, match=re.escape("bad.lock:1: no line of a lock")):
        locks.read(tmp_path / "bad.lock")


def test_the_locks_agree_on_what_two_of_them_have() -> None:
    dev = locks.read(ROOT / "requirements/dev.lock")
    for name in set(WANTED) - {"dev.lock", "lowest.lock", "renew.lock"}:
        for pin in locks.read(ROOT / "requirements" / name).values():
            assert dev.get(pin.name, pin).version == pin.version, f"{name}: {pin.name}: {RENEW}"


def test_the_lowest_versions_are_the_lower_ends_of_the_ranges() -> None:
    pins = locks.read(ROOT / "requirements/lowest.lock")
    for package, requirements in locks.asked(BASE_AND_EXTRAS).items():
        bounds = [Version(s.version) for r in requirements for s in r.specifier if s.operator in {">=", "=="}]
        assert bounds, f"{package} has no lower bound, so that nobody can say what is tested"
        wanted = max(bounds)
        assert Version(pins[package].version) == wanted, (
            f"{package}: no such version, or another package needs a later one"
        )


def test_what_builds_the_project_is_what_the_lock_has() -> None:
    made = locks.project()
    assert set(made["build-system"]["requires"]) <= set(made["dependency-groups"]["build"])


def test_what_is_installed_is_what_is_locked() -> None:
    """Looks at this very environment. One that was installed without locks does not agree, and may say so."""
    if os.environ.get("UNLOCKED"):
        pytest.skip("NOT TESTED: installed without locks")
    pins = locks.read(ROOT / "requirements/dev.lock")
    for name, version in installed("reconciler", {"dev", *locks.extras()}).items():
        if name != "reconciler":
            assert (name, version) == (name, pins[name].version), "run `make test`, which installs what is locked"


def wheel(folder: Path) -> tuple[Path, str]:
    """A package of one module, as a wheel, and its hash."""
    path = folder / "harmless-1.0-py3-none-any.whl"
    info = "harmless-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("harmless.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: harmless\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "harmless.py,,\n")
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def make(folder: Path, lock: str, *, python: str | None = None) -> subprocess.CompletedProcess[str]:
    """Our Makefile's first step, where there is this lock, and one package index: a folder."""
    (folder / "requirements").mkdir(exist_ok=True)
    (folder / "requirements/build.lock").write_text(lock)
    (folder / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    program = folder / "venv/bin/python"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(python or f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_TARGET": str(folder / "target")}
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "VENV=venv", "venv/.build"],
        cwd=folder,
        env={**clean, **pip},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_package_with_another_hash_than_the_locks_is_not_installed(tmp_path: Path) -> None:
    _, digest = wheel(tmp_path)
    wrong = digest.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
    done = make(tmp_path, f"harmless==1.0 --hash=sha256:{wrong}\n")
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (tmp_path / "target").exists()
    assert not (tmp_path / "venv/.build").exists()
    done = make(tmp_path, "harmless==1.0\n")
    assert (done.returncode != 0, "Hashes are required" in done.stderr) == (True, True)
    assert not (tmp_path / "target").exists()
    done = make(tmp_path, f"harmless==1.0 --hash=sha256:{digest}\n")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "target/harmless.py").exists()


def test_a_python_that_the_locks_do_not_cover_is_refused_and_the_ways_out_are_said(tmp_path: Path) -> None:
    newer = '#!/bin/sh\n[ "$1" = -c ] && exit 1\necho installed > ran\n'  # what Python 3.15 would answer
    done = make(tmp_path, "harmless==1.0\n", python=newer)
    assert done.returncode != 0
    assert "Python 3.11 to 3.14" in done.stderr
    assert "UNLOCKED=1" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_nothing_of_ours_installs_a_package_without_its_hash() -> None:
    """But for UNLOCKED=1, which says so; our own wheel, which was just made; and `--no-deps` of the work tree."""
    loose = []
    for name in ("Makefile", ".ci/run", "tests/wheel.sh", "requirements/renew.py"):
        for number, line in enumerate((ROOT / name).read_text("utf-8").splitlines(), 1):
            code = line.split("#")[0]
            installs = re.search(r"\$\(PIP\) |pip install|\"\$\{install\[@\]\}\"|pip\", \"install", code)
            if installs and not re.search(r"--require-hashes|--no-deps|'\.\[dev\]'", code):
                loose.append(f"{name}:{number}: {line.strip()}")
    assert not [line for line in loose if "renew.py" not in line]
    # What renew.py installs without is a dry run that looks whether there are wheels; uv itself comes by its hash.
    assert len(loose) == 1, loose
