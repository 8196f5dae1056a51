"""The workspace's git repository: its current commit, and its files at another commit. Nothing is checked out."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from shlex import quote
from tempfile import TemporaryDirectory, TemporaryFile
from time import monotonic
from typing import IO

from reconciler.config.workspace import Configuration
from reconciler.config.workspace_files import WORKSPACE_FILE
from reconciler.core.errors import NoWorkspace, ReconcilerError, UnusableCommit
from reconciler.core.model import Unset
from reconciler.core.source import Span

SECONDS = 60
"""Limit of one call of git, in seconds. An archive of YAML files takes a fraction of a second."""
MAX_OUTPUT = 1 << 30
"""Limit of the output of one call, in bytes: a small repository can describe an endless tree."""
_LOOK = 0.2
"""Seconds between two checks of the output's size."""

_ENDINGS = (".yaml", ".yml")
_OURS = ("reconciler.yaml", "products", "domains")
_LINK = b"120000"
_KEPT = ("GIT_CONFIG_", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM")
"""The GIT_ variables that git keeps: the place of its configuration and the boundaries of repositories.

All others are removed: a hook that runs this program sets GIT_DIR and GIT_INDEX_FILE to its own commit.
"""
_FIXED = {
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
    "LC_ALL": "C",
}
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.askPass=",
    "credential.interactive=false",
    "protocol.ext.allow=never",
    "safe.bareRepository=explicit",
)
"""Settings with which the configuration of an untrusted repository cannot make git run a program.

GIT_NO_LAZY_FETCH forbids fetches for the same reason: the repository's configuration names the fetch command.
"""
_FILTERS = {"smudge": "", "process": "", "required": "false"}
"""Git has no setting that turns all filters off, so each one is turned off by name. Files stay as committed."""


def commit_of(root: Path) -> str | None:
    """The commit that is checked out in a folder; None outside git or without git."""
    return answer_of(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}") or None


def answer_of(folder: Path, *words: str) -> str:
    """The first line that a git command prints in a folder; empty if it prints nothing or fails.

    The words must not come from users: a word such as `--output=FILE` would be an option of git.
    """
    try:
        return _line(_git(folder, *words))
    except ReconcilerError:
        return ""


@contextmanager
def files_at(root: Path, ref: str) -> Iterator[Path]:
    """A temporary folder with the workspace's files at a commit, readable by this user only.

    The workspace may be a folder inside its repository. The result has `reconciler.yaml`, `products/` and `domains/`,
    if the commit has them; other files may be missing.

    Args:
        root: the workspace's folder, inside a repository.
        ref: a branch, tag or commit. Never fetched: it has to be here already.

    Raises:
        UnusableCommit: git is missing or fails, there is no repository, or no such commit in it.
        NoWorkspace: the commit has no workspace in this folder, or its files cannot be used.
    """
    commit = _commit(root, ref)
    prefix = _first_line(_git(root, "rev-parse", "--show-prefix")).removesuffix("/")
    modes = _listed(root, commit, prefix)
    if "reconciler.yaml" not in modes:
        where = f"in {prefix}/ " if prefix else ""
        raise NoWorkspace(
            f"--base: no workspace {where}at {ref}: reconciler.yaml is missing",
            hint="leave out --base for a new workspace: all of it belongs to this change set",
        )
    with TemporaryDirectory(prefix="reconciler-base-") as folder:
        target = Path(folder) / "files"
        target.mkdir(mode=0o700)
        _extract(root, ref, f"{commit}:{prefix}", target, _wanted(modes))
        _refuse_missing(modes, target, ref)
        yield target


