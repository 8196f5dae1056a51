"""Patches: git applies them to files with any name and content."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciler.output.unified_diff import unified_diff

lines = st.lists(st.sampled_from(["a", "b", "c: d", "", "x\r", "- é"]), max_size=30)
texts = st.builds(lambda rows, end: "\n".join(rows) + end, lines, st.sampled_from(["", "\n"]))


def apply(folder: Path, patch: str) -> None:
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"], cwd=folder, input=patch.encode(), capture_output=True
    )
    assert done.returncode == 0, (done.stderr.decode(), patch)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts.filter(bool), texts.filter(bool))
@example("a", "a\n")
@example("a\n", "a")
@example("a\r\nb\r\n", "a\r\nc\r\n")
def test_git_applies_the_patch(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(before.encode())
    patch = unified_diff({"f.yaml": (before, after)})
    assert bool(patch) == (before != after)
    if patch:
        apply(tmp_path, patch)
    assert path.read_bytes() == after.encode()


@pytest.mark.parametrize("name", ["a b.yaml", "münchen.yaml", 'q"uote\\.yaml', "tab\t.yaml", "bidi\u202e.yaml"])
def test_git_finds_files_with_unusual_names(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in here"
    folder.mkdir()
    (folder / name).write_text("a\n", encoding="utf-8")
    apply(tmp_path, unified_diff({f"in here/{name}": ("a\n", "b\n"), f"in here/new {name}": (None, "n\n")}))
    assert (folder / name).read_text("utf-8") == "b\n"
    assert (folder / f"new {name}").read_text("utf-8") == "n\n"


def test_files_are_sorted_and_unchanged_files_are_omitted() -> None:
    patch = unified_diff({"b": ("1\n", "2\n"), "a": ("1\n", "2\n"), "c": ("1\n", "1\n")})
    assert [line for line in patch.splitlines() if line.startswith("diff")] == [
        "diff --git a/a b/a",
        "diff --git a/b b/b",
    ]
