"""`demo` of the installed program."""

import json
from pathlib import Path
from typing import Any

import pytest

CODES = (3, 0, 0, 0, 2, 7, 0)
"""The exit code of each step."""


@pytest.mark.long  # the gate runs `make demo` and counts its lines
def test_the_demo_fits_on_120_lines_and_leaves_all_output_in_files(program: Any, tmp_path: Path) -> None:
    done = program("demo", "--output", "out")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) <= 120
    titles = [line for line in lines if line.startswith("== ")]
    assert [line.split()[1] for line in titles] == ["1.", "2.", "3.", "4.", "5.", "6.", "7.", "Next"]
    assert [line for line in lines if line.startswith("(exit code")] == [f"(exit code {code})" for code in CODES]
    output = tmp_path / "out" / "output"
    files = {path.name: path.read_text("utf-8") for path in output.glob("*.txt")}
    assert set(files) == {
        "01-validate.txt",
        "02-plan.txt",
        "03-apply.txt",
        "04-plan.txt",
        "05-drift.txt",
        "06-dns.txt",
        "07-report.txt",
    }
    for text in (
        "domains/broken.example.yaml:9:9: error: ",  # an error with its location
        "Plan: 39 to create in 8 of 8 domains.",  # the plan
        "Done and converged: a new plan is empty.",  # apply
        "- `~` mailbox `alice@example.com`",  # the comment on a pull request
        "changed on the server",  # drift
        'example.com. 3600 IN TXT "v=spf1 include:spf.example.net ~all"',  # the DNS report
    ):
        assert text in done.stdout
    assert "alias teachers@school.example" not in done.stdout
    assert "alias teachers@school.example" in files["03-apply.txt"]
    report = json.loads((output / "report" / "report.json").read_text("utf-8"))
    assert report["summary"]["fail"] == report["summary"]["error"] == report["summary"]["warn"] == 0
    assert "example.com" in (output / "report" / "index.html").read_text("utf-8")
    assert program("-w", "out/examples", "validate").returncode == 0
    assert "http://127.0.0.1:17017" in (tmp_path / "out" / "examples" / "reconciler.yaml").read_text("utf-8")
    assert "10 GiB" not in (tmp_path / "out" / "examples" / "domains" / "example.com.yaml").read_text("utf-8")


def test_the_demo_does_not_replace_a_folder_of_the_user(program: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    refused = program("demo", "--output", "mine")
    assert refused.returncode == 4
    assert "nothing was written" in refused.stderr
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["letter.txt"]
