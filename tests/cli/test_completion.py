"""`completion` prints a script, and the program completes domains, formats, run ids and codes."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def complete(program: Any, tmp_path: Path) -> Any:
    """Requests the completions of a line in the same way as the bash script."""
    assert program("init", "mail").returncode == 0
    (tmp_path / "mail" / "domains" / "team").mkdir()
    (tmp_path / "mail" / "domains" / "team" / "shop.example.yaml").write_text("not valid", "utf-8")
    journal = tmp_path / "mail" / ".reconciler" / "journal"
    journal.mkdir(parents=True)
    (journal / "20260102T030405Z-abcdef.jsonl").write_text("", "utf-8")

    def ask(line: str) -> list[str]:
        words = line.split(" ")
        done = program(_RECONCILER_COMPLETE="bash_complete", COMP_WORDS=" ".join(words), COMP_CWORD=str(len(words) - 1))
        assert not done.stderr, done.stderr
        return [row.partition(",")[2] for row in done.stdout.splitlines()]

    return ask


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_calls_the_program(program: Any, shell: str) -> None:
    done = program("completion", shell)
    assert done.returncode == 0
    assert "_RECONCILER_COMPLETE" in done.stdout
    assert not done.stderr
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=done.stdout, capture_output=True, text=True, timeout=30)
        assert checked.returncode == 0, checked.stderr


def test_an_unsupported_shell_is_a_usage_error(program: Any) -> None:
    assert program("completion", "tcsh").returncode == 64
    assert program("completion").returncode == 64


def test_domains_are_completed_from_the_file_names(complete: Any) -> None:
    assert complete("reconciler -w mail plan ") == ["example.com", "shop.example"]
    assert complete("reconciler status -w mail sh") == ["shop.example"]
    assert complete("reconciler -w mail dns check EX") == ["example.com"]


def test_formats_run_ids_codes_and_commands_are_completed(complete: Any) -> None:
    assert complete("reconciler plan --format ") == ["text", "json", "markdown", "github", "gitlab"]
    assert complete("reconciler dns check --format js") == ["json"]
    assert complete("reconciler -w mail rollback ") == ["20260102T030405Z-abcdef", "last"]
    assert complete("reconciler -w mail history 2026") == ["20260102T030405Z-abcdef"]
    assert complete("reconciler explain MX_MIS") == ["MX_MISSING"]
    assert complete("reconciler explain grd01") == ["GRD010", "GRD011", "GRD012", "GRD013"]
    assert complete("reconciler comp") == ["completion"]


def test_outside_of_a_workspace_the_shell_completes_files(complete: Any) -> None:
    assert complete("reconciler plan x") == ["x"]
    assert complete("reconciler rollback ") == ["last"]
