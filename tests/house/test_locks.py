"""The lock files satisfy pyproject.toml, hold only pins and hashes, and match the installed packages."""

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
    "fuzz.lock": ("fuzz",),
}
RENEW = "pyproject.toml and the locks differ: run `make lock`"


def test_every_installation_has_its_lock() -> None:
    assert {path.name for path in ALL} == set(WANTED), RENEW


@pytest.mark.parametrize("name", WANTED)
def test_a_lock_satisfies_the_requirements_of_pyproject(name: str) -> None:
    pins = locks.read(ROOT / "requirements" / name)
    asked = locks.asked(WANTED[name])
    for package, requirements in asked.items():
        assert package in pins, f"{name} lacks {package}: {RENEW}"
        for requirement in requirements:
            assert requirement.specifier.contains(pins[package].version), f"{name}: {package}: {RENEW}"
    if name != "lowest.lock":  # lowest.lock also holds the test tools, which are not in these extras
        direct = {pin.name for pin in pins.values() if "pyproject.toml" in pin.via}
        assert direct == set(asked), RENEW


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_a_lock_holds_only_pins_with_hashes(path: Path) -> None:
    pins = locks.read(path)  # raises on every other kind of line
    assert pins
    assert all(pin.hashes for pin in pins.values())
    assert not re.search(r"://|^-|@ ", path.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize(
    "line", ["--index-url https://mirror.example/simple", "idna", "idna>=3", "idna @ file:///x", "-e ."]
)
def test_a_line_that_is_not_a_pin_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "bad.lock").write_text(f"{line}\n")
    with pytest.raises(ValueError, match=re.escape("bad.lock:1: not a pin, a hash or a comment")):
        locks.read(tmp_path / "bad.lock")


def test_all_locks_pin_the_same_version_of_a_package() -> None:
    dev = locks.read(ROOT / "requirements/dev.lock")
    for name in set(WANTED) - {"dev.lock", "lowest.lock", "renew.lock"}:
        for pin in locks.read(ROOT / "requirements" / name).values():
            assert dev.get(pin.name, pin).version == pin.version, f"{name}: {pin.name}: {RENEW}"


def test_the_lowest_lock_pins_the_lower_bounds() -> None:
    pins = locks.read(ROOT / "requirements/lowest.lock")
    for package, requirements in locks.asked(BASE_AND_EXTRAS).items():
        bounds = [Version(s.version) for r in requirements for s in r.specifier if s.operator in {">=", "=="}]
        assert bounds, f"{package}: set a lower bound in pyproject.toml, so that its lowest version can be tested"
        wanted = max(bounds)
        assert Version(pins[package].version) == wanted, (
            f"{package}: this version does not exist, or another package needs a later one"
        )


def test_the_build_requirements_are_locked() -> None:
    made = locks.project()
    assert set(made["build-system"]["requires"]) <= set(made["dependency-groups"]["build"])


def test_the_installed_versions_match_the_lock() -> None:
    """Compare the environment that runs this test. UNLOCKED=1 skips the comparison."""
    if os.environ.get("UNLOCKED"):
        pytest.skip("NOT TESTED: installed without locks")
    pins = locks.read(ROOT / "requirements/dev.lock")
    for name, version in installed(locks.NAME, {"dev", *locks.extras()}).items():
        if name != locks.NAME:
            assert (name, version) == (name, pins[name].version), "run `make test`, which installs the locked versions"


def wheel(folder: Path) -> tuple[Path, str]:
    """Write a wheel of one empty module. Return its path and its SHA-256 in hexadecimal."""
    path = folder / "harmless-1.0-py3-none-any.whl"
    info = "harmless-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("harmless.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: harmless\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "harmless.py,,\n")
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def make(folder: Path, lock: str, *, python: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the first step of our Makefile with this lock. pip may use only the folder as its package index."""
    (folder / "requirements").mkdir(exist_ok=True)
    (folder / "requirements/build.lock").write_text(lock)
    (folder / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    program = folder / "venv/bin/python"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(python or f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_TARGET": str(folder / "target")}
    # `make test` passes its own options down, and pip may be configured by the environment.
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "VENV=venv", "venv/.build"],
        cwd=folder,
        env={**clean, **pip},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_package_with_a_wrong_hash_is_not_installed(tmp_path: Path) -> None:
    _, digest = wheel(tmp_path)
    # Every digit differs, but the length and the alphabet are those of a hash.
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


def test_a_python_outside_the_locks_is_refused_with_a_hint(tmp_path: Path) -> None:
    # Fails the version check of the Makefile, as Python 3.15 does.
    newer = '#!/bin/sh\n[ "$1" = -c ] && exit 1\necho installed > ran\n'
    done = make(tmp_path, "harmless==1.0\n", python=newer)
    assert done.returncode != 0
    assert "Python 3.11 to 3.14" in done.stderr
    assert "UNLOCKED=1" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_our_scripts_install_packages_only_with_hashes() -> None:
    """The exceptions are UNLOCKED=1, which prints a warning, our own new wheel, and `--no-deps` of the work tree."""
    loose = []
    for name in ("Makefile", ".ci/run", "tests/wheel.sh", "requirements/renew.py"):
        for number, line in enumerate((ROOT / name).read_text("utf-8").splitlines(), 1):
            code = line.split("#")[0]
            installs = re.search(r"\$\(PIP\) |pip install|\"\$\{install\[@\]\}\"|pip\", \"install", code)
            if installs and not re.search(r"--require-hashes|--no-deps|'\.\[dev\]'", code):
                loose.append(f"{name}:{number}: {line.strip()}")
    assert not [line for line in loose if "renew.py" not in line]
    # The exception in renew.py is a dry run that checks for wheels. It installs uv itself with a hash.
    assert len(loose) == 1, loose