def _commit(root: Path, ref: str) -> str:
    """The commit that a name refers to."""
    # Git would read a name that begins with `-` as an option.
    if not ref or ref.startswith("-") or "\0" in ref:
        raise UnusableCommit(f"--base: {ref!r} is not a commit", hint="name a branch, a tag or a commit, such as main")
    _refuse_no_repository(root)
    # `^{commit}` resolves annotated tags, and rejects trees and blobs.
    commit = _line(_git(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}"))
    if commit:
        return commit
    if _line(_git(root, "rev-parse", "--is-shallow-repository")) == "true":
        hint = "fetch the history of this shallow clone (actions/checkout: `fetch-depth: 0`; GitLab: `GIT_DEPTH: 0`)"
    # A CI checkout often has only remote branches, so a missing `origin/` is the most common mistake.
    elif _line(_git(root, "rev-parse", "--verify", "--quiet", f"origin/{ref}^{{commit}}")):
        hint = f"did you mean origin/{ref}?"
    else:
        hint = "name a branch, a tag or a commit of this clone, or fetch it first (`fetch-depth: 0` in CI)"
    raise UnusableCommit(f"--base: this clone has no commit {ref}", hint=hint)


def _refuse_no_repository(root: Path) -> None:
    done = _git(root, "rev-parse", "--is-inside-work-tree")
    if _line(done) == "true":
        return
    words = _words(done)
    # Git refuses a checkout of another user, which is common in containers.
    if "dubious ownership" in words:
        hint = f"if you trust the folder's owner: git config --global --add safe.directory {quote(str(root))}"
    else:
        hint = "leave out --base: it compares with a commit of the workspace's git repository"
    raise UnusableCommit(f"--base: {root} is not in a usable git repository: {words}", hint=hint)


def _listed(root: Path, commit: str, prefix: str) -> Mapping[str, bytes]:
    """Path in the workspace's folder -> mode, for each file at a commit; empty if the folder does not exist there."""
    # With -z git does not quote unusual names.
    done = _git(root, "ls-tree", "-r", "-z", "--full-tree", f"{commit}:{prefix}")
    if done.returncode:
        return {}
    rows = (row.split(b"\t", 1) for row in done.stdout.split(b"\0") if row)
    return {os.fsdecode(name): about.split(b" ", 1)[0] for about, name in rows}


def _is_ours(name: str) -> bool:
    return PurePosixPath(name).parts[0] in _OURS


def _wanted(modes: Mapping[str, bytes]) -> list[str]:
    """The paths to archive: those of the workspace; all paths if one is a link, which can lead to any other."""
    ours = {name: mode for name, mode in modes.items() if _is_ours(name)}
    # A link can point at any file of the repository, so that file must be in the archive too.
    if _LINK in ours.values():
        return []
    return sorted({PurePosixPath(name).parts[0] for name in ours})


def _extract(root: Path, ref: str, tree: str, target: Path, paths: Sequence[str]) -> None:
    import tarfile

    # Without this filter an archive could write outside the folder.
    if not hasattr(tarfile, "data_filter"):
        raise UnusableCommit("--base: this Python cannot unpack an archive safely", hint="use Python 3.11.4 or later")

    def ours_only(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
        # Files of another commit need no other mode: nothing executes them, and nobody else reads them.
        safe = tarfile.data_filter(member, folder)
        return safe.replace(mode=0o600, deep=False) if safe.isreg() else safe

    with TemporaryFile() as archive:
        # In a subfolder, `git archive` would look for that subfolder inside the tree.
        top = Path(_first_line(_git(root, "rev-parse", "--show-toplevel")))
        done = _git(top, "archive", "--format=tar", tree, *paths, into=archive, settings=_without_filters(top))
        if done.returncode:
            # Only a partial clone has a promisor remote.
            partial = _line(_git(top, "config", "--get-regexp", r"^remote\..*\.promisor$"))
            hint = "clone again without --filter: this clone lacks files of that commit"
            raise UnusableCommit(
                f"--base: git cannot give the files at {ref}: {_words(done)}", hint=hint if partial else ""
            )
        archive.seek(0)
        try:
            with tarfile.open(fileobj=archive, mode="r:") as tar:
                tar.extractall(target, filter=ours_only)  # noqa: S202 - the filter is Python's own for data
        except tarfile.FilterError as e:
            hint = "replace the link with the file, or name a later commit"
            raise NoWorkspace(
                f"--base: at {ref} the workspace contains a link that leads out of it: {e}", hint=hint
            ) from e
        except (tarfile.TarError, OSError) as e:
            raise UnusableCommit(f"--base: the files at {ref} cannot be unpacked: {e}") from e


def _refuse_missing(modes: Mapping[str, bytes], target: Path, ref: str) -> None:
    """Refuses a commit whose archive lacks a file: the protections in that file would be lost."""
    for name, mode in modes.items():
        wanted = mode != _LINK and _is_ours(name) and name.endswith(_ENDINGS)
        if wanted and not (target / name).is_file():
            hint = "remove its `export-ignore` from .gitattributes"
            raise NoWorkspace(f"--base: git leaves {name} out of the archive of {ref}", hint=hint)


def _without_filters(top: Path) -> Mapping[str, str]:
    """The settings that turn off every configured filter."""
    done = _git(top, "config", "-z", "--name-only", "--get-regexp", r"^filter\.")
    keys = {os.fsdecode(key).rpartition(".")[0] for key in done.stdout.split(b"\0") if key}
    return {f"{key}.{name}": value for key in sorted(keys) for name, value in _FILTERS.items()}


def _git(
    folder: Path, *words: str, into: IO[bytes] | None = None, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Runs git in a folder, without prompts, without programs of the repository, and without locks.

    Raises:
        UnusableCommit: git is not installed, or does not finish.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(_KEPT)}
    environment = (
        {k: v for k, v in kept.items() if k != "SSH_ASKPASS"} | _FIXED | _setting_variables(kept, settings or {})
    )
    fixed = (word for setting in _SETTINGS for word in ("-c", setting))
    command = ["git", "--no-pager", *fixed, "-C", str(folder), *words]
    # Unlike pipes, files never block git, and `_ended` can check their size.
    with TemporaryFile() as output, TemporaryFile() as errors:
        try:
            process = subprocess.Popen(  # noqa: S603 - no shell; the callers validate user input
                command, stdin=subprocess.DEVNULL, stdout=into or output, stderr=errors, env=environment
            )
        except OSError as e:
            raise UnusableCommit(
                f"git cannot be started: {e.strerror or e}", hint="install git; --base needs it"
            ) from e
        try:
            code = _ended(process, words[0], (into or output, errors))
        # Also after Ctrl-C: git must not continue without this program.
        except BaseException:
            process.kill()
            process.wait(timeout=SECONDS)
            raise
        for file in (output, errors):
            file.seek(0)
        return subprocess.CompletedProcess(command, code, output.read(), errors.read())


def _ended(process: subprocess.Popen[bytes], word: str, files: Sequence[IO[bytes]]) -> int:
    """The exit code of git, if it finishes within the limits of time and size."""
    deadline = monotonic() + SECONDS
    code = None
    while code is None:
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(timeout=_LOOK)
        if any(os.fstat(file.fileno()).st_size > MAX_OUTPUT for file in files):
            raise UnusableCommit(f"git {word} returned more than {MAX_OUTPUT >> 20} MiB")
        if code is None and monotonic() >= deadline:
            raise UnusableCommit(f"git {word} did not finish within {SECONDS} seconds")
    return code


def _setting_variables(environment: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Settings as variables, numbered after the existing ones. Unlike `-c`, they allow any name."""
    # The user or the CI may have numbered settings of their own.
    there = environment.get("GIT_CONFIG_COUNT", "")
    first = int(there) if there.isdecimal() else 0
    variables = {} if not settings else {"GIT_CONFIG_COUNT": str(first + len(settings))}
    for number, (key, value) in enumerate(settings.items(), first):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def _line(done: subprocess.CompletedProcess[bytes]) -> str:
    """The first line that git printed; empty if it failed."""
    return "" if done.returncode else os.fsdecode(done.stdout).partition("\n")[0]


def _first_line(done: subprocess.CompletedProcess[bytes]) -> str:
    """The first line, for a call that always succeeds in a working repository."""
    if done.returncode:
        raise UnusableCommit(f"--base: git fails: {_words(done)}")
    return _line(done)


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    """The error message of git, on one line."""
    text = " ".join(done.stderr.decode("utf-8", "replace").split())
    return text.removeprefix("fatal: ")[:300] or f"exit code {done.returncode}"


# Paths in the git repository: GitHub and GitLab name files relative to its top folder.


def repository_top(folder: Path) -> Path | None:
    """The top folder of the work tree that contains the folder; None outside git.

    It is the nearest parent with a `.git` (a file in linked work trees). This function does not run git, because in a
    container git refuses to read a checkout that another user owns.
    """
    folder = folder.resolve()
    # In a linked work tree `.git` is a file.
    return next((f for f in (folder, *folder.parents) if (f / ".git").exists()), None)


def repository_paths(config: Configuration, files: Iterable[str] = (), *, here: Path | None = None) -> dict[str, str]:
    """Displayed name of each file -> its path in the repository, with forward slashes.

    Outside git the displayed names stay. The name `reconciler.yaml` always refers to the workspace's own file, which
    also stands for diagnostics without a location.

    Args:
        files: displayed names of further files, such as those in diagnostics.
        here: the current folder; displayed names are relative to it.
    """
    top = repository_top(config.root)
    if top is None:
        return {WORKSPACE_FILE: next((n for n, rel in config.files.items() if rel == WORKSPACE_FILE), WORKSPACE_FILE)}
    here = (Path.cwd() if here is None else here).resolve()
    base = here if config.root.is_relative_to(here) else config.root
    known = {name: config.root / relative for name, relative in config.files.items()}
    listed = {name: base / name for name in files} | known
    listed[WORKSPACE_FILE] = config.root / WORKSPACE_FILE
    return {name: path.relative_to(top).as_posix() for name, path in listed.items() if path.is_relative_to(top)}


def declared_at(config: Configuration) -> dict[str, Span]:
    """Each domain and domain alias -> the location of its declaration."""
    places: dict[str, Span] = {}
    for domain in config.domains.values():
        aliases = {} if isinstance(domain.domain_aliases, Unset) else domain.domain_aliases
        places |= {name: alias.origin for name, alias in aliases.items() if alias.origin}
    return places | {domain.domain: domain.origin for domain in config.domains.values()}
