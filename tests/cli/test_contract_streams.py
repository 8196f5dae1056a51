"""Output to terminals, pipes, full disks, limited encodings and unwritable paths."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import Sandbox

Make = Callable[..., Any]
Run = Callable[..., Any]


@pytest.fixture
def zoe(sandbox: Sandbox, workspace: Make) -> Any:
    """A workspace with a display name that ASCII cannot encode."""
    made = workspace(sandbox.endpoint)
    made.domain("example.com", "mailboxes: {zoe: {displayName: Zoë 漢字}}\n")
    return made


def test_apply_escapes_characters_that_the_output_encoding_lacks(zoe: Any) -> None:
    done = zoe.run("apply", "--yes", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert r"Zo\xeb" in done.stdout
    assert "converged" in done.stdout


def test_output_without_a_terminal_has_no_color_even_if_ci_forces_it(zoe: Any, inside: Run) -> None:
    for environment in ({}, {"FORCE_COLOR": "1"}, {"CLICOLOR_FORCE": "1"}):
        done = inside(zoe, "plan", NO_COLOR="", **environment)
        assert done.code == 0
        assert "\033" not in done.out + done.err


@pytest.mark.parametrize("redirect", ["> /dev/full", ">&-"])
def test_unwritable_standard_output_gives_no_traceback(zoe: Any, redirect: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this platform has no /dev/full")
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m reconciler plan {redirect}'],
        cwd=zoe.root,
        env={**os.environ, **zoe.run.environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == (1 if "full" in redirect else 0), done.stderr
    if "full" in redirect:
        assert "standard output cannot be written" in done.stderr


def test_an_unwritable_step_summary_gives_an_error_without_a_traceback(zoe: Any, inside: Run) -> None:
    done = inside(zoe, "plan", "--format", "github", GITHUB_STEP_SUMMARY="no/summary")
    assert done.code == 1
    assert "no/summary cannot be written" in done.err


def test_init_in_an_impossible_folder_gives_an_error_without_a_traceback(zoe: Any, inside: Run) -> None:
    (zoe.root / "file").write_text("", "utf-8")
    done = inside(zoe, "init", "file/mail")
    assert done.code == 1
    assert "file/mail" in done.err
