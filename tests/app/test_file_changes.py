"""Changes of several files: all or none, each by replacing it with a temporary file."""

from pathlib import Path

import pytest

from reconciler.app.adopt.file_changes import FileChange, diff_of, write_changes
from reconciler.core.errors import CannotEdit, ReconcilerError


def change(path: Path, before: str | None, after: str) -> FileChange:
    return FileChange(path=path, relative=f"domains/{path.name}", before=before, after=after)


def test_a_change_keeps_line_endings_and_mode_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    old, new, same = tmp_path / "old", tmp_path / "sub" / "new", tmp_path / "same"
    old.write_bytes(b"a\r\nb")
    old.chmod(0o640)
    same.write_bytes(b"x")
    stamp = same.stat().st_ino
    write_changes([change(old, "a\r\nb", "c\r\nd"), change(new, None, "n\n"), change(same, "x", "x")])
    assert (old.read_bytes(), new.read_bytes(), same.stat().st_ino) == (b"c\r\nd", b"n\n", stamp)
    assert old.stat().st_mode & 0o777 == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["old", "same", "sub"]


def test_a_symbolic_link_stays_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("a")
    (tmp_path / "link").symlink_to("real")
    write_changes([change(tmp_path / "link", "a", "b")])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "b"


@pytest.mark.parametrize("there", ["changed", None])
def test_a_file_that_was_changed_or_created_during_the_run_stops_all_changes(tmp_path: Path, there: str | None) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.write_text("a")
    second.write_text(there or "mine")
    with pytest.raises(CannotEdit, match="nothing was written"):
        write_changes([change(first, "a", "b"), change(second, "old" if there else None, "new")])
    assert (first.read_text(), second.read_text()) == ("a", there or "mine")


def test_files_are_restored_if_another_file_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (tmp_path / name for name in "123")
    first.write_text("a")
    third.write_text("a")
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if target.name == "3":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(ReconcilerError, match="No space left on device; nothing was changed"):
        write_changes([change(first, "a", "b"), change(second, None, "n"), change(third, "a", "b")])
    assert (first.read_text(), second.exists(), third.read_text()) == ("a", False, "a")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1", "3"]


def test_paths_in_a_patch_are_relative_to_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    root = tmp_path / "mail"
    root.mkdir()
    assert "--- a/mail/domains/x\n" in diff_of(root, [change(root / "domains" / "x", "a\n", "b\n")])
