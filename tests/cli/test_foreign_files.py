"""The program refuses to start if another distribution installed files into its package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import reconciler
from reconciler.app.owners import DISTRIBUTION, refuse_foreign_files
from reconciler.core.errors import ForeignFiles
from reconciler.core.extras import install_hint

PACKAGE = Path(reconciler.__file__).parent


def install(site: Path, name: str, version: str, files: list[str]) -> Path:
    """Writes the metadata of an installed distribution."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
    (folder / "RECORD").write_text("".join(f"{file},sha256=x,1\n" for file in files), "utf-8")
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site folder with our distribution and an unrelated one."""
    install(tmp_path, DISTRIBUTION, "0.1.0", ["reconciler/__init__.py"])
    install(tmp_path, "pandas", "2.2.0", ["pandas/__init__.py", "pandas/reconciler/x.py", "reconcilers/y.py"])
    (tmp_path / "reconciler").mkdir()
    return tmp_path


def test_the_program_refuses_to_run_if_the_unrelated_reconciler_package_is_installed(site: Path) -> None:
    shutil.copytree(PACKAGE, site / "reconciler", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-c", "import reconciler.cli; reconciler.cli.main()", "--version"]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    before = subprocess.run(command, cwd=site, env=environment, capture_output=True, text=True)
    assert (before.returncode, before.stdout) == (0, f"reconciler {reconciler.__version__}\n"), before.stderr
    install(site, "reconciler", "0.2.2", ["reconciler/__init__.py", "reconciler/frames.py"])
    done = subprocess.run(command, cwd=site, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (4, "")
    words = " ".join(done.stderr.split())
    assert "error: the distribution reconciler 0.2.2 installed files into the package `reconciler`" in words
    assert f"pip uninstall reconciler {DISTRIBUTION}" in words


def test_our_own_distribution_and_unrelated_ones_are_accepted(site: Path) -> None:
    refuse_foreign_files(site / "reconciler")


def test_a_distribution_without_a_file_list_is_checked_by_its_top_level_names(site: Path) -> None:
    folder = site / "old-1.0.egg-info"
    folder.mkdir()
    (folder / "PKG-INFO").write_text("Metadata-Version: 1.0\nName: old\nVersion: 1.0\n", "utf-8")
    (folder / "top_level.txt").write_text("other\n", "utf-8")
    refuse_foreign_files(site / "reconciler")
    (folder / "top_level.txt").write_text("other\nreconciler\n", "utf-8")
    with pytest.raises(ForeignFiles, match=r"old 1\.0"):
        refuse_foreign_files(site / "reconciler")


def test_a_distribution_whose_name_only_starts_with_ours_is_refused(site: Path) -> None:
    install(site, f"{DISTRIBUTION}-extra", "1.0", ["reconciler/more.py"])
    with pytest.raises(ForeignFiles, match=rf"{DISTRIBUTION}-extra 1\.0"):
        refuse_foreign_files(site / "reconciler")


def test_a_package_in_a_clone_is_accepted() -> None:
    refuse_foreign_files(PACKAGE)
    refuse_foreign_files(PACKAGE / "no" / "such" / "place")


def test_the_hint_for_a_missing_extra_installs_it_from_the_clone() -> None:
    assert install_hint("age").endswith("pipx install --force '.[age]'")
