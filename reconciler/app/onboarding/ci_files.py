"""The CI files that `init` writes: their templates, their places in a repository, and the values that are filled in."""

import os
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

from reconciler.config.emit import scalar
from reconciler.core.errors import WouldOverwrite

CI_FILES: Mapping[str, Mapping[str, str]] = {
    "github": {
        "github/reconciler.yml": ".github/workflows/reconciler.yml",
        "github/reconciler-nightly.yml": ".github/workflows/reconciler-nightly.yml",
    },
    "gitlab": {"gitlab/.gitlab-ci.yml": ".gitlab-ci.yml"},
    "pre-commit": {"pre-commit/.pre-commit-config.yaml": ".pre-commit-config.yaml"},
}
"""The values of `--ci` -> the templates in `starter/ci` -> the path of each file in the repository."""

SOURCE_LINE = 'RECONCILER_SOURCE: ""\n'
"""The line of the templates that gets the source of the program. While it is empty, every job fails."""
_URL = re.compile(r"^\s*url\s*=\s*(\S+)", re.MULTILINE)


def top_or_folder(folder: Path) -> Path:
    """The top of the git repository that a folder is in, or will be in once it exists; else the folder itself."""
    here = Path(os.path.realpath(folder))
    return next((place for place in (here, *here.parents) if os.path.lexists(place / ".git")), here)


def ci_files(folder: Path, names: Iterable[str], spec: str = "") -> dict[Path, str]:
    """The files for some values of `--ci`, with the source of the program and the path of the workspace.

    Args:
        folder: the workspace.
        names: keys of `CI_FILES`.
        spec: a pip requirement that `install_source.checked_spec` accepts; empty if the source is unknown.
    """
    top = top_or_folder(folder)
    inside = Path(os.path.relpath(os.path.realpath(folder), top)).as_posix()
    return {
        top / target: _filled((files("reconciler.app") / "starter" / "ci" / template).read_text("utf-8"), inside, spec)
        for name in names
        for template, target in CI_FILES[name].items()
    }


def missing_files(texts: Mapping[Path, str]) -> dict[Path, str]:
    """The files that do not exist yet. A file that exists with the same content is left out.

    Raises:
        WouldOverwrite: a file exists and has other content.
    """
    for path, text in sorted(texts.items()):
        if os.path.lexists(path) and not _has(path, text):
            raise WouldOverwrite(
                f"{path} exists and has other content; nothing was written",
                hint="Move it away and run the command again, then compare the two files.",
            )
    return {path: text for path, text in texts.items() if not os.path.lexists(path)}


def _has(path: Path, text: str) -> bool:
    try:
        return path.is_file() and path.read_text("utf-8") == text
    except (OSError, UnicodeError):
        return False


def usual_ci(folder: Path) -> str:
    """The default of `--ci`: `gitlab` if the URL of a remote of the repository contains that word, else `github`."""
    try:
        text = (top_or_folder(folder) / ".git" / "config").read_text("utf-8", errors="replace")
    except OSError:
        return "github"
    return "gitlab" if any("gitlab" in url for url in _URL.findall(text)) else "github"


def _filled(text: str, workspace: str, spec: str) -> str:
    place = "." if workspace == "." else scalar(workspace)
    for template, filled in (
        ("RECONCILER_WORKSPACE: .\n", f"RECONCILER_WORKSPACE: {place}\n"),
        ("args: [-w, .]\n", f"args: [-w, {place}]\n"),
    ):
        text = text.replace(template, filled)
    if not spec:
        return text
    text = text.replace(SOURCE_LINE, f'RECONCILER_SOURCE: "{spec}"\n')
    # Without a source, the hook of pre-commit has the language `fail`, which prints the entry and fails.
    text = _NO_ENTRY.sub(lambda found: f"{found[1]}entry: reconciler validate\n", text)
    return text.replace(
        "        language: fail\n",
        f'        language: python\n        additional_dependencies: ["{spec}"]\n',
    )


_NO_ENTRY = re.compile(r"^( +)entry: >-\n(?:\1 .*\n)+", re.MULTILINE)
