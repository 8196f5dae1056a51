"""A secret from a file that SOPS has encrypted, by the program `sops`: no shell, a time limit, its words never shown.

There is no library for it that is kept (docs/decisions/0011). The program takes its keys from where it always does: age
and PGP keys, the clouds' key services, Vault.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.config.links import resolved
from reconciler.config.secrets.command import TIMEOUT, run_program
from reconciler.config.secrets.text import one_line
from reconciler.core.errors import SecretUnavailable
from reconciler.core.source import Span

_WHY: Mapping[int, tuple[str, str]] = {
    1: ("it has no such key, or is not encrypted with sops", "`sops FILE` shows what is in it, to you alone"),
    2: ("it has no such key", "`sops FILE` shows what is in it, to you alone"),
    25: ("a value in it was changed since it was encrypted", "take it from git again, and see who changed it"),
    51: ("it was changed since it was encrypted", "take it from git again, and see who changed it"),
    52: ("it was changed since it was encrypted", "take it from git again, and see who changed it"),
    100: ("it cannot be read", ""),
    128: ("no key to decrypt it with was found here", "`sops decrypt FILE` says which keys it was encrypted for"),
}
"""The program's exit statuses, of those that its source names."""


class SopsOutside(SecretUnavailable):
    """A file with secrets is named that is not in the workspace, so that nobody reviews it."""


def sops_file(name: str, base: Path, *, span: Span | None = None) -> Path:
    """The encrypted file, links followed.

    Raises:
        SopsOutside: it is outside the workspace.
        SecretUnavailable: it is no file.
    """
    root = base.resolve()
    try:
        path = resolved(root / name)
        inside, there = path.is_relative_to(root), path.is_file()
    except (OSError, ValueError):  # a loop of links, a name too long
        inside, there = True, False
        path = root / name
    if not inside:
        text = f"the sops file {name} is not in the workspace"
        raise SopsOutside(text, hint="keep it beside the files that refer to it, under review like these", span=span)
    if not there:
        raise SecretUnavailable(f"the sops file {name} is not there", span=span)
    return path


def read_sops(name: str, keys: Sequence[str], base: Path, *, span: Span | None = None, timeout: float = TIMEOUT) -> str:
    """The value under a key of an encrypted file.

    Raises:
        SecretUnavailable: `sops` is missing or fails, or there is no single line of text. Nothing of its output, nor of
            what it complains, is in the message: both may hold what it has decrypted.
    """
    path = sops_file(name, base, span=span)
    program = shutil.which("sops")
    if program is None:
        text = f"the program `sops` is not installed, and {name} is encrypted with it"
        raise SecretUnavailable(text, hint="install it (https://getsops.io), version 3.7 or newer", span=span)
    place = "".join(f'["{key}"]' for key in keys)
    # As JSON a mapping has several lines, and cannot pass for a value; a text is written as it is.
    argv = [program, "--decrypt", "--output-type", "json", "--extract", place, str(path)]
    status, output, _ = run_program(argv, base, name="`sops`", span=span, timeout=timeout)
    what = f"{'.'.join(keys)} in the sops file {name}"
    if status != 0:
        reason, hint = _WHY.get(status, (f"`sops` ended with status {status}", "try `sops decrypt FILE` yourself"))
        raise SecretUnavailable(f"{what}: {reason}", hint=hint.replace("FILE", name), span=span)
    value = one_line(output)
    if value is None or value == "null":
        raise SecretUnavailable(f"{what} must be one line of text, and not an empty one", span=span)
    return value
