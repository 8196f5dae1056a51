"""Detects another distribution that installed files into the package of this program.

On the public index, the name `reconciler` belongs to an unrelated project, which installs a package of the same name.
If both are installed into one environment, the later one overwrites files of the earlier one, and code of the other
project runs with the password of the mail server. Decision 13 describes the problem.
"""

from collections.abc import Iterator
from os import scandir
from pathlib import Path

from reconciler.core.errors import ForeignFiles

DISTRIBUTION = "smartermail-reconciler"
"""The name of our distribution in the metadata of an installation."""
PACKAGE = Path(__file__).parents[1]


def refuse_foreign_files(package: Path = PACKAGE) -> None:
    """Check that no other distribution owns files of a package.

    Raises:
        ForeignFiles: there is one. The message names it.
    """
    for metadata in _others(package):
        # Only now, because the import takes longer than a complete run of `--version`.
        from importlib.metadata import Distribution

        found = Distribution.at(metadata)
        name, version = found.metadata["Name"] or metadata.stem, found.metadata["Version"] or "unknown version"
        raise ForeignFiles(
            f"the distribution {name} {version} installed files into the package `{package.name}` of this program "
            f"({package}), so that code of another project may run",
            hint=f"Uninstall both in this environment (`pip uninstall {name} {DISTRIBUTION}`), then install this "
            "program again. docs/supply-chain.md lists its sources.",
        )


def _others(package: Path) -> Iterator[Path]:
    """Yield the metadata folders of other distributions with files in the package, next to the package."""
    try:
        # Only the folder that holds the package matters: a distribution elsewhere cannot own its files.
        entries = sorted(entry.path for entry in scandir(package.parent) if entry.name.endswith(_ENDINGS))
    except OSError:
        return
    for entry in entries:
        folder = Path(entry)
        # The folder of a wheel is named NAME-VERSION.dist-info, with underscores in NAME.
        name = folder.stem.partition("-")[0].lower().replace(".", "_")
        if name != DISTRIBUTION.replace("-", "_") and _owns(folder, package.name):
            yield folder


_ENDINGS = (".dist-info", ".egg-info")


def _owns(metadata: Path, package: str) -> bool:
    """Whether a distribution lists a file of the package. RECORD is read as bytes, which takes a few milliseconds."""
    record = _read(metadata / "RECORD")
    if record is not None:
        return b"\n" + package.encode() + b"/" in b"\n" + record
    # Distributions of Linux packages and old installations have no RECORD.
    return package.encode() in (_read(metadata / "top_level.txt") or b"").split()


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
