"""Read the lock files and the requirements of pyproject.toml. Uses neither the network nor the environment.

A lock is a requirements file that `make lock` writes. For each package it has a pin, the hashes, the marker of the
platforms that need it, and the packages that require it.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent
ROOT = HERE.parent

NAME = "smartermail-reconciler"
"""The name of the distribution. The command and the import package are named `reconciler`."""
FILE_NAME = NAME.replace("-", "_")
"""The name as the files and folders of a built distribution have it."""
NOT_SHIPPED = frozenset({"dev"})
"""Extras with development tools. Users do not install them."""

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?:\s*;\s*(?P<marker>[^\\]+?))?\s*(?:\\)?$")
_HASH = re.compile(r"^\s+--hash=sha256:([0-9a-f]{64})\s*(?:\\)?$")
_VIA = re.compile(r"^    #(?: via)? +(?P<who>\S.*)$")


@dataclass(frozen=True)
class Pin:
    """One package of a lock."""

    name: str
    version: str
    hashes: tuple[str, ...]
    marker: str | None = None
    via: tuple[str, ...] = ()
    """The packages that require it; `pyproject.toml` for a direct requirement."""


def read(path: Path) -> dict[str, Pin]:
    """Return the pins of a lock by canonical name.

    Raises:
        ValueError: a line is not a pin, a hash or a comment (an address, an option, a package without version), or a
            package occurs twice.
    """
    pins: dict[str, Pin] = {}
    name, version, marker = "", "", None
    hashes: list[str] = []
    via: list[str] = []

    def close() -> None:
        if name:
            if name in pins:
                raise ValueError(f"{path.name}: {name} occurs twice")
            pins[name] = Pin(name, version, tuple(hashes), marker, tuple(via))

    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if found := _PIN.match(line):
            close()
            name, version, marker = canonicalize_name(found["name"]), found["version"], found["marker"]
            hashes, via = [], []
        elif found := _HASH.match(line):
            hashes.append(found[1])
        elif line.strip() == "# via":
            continue
        elif found := _VIA.match(line):
            # uv names pyproject.toml as "smartermail-reconciler (pyproject.toml)".
            ours = found["who"].startswith(f"{NAME} ")
            via.append("pyproject.toml" if ours else canonicalize_name(found["who"]))
        else:
            raise ValueError(f"{path.name}:{number}: not a pin, a hash or a comment: {line!r}")
    close()
    return pins


def project() -> dict[str, object]:
    """Return the content of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def extras(made: Mapping[str, object] | None = None) -> tuple[str, ...]:
    """Return the extras for users."""
    table = (made or project())["project"]
    assert isinstance(table, dict)
    return tuple(sorted(set(table["optional-dependencies"]) - NOT_SHIPPED))


def asked(which: Iterable[str], made: Mapping[str, object] | None = None) -> dict[str, list[Requirement]]:
    """Return the direct requirements of the base install (""), of extras and of groups, by canonical name."""
    made = made or project()
    table, groups = made["project"], made.get("dependency-groups", {})
    assert isinstance(table, dict)
    assert isinstance(groups, dict)
    found: dict[str, list[Requirement]] = {}
    for name in which:
        lines = table["dependencies"] if not name else table["optional-dependencies"].get(name) or groups.get(name, [])
        for requirement in _flat(lines, table["optional-dependencies"]):
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def _flat(lines: Iterable[str], optional: Mapping[str, list[str]]) -> Iterator[Requirement]:
    for line in lines:
        requirement = Requirement(line)
        # An extra may refer to other extras of this project, as `dev` does.
        if canonicalize_name(requirement.name) == NAME:
            for extra in sorted(requirement.extras):
                yield from _flat(optional[extra], optional)
        else:
            yield requirement


def closure(pins: Mapping[str, Pin], roots: Iterable[str]) -> dict[str, Pin]:
    """Return the roots and all their dependencies."""
    found: dict[str, Pin] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = pins[name]
            waiting += [pin.name for pin in pins.values() if name in pin.via]
    return dict(sorted(found.items()))
