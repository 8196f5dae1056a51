"""What the lock files say, and what pyproject.toml asks for. Reads files only: no network, no environment.

A lock is a requirements file as `make lock` writes it: a pin a package, with its hashes, the marker that says where it
is wanted, and who wants it.
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

NOT_SHIPPED = frozenset({"dev", "fuzz"})
"""Extras that are tools of ours, and no part of what a user runs."""

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
    """The packages that ask for it; `pyproject.toml` where we do."""


def read(path: Path) -> dict[str, Pin]:
    """The pins of a lock by canonical name.

    Raises:
        ValueError: a line is none that a lock may have (an address, an option, a package without version), or a
            package stands there twice.
    """
    pins: dict[str, Pin] = {}
    name, version, marker = "", "", None
    hashes: list[str] = []
    via: list[str] = []

    def close() -> None:
        if name:
            if name in pins:
                raise ValueError(f"{path.name}: {name} stands there twice")
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
            ours = found["who"].startswith("reconciler ")
            via.append("pyproject.toml" if ours else canonicalize_name(found["who"]))
        else:
            raise ValueError(f"{path.name}:{number}: no line of a lock: {line!r}")
    close()
    return pins


def project() -> dict[str, object]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def extras(made: Mapping[str, object] | None = None) -> tuple[str, ...]:
    """The extras that are shipped."""
    table = (made or project())["project"]
    assert isinstance(table, dict)
    return tuple(sorted(set(table["optional-dependencies"]) - NOT_SHIPPED))


def asked(which: Iterable[str], made: Mapping[str, object] | None = None) -> dict[str, list[Requirement]]:
    """The requirements that pyproject.toml states itself, by canonical name: of the base (""), of extras, of groups."""
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
        if requirement.name == "reconciler":
            for extra in sorted(requirement.extras):
                yield from _flat(optional[extra], optional)
        else:
            yield requirement


def closure(pins: Mapping[str, Pin], roots: Iterable[str]) -> dict[str, Pin]:
    """What the roots bring with them, themselves included."""
    found: dict[str, Pin] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = pins[name]
            waiting += [pin.name for pin in pins.values() if name in pin.via]
    return dict(sorted(found.items()))
