"""The CI files that `init` writes: which there are, where they belong, and what is filled in."""

import os
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

import reconciler
from reconciler.config.emit import scalar

CI_FILES: Mapping[str, Mapping[str, str]] = {
    "github": {
        "github/reconciler.yml": ".github/workflows/reconciler.yml",
        "github/reconciler-nightly.yml": ".github/workflows/reconciler-nightly.yml",
    },
    "gitlab": {"gitlab/.gitlab-ci.yml": ".gitlab-ci.yml"},
    "pre-commit": {"pre-commit/.pre-commit-config.yaml": ".pre-commit-config.yaml"},
}
"""What can be asked for -> its templates in `starter/ci` -> where each belongs, seen from the top of the repository."""

_URL = re.compile(r"^\s*url\s*=\s*(\S+)", re.MULTILINE)


def top_or_folder(folder: Path) -> Path:
    """The top of the git repository that a folder is in, or will be in once it is made; else the folder itself."""
    here = Path(os.path.realpath(folder))
    return next((place for place in (here, *here.parents) if os.path.lexists(place / ".git")), here)


def ci_files(folder: Path, names: Iterable[str]) -> dict[Path, str]:
    """The files asked for: the templates with this program's version and the workspace's place in its repository."""
    top = top_or_folder(folder)
    inside = Path(os.path.relpath(os.path.realpath(folder), top)).as_posix()
    return {
        top / target: _filled((files("reconciler.app") / "starter" / "ci" / template).read_text("utf-8"), inside)
        for name in names
        for template, target in CI_FILES[name].items()
    }


def usual_ci(folder: Path) -> str:
    """What is meant where nobody says: `gitlab` where the repository's remote is at a GitLab, else `github`."""
    try:
        text = (top_or_folder(folder) / ".git" / "config").read_text("utf-8", errors="replace")
    except OSError:
        return "github"
    return "gitlab" if any("gitlab" in url for url in _URL.findall(text)) else "github"


def _filled(text: str, workspace: str) -> str:
    place = "." if workspace == "." else scalar(workspace)
    for plain, filled in (
        ("pip install reconciler\n", f"pip install reconciler=={reconciler.__version__}\n"),
        ("additional_dependencies: [reconciler]", f"additional_dependencies: [reconciler=={reconciler.__version__}]"),
        ("RECONCILER_WORKSPACE: .\n", f"RECONCILER_WORKSPACE: {place}\n"),
        ("args: [-w, .]\n", f"args: [-w, {place}]\n"),
    ):
        text = text.replace(plain, filled)
    return text
