"""Writes the lock files anew: `make lock`. What is pinned stays as it is where it still fits pyproject.toml.

`make lock UPGRADE=1` takes the newest of everything that is at least a week old: a bad release is mostly found out and
withdrawn within days. COOLDOWN='0 days' takes newer ones, too, for a fix that cannot wait; it is also what a package
index needs that does not say when a file was published.

Needs the network, and uv, which it installs for itself in a folder of its own, checked by its hashes.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from locks import HERE, ROOT, asked, extras, project, read
from packaging.requirements import Requirement

OLDEST = "3.11"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = ("linux", "aarch64-unknown-linux-gnu", "macos")
SOURCE_ONLY = ("pyspf",)
"""Has no wheel: built here, with the locked setuptools."""


NOT_FOR_WHEELS = frozenset({"build", "import-linter", "mypy", "pyspf", "ruff", "types-jsonschema", "types-pyyaml"})
"""Tools of ours that the tests of a wheel do not need (tests/wheel.sh)."""

YIELDING = frozenset({"check-jsonschema"})
"""Tools that would raise the lowest version of something that we use: of these the lowest one, too."""


def main() -> int:
    """Writes all locks, then says for which machines one of them lacks a wheel."""
    with tempfile.TemporaryDirectory(prefix="reconciler-lock-") as folder:
        uv = _uv(Path(folder))
        compiled = _Compiler(uv, Path(folder))
        compiled.lock("renew.lock", "--group", "lock")
        compiled.lock("build.lock", "--group", "build")
        shipped = [word for extra in extras() for word in ("--extra", extra)]
        compiled.lock("dev.lock", "--extra", "dev", *shipped)
        compiled.lock("tools.lock", "--group", "tools", "--constraints", "requirements/dev.lock")
        compiled.lock("demo.lock", "--extra", "sandbox", "--constraints", "requirements/dev.lock")
        optional = project()["project"]["optional-dependencies"]  # type: ignore[index]
        if "fuzz" in optional:
            compiled.lock("fuzz.lock", "--extra", "fuzz", "--constraints", "requirements/dev.lock")
        tools = _test_tools(Path(folder))
        # From nothing each time: what was lowest once is not to be kept.
        compiled.lock("lowest.lock", *shipped, "--resolution", "lowest-direct", str(tools), "--upgrade")
        return _missing_wheels(uv, Path(folder))


def _uv(folder: Path) -> str:
    venv.create(folder / "venv", with_pip=True)
    python = str(folder / "venv" / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
    subprocess.run([*pip, "-r", str(HERE / "renew.lock")], check=True)
    return str(folder / "venv" / "bin" / "uv")


class _Compiler:
    def __init__(self, uv: str, folder: Path) -> None:
        self.uv = uv
        self.folder = folder

    def lock(self, name: str, *words: str) -> None:
        """Compiles one lock: from pyproject.toml alone, for all platforms."""
        target = HERE / name
        before = target.read_text("utf-8") if target.exists() else ""
        upgrade = ["--upgrade"] if os.environ.get("UPGRADE") and "--upgrade" not in words else []
        command = [self.uv, "--no-config", "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
        command += ["--python-version", OLDEST, "--custom-compile-command", "make lock", *upgrade]
        command += ["--exclude-newer", os.environ.get("COOLDOWN", "7 days"), "--no-emit-package", "reconciler"]
        sources = () if "--group" in words else ("pyproject.toml",)
        subprocess.run([*command, *words, *sources, "-o", f"requirements/{name}"], check=True, cwd=ROOT)
        read(target)  # raises where there is an address or an option in it
        after = target.read_text("utf-8")
        print(f"{name}: {len(read(target))} packages, {'as before' if before == after else 'written'}")


def _test_tools(folder: Path) -> Path:
    """The tools that test the lowest versions: as in dev.lock, so that no old tool is in the way."""
    pins = read(HERE / "dev.lock")
    ours = asked(["", *extras()])
    target = folder / "test-tools.in"
    tools = {name: rows for name, rows in asked(["dev"]).items() if name not in ours and name not in NOT_FOR_WHEELS}
    rows = [
        str(tools[name][0]) if name in YIELDING else f"{name}{_in(tools[name])}=={pins[name].version}"
        for name in sorted(tools)
    ]
    target.write_text("\n".join(rows) + "\n", "utf-8")
    return target


def _in(requirements: list[Requirement]) -> str:
    wanted = sorted({extra for requirement in requirements for extra in requirement.extras})
    return f"[{','.join(wanted)}]" if wanted else ""


def _missing_wheels(uv: str, folder: Path) -> int:
    """Whether each machine that we speak of can install the locks without a compiler."""
    bad = 0
    for name in ("dev.lock", "tools.lock", "lowest.lock"):
        for python in PYTHONS:
            for platform in PLATFORMS:
                command = [uv, "--no-config", "pip", "install", "--quiet", "--dry-run"]
                command += [
                    "--target",
                    str(folder / "nowhere"),
                    "--python-version",
                    python,
                    "--python-platform",
                    platform,
                ]
                command += ["--only-binary", ":all:"]
                command += [word for package in SOURCE_ONLY for word in ("--no-binary", package)]
                command += ["--require-hashes", "-r", str(HERE / name)]
                done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
                if done.returncode:
                    bad += 1
                    why = " ".join(done.stderr.split())
                    print(f"{name}: cannot be installed on {platform} with Python {python}: {why}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
