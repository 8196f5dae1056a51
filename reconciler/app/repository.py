"""Where a workspace lies in its git repository: forges name files from its top."""

from collections.abc import Iterable
from pathlib import Path

from reconciler.config.workspace import Configuration
from reconciler.config.workspace_files import WORKSPACE_FILE
from reconciler.core.model import Unset
from reconciler.core.source import Span


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
