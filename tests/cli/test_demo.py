"""The demo: the whole story, by the installed program."""

import json
from pathlib import Path
from typing import Any


def test_the_demo_tells_the_whole_story_and_leaves_its_files(program: Any, tmp_path: Path) -> None:
    done = program("demo", "--output", "out")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    told = [line for line in done.stdout.splitlines() if line.startswith("== ")]
    assert [line.split()[1] for line in told] == ["1.", "2.", "3.", "4.", "5.", "6.", "7.", "8.", "What"]
    codes = [line for line in done.stdout.splitlines() if line.startswith("(exit code")]
    assert codes == [f"(exit code {code})" for code in (3, 0, 0, 0, 2, 0, 7, 0)]
    report = json.loads((tmp_path / "out" / "output" / "dns.json").read_text("utf-8"))
    assert report["summary"]["fail"] == report["summary"]["error"] == report["summary"]["warn"] == 0
    for name in ("plan.json", "plan.md", "dns.md", "03-apply.txt"):
        assert (tmp_path / "out" / "output" / name).stat().st_size
    assert program("-w", "out/examples", "validate").returncode == 0
    assert "http://127.0.0.1:17017" in (tmp_path / "out" / "examples" / "reconciler.yaml").read_text("utf-8")


def test_a_second_demo_replaces_the_first_and_no_other_folder(program: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    refused = program("demo", "--output", "mine")
    assert refused.returncode == 4
    assert "nothing was written" in refused.stderr
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["letter.txt"]
