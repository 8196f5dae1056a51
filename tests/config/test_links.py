"""A cycle of symbolic links resolves to nothing on every Python version, whatever `Path.resolve` makes of it."""

import errno
import os
from pathlib import Path

import pytest

from reconciler.config.links import resolved


@pytest.fixture(params=["this version", "3.12 and earlier", "3.13 and later"])
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The behavior of `Path.resolve` on this version, and the two known ones."""

    def resolve(path: Path, strict: bool = False) -> Path:
        real = Path(os.path.realpath(path))
        if request.param == "3.12 and earlier":
            try:
                real.stat()
            except OSError as e:
                if e.errno == errno.ELOOP:
                    raise RuntimeError(f"Symlink loop from {e.filename!r}") from e
        return real

    if request.param != "this version":
        monkeypatch.setattr(Path, "resolve", resolve)


@pytest.mark.usefixtures("python")
@pytest.mark.parametrize("name", ["self", "one", "self/below", "folder/up"])
def test_a_cycle_of_links_resolves_to_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/up").symlink_to("../folder/up/x")
    assert resolved(tmp_path / name) is None


@pytest.mark.usefixtures("python")
def test_links_are_followed_and_missing_files_are_no_error(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert resolved(tmp_path / "link") == (tmp_path / "real").resolve()
    assert resolved(tmp_path / "link/missing/file") == (tmp_path / "real").resolve() / "missing/file"
