"""Reads a secret from a file encrypted by SOPS, with the program `sops`: no shell, a time limit, no output shown.

No maintained library exists for it (docs/decisions/0011). The program finds its keys as usual: age and PGP keys, key
services of cloud providers, Vault.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.config.links import resolved
from reconciler.config.secrets.command import TIMEOUT, run_program
from reconciler.config.secrets.text import one_line
from reconciler.core.errors import SecretUnavailable
from reconciler.core.source import Span

_WHY: Mapping[int, tuple[str, str]] = {
    1: ("the file has no such key, or is not encrypted with sops", "run `sops FILE` to see its keys"),
    2: ("the file has no such key", "run `sops FILE` to see its keys"),
    25: ("a value in the file was changed after encryption", "restore the file from git, and find out who changed it"),
    51: ("the file was changed after encryption", "restore the file from git, and find out who changed it"),
    52: ("the file was changed after encryption", "restore the file from git, and find out who changed it"),
    100: ("the file cannot be read", ""),
    128: ("no key that can decrypt the file was found", "run `sops decrypt FILE` to see the keys that can decrypt it"),
}
"""Exit statuses of the program (from its source code) -> reason and hint."""


class SopsOutside(SecretUnavailable):
    """The file is outside the workspace, so no reviewer sees its changes."""


def sops_file(name: str, base: Path, *, span: Span | None = None) -> Path:
    """The encrypted file, links followed.

    Raises:
        SopsOutside: the file is outside the workspace.
        SecretUnavailable: the file is missing, or not a regular file.
    """
    root = base.resolve()
    path = resolved(root / name)
    if path is not None and not path.is_relative_to(root):
        text = f"the sops file {name} is outside the workspace"
        raise SopsOutside(text, hint="move it into the workspace, so that its changes are reviewed", span=span)
    # `Path.is_file` raises for a name that is too long, on some versions; this never does.
    if path is None or not os.path.isfile(path):  # noqa: PTH113
        raise SecretUnavailable(f"the sops file {name} does not exist", span=span)
    return path


def read_sops(name: str, keys: Sequence[str], base: Path, *, span: Span | None = None, timeout: float = TIMEOUT) -> str:
    """The value under a key of an encrypted file.

    Raises:
        SecretUnavailable: `sops` is missing or fails, or the value is not a single line of text. The message contains
            neither its output nor its errors: both may contain decrypted values.
    """
    path = sops_file(name, base, span=span)
    program = shutil.which("sops")
    if program is None:
        text = f"{name} is encrypted with the program `sops`, which is not installed"
        raise SecretUnavailable(text, hint="install sops 3.7 or newer (https://getsops.io)", span=span)
    # The schema excludes brackets, so a key cannot end its own step of the path.
    place = "".join(f'["{key}"]' for key in keys)
    # As JSON a mapping takes several lines, so it is not mistaken for a value. A text is printed unchanged.
    argv = [program, "--decrypt", "--output-type", "json", "--extract", place, str(path)]
    status, output, _ = run_program(argv, base, name="`sops`", span=span, timeout=timeout)
    value_name = f"{'.'.join(keys)} in the sops file {name}"
    if status != 0:
        reason, hint = _WHY.get(
            status, (f"`sops` ended with status {status}", "run `sops decrypt FILE` to see its message")
        )
        raise SecretUnavailable(f"{value_name}: {reason}", hint=hint.replace("FILE", name), span=span)
    value = one_line(output)
    if value is None or value == "null":
        raise SecretUnavailable(f"{value_name} must be one non-empty line of text", span=span)
    return value
