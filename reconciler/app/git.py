"""The workspace's git: which commit it is, and its files as another commit has them. Nothing is checked out."""

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
"""How long one call of git may take. An archive of YAML takes none of it."""
MAX_OUTPUT = 1 << 30
"""Bytes that one call may give: a small repository can describe an endless tree."""
_LOOK = 0.2
"""Seconds between two looks at how much it is."""

_ENDINGS = (".yaml", ".yml")
_OURS = ("reconciler.yaml", "products", "domains")
_LINK = b"120000"
_KEPT = ("GIT_CONFIG_", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM")
"""Of the variables by which git is steered, those that say where its configuration is and where a repository ends.

The others go: a hook that runs us sets GIT_DIR and GIT_INDEX_FILE to what it is about to commit.
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
"""What a repository says may not make git run anything: it may be a stranger's, or files made to look like one.

Nothing is fetched either (GIT_NO_LAZY_FETCH): the command that answers a fetch is in the repository's configuration.
"""
_FILTERS = {"smudge": "", "process": "", "required": "false"}
"""Filters are switched off by their names: there is no setting for all. Files are taken as they are in the commit."""


def commit_of(root: Path) -> str | None:
    """The commit that is checked out in a folder; None outside git, or where git is not installed."""
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
    """A temporary folder with the workspace's files as they are at a commit, readable by us only.

    The workspace may be a folder inside its repository. It holds at least `reconciler.yaml`, `products/` and
    `domains/`, as far as the commit has them; other files may be missing.

    Args:
        root: the workspace's folder, inside a repository.
        ref: a branch, tag or commit. Never fetched: it has to be here already.

    Raises:
        UnusableCommit: git is missing or fails, there is no repository, or no such commit in it.
        NoWorkspace: the commit has no workspace in this folder, or one whose files cannot be used.
    """
    commit = _commit(root, ref)
    prefix = _told(_git(root, "rev-parse", "--show-prefix")).removesuffix("/")
    modes = _listed(root, commit, prefix)
    if "reconciler.yaml" not in modes:
        where = f"in {prefix}/ " if prefix else ""
        raise NoWorkspace(
            f"--base: there is no workspace {where}at {ref}: it has no reconciler.yaml",
            hint="where the workspace is new, leave out --base: all of it is from this change set",
        )
    with TemporaryDirectory(prefix="reconciler-base-") as folder:
        target = Path(folder) / "files"
        target.mkdir(mode=0o700)
        _extract(root, ref, f"{commit}:{prefix}", target, _wanted(modes))
        _refuse_missing(modes, target, ref)
        yield target


def _commit(root: Path, ref: str) -> str:
    """The commit that a name stands for."""
    if not ref or ref.startswith("-") or "\0" in ref:
        raise UnusableCommit(f"--base: {ref!r} is no commit", hint="name a branch, a tag or a commit, such as main")
    _refuse_no_repository(root)
    commit = _line(_git(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}"))
    if commit:
        return commit
    if _line(_git(root, "rev-parse", "--is-shallow-repository")) == "true":
        hint = "this clone is shallow: fetch all of it (actions/checkout: `fetch-depth: 0`; GitLab: `GIT_DEPTH: 0`)"
    elif _line(_git(root, "rev-parse", "--verify", "--quiet", f"origin/{ref}^{{commit}}")):
        hint = f"did you mean origin/{ref}?"
    else:
        hint = (
            "name a branch, a tag or a commit of this clone; it may have to be fetched first (`fetch-depth: 0` in CI)"
        )
    raise UnusableCommit(f"--base: this clone has no commit {ref}", hint=hint)


def _refuse_no_repository(root: Path) -> None:
    done = _git(root, "rev-parse", "--is-inside-work-tree")
    if _line(done) == "true":
        return
    words = _words(done)
    if "dubious ownership" in words:
        hint = f"git does not trust the folder's owner: git config --global --add safe.directory {quote(str(root))}"
    else:
        hint = "--base compares with a commit of the workspace's repository; leave it out where there is none"
    raise UnusableCommit(f"--base: {root} is in no git repository that can be used: {words}", hint=hint)


def _listed(root: Path, commit: str, prefix: str) -> Mapping[str, bytes]:
    """Every file below the workspace's folder at a commit, by its name there -> its mode; none without the folder."""
    done = _git(root, "ls-tree", "-r", "-z", "--full-tree", f"{commit}:{prefix}")
    if done.returncode:
        return {}
    rows = (row.split(b"\t", 1) for row in done.stdout.split(b"\0") if row)
    return {os.fsdecode(name): about.split(b" ", 1)[0] for about, name in rows}


def _is_ours(name: str) -> bool:
    return PurePosixPath(name).parts[0] in _OURS


def _wanted(modes: Mapping[str, bytes]) -> list[str]:
    """The paths to archive: our own, unless there are links among them, which may lead to any other."""
    ours = {name: mode for name, mode in modes.items() if _is_ours(name)}
    if _LINK in ours.values():
        return []
    return sorted({PurePosixPath(name).parts[0] for name in ours})


def _extract(root: Path, ref: str, tree: str, target: Path, paths: Sequence[str]) -> None:
    import tarfile

    if not hasattr(tarfile, "data_filter"):
        raise UnusableCommit("--base: this Python cannot unpack an archive safely", hint="use Python 3.11.4 or later")

    def ours_only(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
        safe = tarfile.data_filter(member, folder)
        return safe.replace(mode=0o600, deep=False) if safe.isreg() else safe

    with TemporaryFile() as archive:
        top = Path(_told(_git(root, "rev-parse", "--show-toplevel")))
        done = _git(top, "archive", "--format=tar", tree, *paths, into=archive, settings=_without_filters(top))
        if done.returncode:
            partial = _line(_git(top, "config", "--get-regexp", r"^remote\..*\.promisor$"))
            hint = "this clone was made with --filter and lacks files of that commit: make one without"
            raise UnusableCommit(
                f"--base: git cannot give the files at {ref}: {_words(done)}", hint=hint if partial else ""
            )
        archive.seek(0)
        try:
            with tarfile.open(fileobj=archive, mode="r:") as tar:
                tar.extractall(target, filter=ours_only)  # noqa: S202 - the filter is Python's own for data
        except tarfile.FilterError as e:
            hint = "put the file itself into the workspace; or name a later commit"
            raise NoWorkspace(f"--base: at {ref} the workspace holds a link that leaves it: {e}", hint=hint) from e
        except (tarfile.TarError, OSError) as e:
            raise UnusableCommit(f"--base: the files at {ref} cannot be unpacked: {e}") from e


def _refuse_missing(modes: Mapping[str, bytes], target: Path, ref: str) -> None:
    """Refuses a file that the commit has and its archive lacks: what is protected in it would go unnoticed."""
    for name, mode in modes.items():
        wanted = mode != _LINK and _is_ours(name) and name.endswith(_ENDINGS)
        if wanted and not (target / name).is_file():
            hint = "take `export-ignore` for it out of .gitattributes"
            raise NoWorkspace(f"--base: {name} is at {ref}, but git leaves it out of archives", hint=hint)


def _without_filters(top: Path) -> Mapping[str, str]:
    """The settings that switch off every filter that is configured, whoever configured it."""
    done = _git(top, "config", "-z", "--name-only", "--get-regexp", r"^filter\.")
    keys = {os.fsdecode(key).rpartition(".")[0] for key in done.stdout.split(b"\0") if key}
    return {f"{key}.{name}": value for key in sorted(keys) for name, value in _FILTERS.items()}


def _git(
    folder: Path, *words: str, into: IO[bytes] | None = None, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Runs git in a folder: nobody is asked anything, nothing of the repository's is run, nothing is locked.

    Raises:
        UnusableCommit: git is not installed, or does not end.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(_KEPT)}
    environment = {k: v for k, v in kept.items() if k != "SSH_ASKPASS"} | _FIXED | _told_git(kept, settings or {})
    fixed = (word for setting in _SETTINGS for word in ("-c", setting))
    command = ["git", "--no-pager", *fixed, "-C", str(folder), *words]
    with TemporaryFile() as said, TemporaryFile() as complained:
        try:
            process = subprocess.Popen(  # noqa: S603 - no shell; what a user gives is checked before it comes here
                command, stdin=subprocess.DEVNULL, stdout=into or said, stderr=complained, env=environment
            )
        except OSError as e:
            raise UnusableCommit(f"git cannot be run: {e.strerror or e}", hint="install git; --base needs it") from e
        try:
            code = _ended(process, words[0], (into or said, complained))
        except BaseException:
            process.kill()
            process.wait(timeout=SECONDS)
            raise
        for file in (said, complained):
            file.seek(0)
        return subprocess.CompletedProcess(command, code, said.read(), complained.read())


def _ended(process: subprocess.Popen[bytes], word: str, files: Sequence[IO[bytes]]) -> int:
    """The exit code, once it has come to its end within time and size."""
    deadline = monotonic() + SECONDS
    code = None
    while code is None:
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(timeout=_LOOK)
        if any(os.fstat(file.fileno()).st_size > MAX_OUTPUT for file in files):
            raise UnusableCommit(f"git {word} gives more than {MAX_OUTPUT >> 20} MiB")
        if code is None and monotonic() >= deadline:
            raise UnusableCommit(f"git {word} did not end within {SECONDS} seconds")
    return code


def _told_git(environment: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Settings as variables, after those that are there: unlike `-c`, they can have any name."""
    there = environment.get("GIT_CONFIG_COUNT", "")
    first = int(there) if there.isdecimal() else 0
    told = {} if not settings else {"GIT_CONFIG_COUNT": str(first + len(settings))}
    for number, (key, value) in enumerate(settings.items(), first):
        told |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return told


def _line(done: subprocess.CompletedProcess[bytes]) -> str:
    """The first line that git printed; empty where it failed."""
    return "" if done.returncode else os.fsdecode(done.stdout).partition("\n")[0]


def _told(done: subprocess.CompletedProcess[bytes]) -> str:
    """The same of a question to which git always has an answer."""
    if done.returncode:
        raise UnusableCommit(f"--base: git fails: {_words(done)}")
    return _line(done)


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    """Why git failed, in its own words, on one line."""
    text = " ".join(done.stderr.decode("utf-8", "replace").split())
    return text.removeprefix("fatal: ")[:300] or f"exit code {done.returncode}"


# Where a workspace lies in its git repository: forges name files from its top.


def repository_top(folder: Path) -> Path | None:
    """The top of the work tree that holds the folder; None outside git.

    It is the nearest folder upward with a `.git` (a file in linked work trees). git itself is not asked: in a
    container it refuses to say anything of a checkout that another user owns.
    """
    folder = folder.resolve()
    return next((f for f in (folder, *folder.parents) if (f / ".git").exists()), None)


def repository_paths(config: Configuration, files: Iterable[str] = (), *, here: Path | None = None) -> dict[str, str]:
    """Each file's name for people -> its path from the top of the repository, with forward slashes.

    Outside git, names for people stay: relative to the current folder, they are the best there are. The name
    `reconciler.yaml` always leads to the workspace's own file, to which goes what has no place.

    Args:
        files: names for people of more files than the workspace's own, such as those that diagnostics speak of.
        here: the current folder, to which names for people are relative.
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
    """Each domain and domain alias -> where a file declares it."""
    places: dict[str, Span] = {}
    for domain in config.domains.values():
        aliases = {} if isinstance(domain.domain_aliases, Unset) else domain.domain_aliases
        places |= {name: alias.origin for name, alias in aliases.items() if alias.origin}
    return places | {domain.domain: domain.origin for domain in config.domains.values()}
