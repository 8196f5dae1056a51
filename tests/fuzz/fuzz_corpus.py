"""The corpus of each target: one archive of inputs, `tests/fuzz/corpus/TARGET.zip`.

    python tests/fuzz/fuzz_corpus.py list spf                 names and sizes of the inputs
    python tests/fuzz/fuzz_corpus.py unpack spf FOLDER        write the inputs into FOLDER, one file each
    python tests/fuzz/fuzz_corpus.py add spf FILE...          add inputs, named after the files
    python tests/fuzz/fuzz_corpus.py remove spf NAME...       remove inputs

The same inputs always make the same archive, byte for byte, so git shows a change only when an input changed.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
# The earliest date that the zip format can hold: a real date would change the archive with every run.
_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_MODE = 0o100644 << 16


class CorpusError(ValueError):
    """A target or an input is unknown, or an input cannot be added. The message names it."""


def targets() -> list[str]:
    """Names of all targets. The targets themselves need not be imported."""
    return sorted(path.stem for path in CORPUS.glob("*.zip"))


def archive(target: str) -> Path:
    """Path of a target's archive.

    Raises:
        CorpusError: the target has no archive.
    """
    path = CORPUS / f"{target}.zip"
    if not path.is_file():
        raise CorpusError(f"unknown target {target!r}; known targets: {', '.join(targets())}")
    return path


def read(target: str) -> dict[str, bytes]:
    """All inputs of a target, by name, in the order of their names."""
    with zipfile.ZipFile(archive(target)) as opened:
        return {name: opened.read(name) for name in sorted(opened.namelist())}


def write(target: str, inputs: Mapping[str, bytes]) -> None:
    """Replaces all inputs of a target."""
    path = CORPUS / f"{target}.zip"
    unfinished = path.with_suffix(".tmp")
    # Inputs are stored, not compressed: compressors of different versions make different bytes, and git finds the
    # unchanged parts of two versions of the archive.
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as opened:
        for name in sorted(inputs):
            member = zipfile.ZipInfo(name, _DATE)
            member.create_system, member.external_attr = _UNIX, _MODE
            opened.writestr(member, inputs[name])
    unfinished.replace(path)


def unpack(target: str, folder: Path) -> None:
    """Writes the inputs of a target into an existing folder, one file per input."""
    for name, data in read(target).items():
        (folder / name).write_bytes(data)


def add(target: str, files: list[Path]) -> None:
    """Adds the content of files, each under the name of its file.

    Raises:
        CorpusError: an input with this name exists and has other content.
    """
    inputs = read(target)
    for file in files:
        data = file.read_bytes()
        if inputs.setdefault(file.name, data) != data:
            raise CorpusError(f"{target}: {file.name} exists with other content. Rename the file.")
    write(target, inputs)


def remove(target: str, names: list[str]) -> None:
    """Removes inputs by name.

    Raises:
        CorpusError: the corpus has no input with this name.
    """
    inputs = read(target)
    for name in names:
        if name not in inputs:
            raise CorpusError(f"{target}: no input is named {name}.")
        del inputs[name]
    write(target, inputs)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Read and change the corpus of a fuzz target.")
    commands = parser.add_subparsers(dest="command", required=True)
    for command, help_text, rest in (
        ("list", "print the names and sizes of the inputs", None),
        ("unpack", "write the inputs into a folder, one file each", "folder"),
        ("add", "add files as inputs", "files"),
        ("remove", "remove inputs by name", "names"),
    ):
        one = commands.add_parser(command, help=help_text)
        one.add_argument("target")
        if rest == "folder":
            one.add_argument(rest, type=Path)
        elif rest:
            one.add_argument(rest, nargs="+", type=Path if rest == "files" else str)
    given = parser.parse_args()
    try:
        if given.command == "list":
            for name, data in read(given.target).items():
                print(f"{len(data):>6}  {name}")
        elif given.command == "unpack":
            given.folder.mkdir(parents=True, exist_ok=True)
            unpack(given.target, given.folder)
        elif given.command == "add":
            add(given.target, given.files)
        else:
            remove(given.target, given.names)
    except (CorpusError, OSError) as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
