"""The source from which CI jobs install this program: `init --ci KIND --install SPEC`.

No package index has the distribution (decision 13), so that a job needs a source that identifies its content: a VCS
URL with a full commit, or the URL of a wheel with its hash.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from reconciler.app.git import answer_of
from reconciler.app.owners import DISTRIBUTION, PACKAGE

EXAMPLES = (
    f"{DISTRIBUTION} @ git+https://HOST/PATH@COMMIT",
    f"https://HOST/{DISTRIBUTION.replace('-', '_')}-VERSION-py3-none-any.whl#sha256=HASH",
)
"""The two accepted forms. COMMIT has 40 hexadecimal digits, HASH 64."""

# The value gets into shell commands and YAML of jobs that hold a password. The characters of these patterns have no
# meaning in either inside quotes, and user information (`user:token@`) cannot match.
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?"
_PATH = r"(?:/[A-Za-z0-9._~+-]+)+"
_WHEEL = rf"https://{_HOST}(?:{_PATH})?/smartermail_reconciler-[A-Za-z0-9._+]+(?:-[A-Za-z0-9._]+){{3}}\.whl"
_NAME = rf"{DISTRIBUTION}(?:\[[a-z]+(?:,[a-z]+)*\])?"
_VCS = re.compile(rf"{_NAME} ?@ ?git\+https://{_HOST}{_PATH}@(?:[0-9a-f]{{40}}|[0-9a-f]{{64}})")
_WHEEL_URL = re.compile(rf"(?:{_NAME} ?@ ?)?{_WHEEL}#sha256=[0-9a-f]{{64}}")
_SCP = re.compile(r"(?:[\w.-]+@)?([A-Za-z0-9.-]+):(?!//)/?(.+)")


class BadSource(ValueError):
    """A text that is not an accepted source. The message is for users."""


@dataclass(frozen=True, slots=True)
class InstallSource:
    """A source of this program.

    Attributes:
        spec: a pip requirement; empty if the source is unknown.
        warnings: reasons why a job might not get the program that is running now.
    """

    spec: str = ""
    warnings: tuple[str, ...] = ()


def checked_spec(text: str) -> str:
    """Return a source given by the user.

    Raises:
        BadSource: it is in neither of the two forms, or names an index, a branch, a tag, or credentials.
    """
    spec = text.strip()
    if _VCS.fullmatch(spec) or _WHEEL_URL.fullmatch(spec):
        return spec
    accepted = f"Accepted are `{EXAMPLES[0]}` with a full commit, and `{EXAMPLES[1]}`."
    if re.search(r"://[^/]*@", spec.replace("git+", "")):
        raise BadSource(f"the URL contains credentials, which would become part of the files. {accepted}")
    if re.fullmatch(r"[\w.-]+(\[.*\])?\s*([=<>~!].*)?", spec) and "/" not in spec:
        raise BadSource(f"{spec!r} names a package of an index, and no index has this program. {accepted}")
    raise BadSource(f"{spec!r} is not a source that identifies its content. {accepted}")


def running_source() -> InstallSource:
    """Return the source of the running program, as far as its installation tells (PEP 610)."""
    recorded = _direct_url()
    if "vcs_info" in recorded:
        made = recorded["vcs_info"]
        if made.get("vcs") != "git" or "subdirectory" in recorded:
            return InstallSource()
        return _pinned(str(recorded.get("url", "")), str(made.get("commit_id", "")))
    if "archive_info" in recorded:
        about = recorded["archive_info"]
        digest = str((about.get("hashes") or {}).get("sha256") or about.get("hash", "").removeprefix("sha256="))
        return _or_unknown(f"{_without_user(str(recorded.get('url', '')))}#sha256={digest}")
    if "dir_info" in recorded:
        return _of_clone(Path(unquote(urlsplit(str(recorded.get("url", ""))).path)))
    return _of_clone(PACKAGE.parent)


def _direct_url() -> Mapping[str, Any]:
    """The origin that the installer recorded; empty if there is none."""
    try:
        found: Distribution = distribution(DISTRIBUTION)
        recorded = json.loads(found.read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return {}
    return recorded if isinstance(recorded, dict) else {}


def _of_clone(folder: Path) -> InstallSource:
    """The remote and the commit of a clone of this project."""
    if not (folder / ".git").exists() or _project_name(folder) != DISTRIBUTION:
        return InstallSource()
    remote, commit = answer_of(folder, "remote", "get-url", "origin"), answer_of(folder, "rev-parse", "HEAD")
    found = _pinned(remote, commit)
    if not found.spec:
        return found
    warnings = list(found.warnings)
    if answer_of(folder, "status", "--porcelain", "--untracked-files=no"):
        warnings.append(f"the clone {folder} has changes that are not committed: the jobs install commit {commit[:12]}")
    if not answer_of(folder, "for-each-ref", "--count=1", "--contains", commit, "refs/remotes/origin"):
        warnings.append(f"commit {commit[:12]} of the clone {folder} is not pushed to origin: the jobs cannot fetch it")
    return InstallSource(found.spec, tuple(warnings))


def _project_name(folder: Path) -> str:
    try:
        table = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
        return str(table["project"]["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _pinned(url: str, commit: str) -> InstallSource:
    """A VCS URL and a commit as a requirement. Remotes that use SSH become HTTPS, because runners have no SSH key."""
    address = _without_user(url)
    warnings: tuple[str, ...] = ()
    scp = _SCP.fullmatch(url)
    if url.startswith("ssh://"):
        parts = urlsplit(url)
        address = f"https://{parts.hostname or ''}{parts.path}"
    elif scp and "://" not in url:
        address = f"https://{scp[1]}/{scp[2]}"
    if address.startswith("https://") and not url.startswith("https://"):
        warnings = (f"the remote {_without_user(url)} uses SSH: the jobs use {address} instead",)
    return _or_unknown(f"{DISTRIBUTION} @ git+{address}@{commit}", *warnings)


def _or_unknown(spec: str, *warnings: str) -> InstallSource:
    try:
        return InstallSource(checked_spec(spec), warnings)
    except BadSource:
        return InstallSource()


def _without_user(url: str) -> str:
    """A URL without user name and password: a token must not get into files."""
    return re.sub(r"^([a-z+]+://)[^/@]*(?:@[^/@]*)*@", r"\1", url)
