"""Write the lock files: `make lock`. Pins that still satisfy pyproject.toml stay.

`make lock UPGRADE=1` takes the newest versions that are at least a week old, because most bad releases are withdrawn
within days. COOLDOWN='0 days' also takes newer ones, for an urgent fix. A package index without publication times needs
the same setting.

This needs the network. It installs uv in a temporary folder, with a check of its hashes.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from locks import HERE, NAME, ROOT, asked, extras, read
from packaging.requirements import Requirement

OLDEST = "3.11"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = ("linux", "aarch64-unknown-linux-gnu", "macos")
SOURCE_ONLY = ("pyspf",)
"""Packages without a wheel. The installer builds them with the locked setuptools."""


NOT_FOR_WHEELS = frozenset(
    {
        "build",
        "import-linter",
        "mypy",
        "pyrage-stubs",
        "pyspf",
        "ruff",
        "types-hvac",
        "types-jsonschema",
        "types-pyyaml",
    }
)
"""Development tools that the tests of a wheel do not need (tests/wheel.sh)."""

YIELDING = frozenset({"check-jsonschema"})
"""Tools whose newest version would raise the lowest version of a dependency. lowest.lock takes their lowest version."""


def main() -> int:
    """Write all locks, then print the platforms for which a lock has a package without a wheel."""
    with tempfile.TemporaryDirectory(prefix="reconciler-lock-") as folder:
        uv = _uv(Path(folder))
        compiled = _Compiler(uv, Path(folder))
        compiled.lock("renew.lock", "--group", "lock")
        compiled.lock("build.lock", "--group", "build")
        shipped = [word for extra in extras() for word in ("--extra", extra)]
        compiled.lock("dev.lock", "--extra", "dev", *shipped)
        compiled.lock("tools.lock", "--group", "tools", "--constraints", "requirements/dev.lock")
        compiled.lock("demo.lock", "--extra", "sandbox", "--constraints", "requirements/dev.lock")
        compiled.lock("fuzz.lock", "--group", "fuzz", "--constraints", "requirements/dev.lock")
        tools = _test_tools(Path(folder))
        # --upgrade resolves from scratch, because a kept pin may be above a bound that was lowered since.
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
        """Compile one lock from pyproject.toml for all platforms."""
        target = HERE / name
        before = target.read_text("utf-8") if target.exists() else ""
        upgrade = ["--upgrade"] if os.environ.get("UPGRADE") and "--upgrade" not in words else []
        command = [self.uv, "--no-config", "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
        command += ["--python-version", OLDEST, "--custom-compile-command", "make lock", *upgrade]
        # The lock holds the dependencies only. The project itself is installed from the work tree.
        command += ["--exclude-newer", os.environ.get("COOLDOWN", "7 days"), "--no-emit-package", NAME]
        # The lock of a group leaves out the dependencies of the project.
        sources = () if "--group" in words else ("pyproject.toml",)
        subprocess.run([*command, *words, *sources, "-o", f"requirements/{name}"], check=True, cwd=ROOT)
        read(target)  # raises if the lock has an address or an option
        after = target.read_text("utf-8")
        print(f"{name}: {len(read(target))} packages, {'unchanged' if before == after else 'written'}")


def _test_tools(folder: Path) -> Path:
    """Write the requirements of the test tools for lowest.lock, pinned as in dev.lock.

    The lowest versions of the tools themselves would fail for reasons that do not matter to users.
    """
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
    """Return 1 if a supported Python and platform cannot install a lock without a compiler."""
    bad = 0
    for name in ("dev.lock", "tools.lock", "lowest.lock"):
        for python in PYTHONS:
            for platform in PLATFORMS:
                # A dry run resolves and checks for wheels, but downloads no package.
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
