"""The workspace's files at another commit of a real repository."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.app import git
from reconciler.app.exits import Exit, of_error
from reconciler.app.git import commit_of, files_at
from reconciler.core.errors import NoWorkspace, ReconcilerError, UnusableCommit

Make = Callable[..., Any]


@pytest.fixture
def repo(repository: Make) -> Any:
    """A repository that is a workspace, with a commit on `main` and a later commit on `feature`."""
    made = repository()
    made.write("reconciler.yaml", "old\n")
    made.write("domains/eu/example.com.yaml", "old domain\n")
    made.write("notes/big.txt", "not a workspace file\n")
    made.commit()
    made.git("switch", "-q", "-c", "feature")
    made.write("domains/eu/example.com.yaml", "new domain\n")
    made.commit()
    return made


def tree(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


def failure(root: Path, ref: str) -> ReconcilerError:
    with pytest.raises(ReconcilerError) as caught, files_at(root, ref):
        pass
    return caught.value


def test_the_folder_has_the_files_of_the_commit_and_nothing_is_checked_out(repo: Any) -> None:
    repo.write("domains/eu/example.com.yaml", "not committed\n")
    with files_at(repo.top, "main") as folder:
        assert tree(folder) == {"reconciler.yaml": "old\n", "domains/eu/example.com.yaml": "old domain\n"}
        assert (folder / "reconciler.yaml").stat().st_mode & 0o777 == 0o600
    assert not folder.exists()
    assert (repo.top / "domains/eu/example.com.yaml").read_text() == "not committed\n"
    with files_at(repo.top, repo.git("rev-parse", "feature")[:10]) as folder:
        assert tree(folder)["domains/eu/example.com.yaml"] == "new domain\n"


def test_the_folder_is_deleted_also_after_a_failure(repo: Any) -> None:
    with pytest.raises(ZeroDivisionError), files_at(repo.top, "main") as folder:
        raise ZeroDivisionError
    assert not folder.exists()


def test_a_workspace_can_be_a_folder_inside_its_repository(repository: Make) -> None:
    repo = repository()
    repo.write("mail/münchen/reconciler.yaml", "inner\n")
    repo.write("mail/münchen/domains/a.example.yaml", "a\n")
    repo.write("reconciler.yaml", "outer\n")
    repo.commit()
    with files_at(repo.top / "mail" / "münchen", "HEAD") as folder:
        assert tree(folder) == {"reconciler.yaml": "inner\n", "domains/a.example.yaml": "a\n"}


def test_a_link_inside_the_workspace_is_followed_and_a_link_out_of_it_is_refused(repo: Any) -> None:
    repo.write("shared/one", "shared\n")
    (repo.top / "domains/b.example.yaml").symlink_to("../shared/one")
    repo.commit()
    with files_at(repo.top, "HEAD") as folder:
        assert (folder / "domains/b.example.yaml").read_text() == "shared\n"
    (repo.top / "domains/c.example.yaml").symlink_to("/etc/hostname")
    repo.commit()
    found = failure(repo.top, "HEAD")
    assert (of_error(found), "link that leads out of it" in found.message) == (Exit.INVALID, True)
    (repo.top / "domains/c.example.yaml").unlink()
    (repo.top / "domains/c.example.yaml").symlink_to("../../elsewhere.yaml")
    repo.commit()
    assert isinstance(failure(repo.top, "HEAD"), NoWorkspace)


@pytest.mark.parametrize(
    "ref", ["", "-h", "--output=/tmp/x", "nowhere", "main..feature", "main^{tree}", "a\nb", "a\0b"]
)
def test_a_name_that_is_not_a_commit_is_a_usage_error(repo: Any, ref: str) -> None:
    found = failure(repo.top, ref)
    assert (of_error(found), bool(found.hint)) == (Exit.USAGE, True)


def test_a_branch_that_exists_only_on_the_remote_is_suggested(repo: Any, tmp_path: Path) -> None:
    repo.git("clone", "-q", "--branch", "feature", str(repo.top), str(tmp_path / "clone"))
    found = failure(tmp_path / "clone", "main")
    assert found.hint == "did you mean origin/main?"
    with files_at(tmp_path / "clone", "origin/main") as folder:
        assert tree(folder)["domains/eu/example.com.yaml"] == "old domain\n"


def test_the_error_for_a_shallow_clone_names_the_setting_that_fetches_the_commit(repo: Any, tmp_path: Path) -> None:
    before = repo.git("rev-parse", "main")
    repo.git("clone", "-q", "--depth", "1", "--branch", "feature", f"file://{repo.top}", str(tmp_path / "clone"))
    found = failure(tmp_path / "clone", before)
    assert of_error(found) is Exit.USAGE
    assert "fetch-depth: 0" in found.hint


def test_a_commit_from_before_the_workspace_existed_is_an_error(repository: Make) -> None:
    repo = repository()
    repo.write("README", "x\n")
    repo.commit()
    repo.git("tag", "before")
    repo.write("mail/reconciler.yaml", "x\n")
    repo.commit()
    found = failure(repo.top / "mail", "before")
    assert of_error(found) is Exit.INVALID
    assert "leave out --base" in found.hint


def test_outside_a_repository_and_without_git_the_error_says_so(
    repo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "bare").mkdir()
    found = failure(tmp_path / "bare", "main")
    assert (of_error(found), "not in a usable git repository" in found.message) == (Exit.USAGE, True)
    assert commit_of(tmp_path / "bare") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    found = failure(repo.top, "main")
    assert (of_error(found), "install git" in found.hint) == (Exit.USAGE, True)
    assert commit_of(repo.top) is None


def test_a_repository_without_commits_has_no_commit(repository: Make) -> None:
    repo = repository()
    assert commit_of(repo.top) is None
    assert of_error(failure(repo.top, "HEAD")) is Exit.USAGE


def test_the_variables_of_a_git_hook_have_no_effect(
    repo: Any, repository: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = repository("other")
    other.commit()
    monkeypatch.setenv("GIT_DIR", str(other.top / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.top))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.top / "index"))
    assert commit_of(repo.top) == repo.git("rev-parse", "HEAD")
    with files_at(repo.top, "main") as folder:
        assert "domains/eu/example.com.yaml" in tree(folder)


def test_a_file_with_export_ignore_is_an_error(repo: Any) -> None:
    repo.write(".gitattributes", "domains/eu/* export-ignore\n")
    repo.commit()
    found = failure(repo.top, "HEAD")
    assert of_error(found) is Exit.INVALID
    assert "domains/eu/example.com.yaml" in found.message
    assert "export-ignore" in found.hint


def test_a_git_that_never_finishes_is_killed(repo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(git, "SECONDS", 0.3)
    found = failure(repo.top, "main")
    assert isinstance(found, UnusableCommit)
    assert "did not finish within" in found.message
    assert commit_of(repo.top) is None


def test_a_git_with_endless_output_is_killed(repo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = tmp_path / "bin" / "git"
    endless.parent.mkdir()
    endless.write_text("#!/bin/sh\nexec yes bomb\n")
    endless.chmod(0o755)
    monkeypatch.setenv("PATH", f"{endless.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(git, "MAX_OUTPUT", 1 << 20)
    found = failure(repo.top, "main")
    assert isinstance(found, UnusableCommit)
    assert "returned more than 1 MiB" in found.message
