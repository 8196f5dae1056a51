"""Report formats for CI: their contents, the file paths in them, and the limit of Markdown."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from reconciler.sandbox import Sandbox

Make = Callable[..., Any]
Run = Callable[..., Any]
FAULT = "mailboxes: {bob: {quotta: 1 GiB}}\n"


@pytest.fixture
def mail(tmp_path: Path, workspace: Make, sandbox: Sandbox) -> Any:
    """A workspace in the folder `mail` of a git repository, with a fault in line 6."""
    made = workspace(sandbox.endpoint)
    top = tmp_path.parent / f"{tmp_path.name}-top"
    subprocess.run(["git", "init", "-q", str(top)], check=True)
    made.root.rename(top / "mail")
    made.root = top / "mail"
    made.run.cwd = made.root
    made.domain("example.com", FAULT)
    return made


def places(name: str, text: str) -> set[str]:
    """The file paths in a report."""
    match name:
        case "github":
            return {part.split(",")[0] for line in text.splitlines() for part in line.split("file=")[1:]}
        case "gitlab":
            return {issue["location"]["path"] for issue in json.loads(text)}
        case "sarif":
            (run,) = json.loads(text)["runs"]
            return {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]}
        case _:
            cases = ElementTree.fromstring(text.encode("ascii")).iter("testcase")
            return {case.attrib["file"] for case in cases if case.find("failure") is not None}


@pytest.mark.parametrize("name", ["github", "gitlab", "sarif", "junit"])
def test_reports_name_files_relative_to_the_repository_root_from_any_working_directory(
    mail: Any, inside: Run, name: str
) -> None:
    spots = (mail.root, mail.root.parent, mail.root / "domains", Path("/"))
    runs = [inside(mail, "-w", str(mail.root), "validate", "--format", name, cwd=spot) for spot in spots]
    assert {one.code for one in runs} == {3}
    for one in runs:
        assert places(name, one.out) == {"mail/domains/example.com.yaml"}


@pytest.mark.parametrize("name", ["github", "gitlab", "sarif", "junit"])
def test_outside_git_reports_name_files_relative_to_the_working_directory(mail: Any, inside: Run, name: str) -> None:
    (mail.root.parent / ".git").rename(mail.root.parent / "was-git")
    done = inside(mail, "validate", "--format", name, cwd=mail.root)
    assert places(name, done.out) == {"domains/example.com.yaml"}


def test_one_run_writes_every_report(mail: Any, inside: Run, tmp_path: Path) -> None:
    out = mail.root.parent
    options = [word for name in ("sarif", "junit", "gitlab", "json") for word in ("--format", f"{name}={out}/{name}")]
    done = inside(mail, "validate", *options, "--format", "text", "--format", "github")
    assert "error: " in done.out
    assert "::error file=mail/domains/example.com.yaml,line=6,col=19,title=SCH002::" in done.out
    for name in ("sarif", "junit", "gitlab"):
        assert places(name, (out / name).read_text("utf-8")) == {"mail/domains/example.com.yaml"}
    cases = ElementTree.fromstring((out / "junit").read_bytes()).iter("testcase")
    assert [case.attrib["file"] for case in cases] == [
        "mail/domains/example.com.yaml", "mail/products/standard.yaml", "mail/reconciler.yaml",
    ]  # fmt: skip


def test_valid_files_give_empty_reports(mail: Any, inside: Run) -> None:
    mail.domain("example.com", "mailboxes: {bob: {}}\n")
    assert inside(mail, "validate", "--format", "gitlab").out == "[]\n"
    assert inside(mail, "validate", "--format", "github").out == "1 domain file is valid.\n"
    assert json.loads(inside(mail, "validate", "--format", "sarif").out)["runs"][0]["results"] == []
    done = inside(mail, "validate", "--format", "junit")
    assert done.code == 0
    assert 'tests="3" failures="0"' in done.out


def test_junit_lists_only_the_selected_files(mail: Any, inside: Run) -> None:
    mail.domain("second.example", "mailboxes: {}\n")
    out = inside(mail, "validate", "second.example", "--format", "junit").out
    assert "mail/domains/second.example.yaml" in out
    assert "example.com.yaml" not in out


def test_the_annotations_of_a_plan_name_files_relative_to_the_repository_root(mail: Any, inside: Run) -> None:
    mail.domain("example.com", "mailboxes: {bob: {}}\naliases: {x: [bob, x@elsewhere.example]}\n")
    for command in ("plan", "drift"):
        for name in ("github", "gitlab"):
            done = inside(mail, command, "--format", name)
            assert places(name, done.out) == {"mail/domains/example.com.yaml"}, (command, name)


@pytest.mark.parametrize("command", [("plan",), ("drift",), ("apply",)])
def test_markdown_is_truncated_to_the_requested_limit(mail: Any, inside: Run, command: tuple[str, ...]) -> None:
    boxes = ", ".join(f"user{n}-{'x' * 40}: {{displayName: User}}" for n in range(24))
    mail.domain("example.com", f"mailboxes: {{{boxes}}}\n")
    done = inside(mail, *command, "--format", "markdown", "--markdown-limit", "2000")
    assert "Omitted to save space: " in done.out
    assert len(done.out) <= 2000
    assert "Cut for want" not in inside(mail, *command, "--format", "markdown").out
    wrong = inside(mail, *command, "--markdown-limit", "1999")
    assert wrong.code == 64
    assert "1999 is not in the range x>=2000" in wrong.err


def test_the_github_format_writes_the_markdown_as_step_summary(mail: Any, inside: Run) -> None:
    mail.domain("example.com", "mailboxes: {bob: {}}\n")
    summary = mail.root.parent / "summary.md"
    inside(mail, "plan", "--format", "github", GITHUB_STEP_SUMMARY=str(summary))
    assert summary.read_text("utf-8").startswith("## 1 change\n")


def test_the_compliance_report_is_sarif_and_junit_at_the_line_of_the_domain(mail: Any, inside: Run) -> None:
    mail.domain("example.com", "mailboxes: {}\n")
    out = mail.root.parent
    done = inside(mail, "dns", "check", "--format", f"sarif={out}/dns.sarif", "--format", f"junit={out}/dns.xml")
    assert done.code == 7
    (run,) = json.loads((out / "dns.sarif").read_text("utf-8"))["runs"]
    spots = {json.dumps(r["locations"][0]["physicalLocation"], sort_keys=True) for r in run["results"]}
    (spot,) = map(json.loads, spots)
    assert spot["artifactLocation"]["uri"] == "mail/domains/example.com.yaml"
    assert spot["region"]["startLine"] == 3
    root = ElementTree.fromstring((out / "dns.xml").read_bytes())
    cases = {case.attrib["name"]: case for case in root.iter("testcase")}
    assert {"mx", "spf", "dmarc"} <= set(cases)
    assert len(cases["mx"]) == 0
    assert cases["spf"].find("failure") is not None


def test_the_schema_of_an_apply_is_printed() -> None:
    from reconciler.cli.main import cli

    done = CliRunner().invoke(cli, ["schema", "apply"])
    assert json.loads(done.stdout)["title"] == "Apply"
