"""`explain` prints the meaning, an example and the remedy of every code; docs/diagnostics.md has the same texts."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from reconciler.app.explain import all_codes, explain_code
from reconciler.cli.commands.explain import command
from reconciler.cli.console import Console
from reconciler.compliance import verdict
from reconciler.compliance.checks import CHECKS
from reconciler.core.codes import CODES, EXPLANATIONS

ROOT = Path(__file__).parents[2]


def printed(code: str) -> str:
    done = CliRunner().invoke(command, [code], obj=Console(), standalone_mode=False)
    assert done.exception is None, done.exception
    return done.output


@pytest.mark.parametrize("code", all_codes())
def test_each_code_has_a_meaning_an_example_and_a_remedy(code: str) -> None:
    found = explain_code(code)
    assert found is not None
    assert found.meaning.endswith((".", ")"))
    assert any(line.strip() for line in found.example)
    assert any(line.strip() for line in found.remedy)


def test_all_codes_of_diagnostics_and_findings_are_explained() -> None:
    assert set(CODES) <= set(all_codes())
    assert set(verdict.CODES) <= set(all_codes())
    assert {f.kind for code in all_codes() if (f := explain_code(code))} >= {
        "diagnostic",
        "finding of any check",
        *(f"finding of the check {check.id}" for check in CHECKS if check.id != "bulk"),
    }


@pytest.mark.parametrize("code", CODES)
def test_a_meaning_is_a_clause_and_a_remedy_is_a_sentence(code: str) -> None:
    found = EXPLANATIONS[code]
    assert not found.meaning.endswith(".")
    assert found.meaning[0].islower() or found.meaning[:2].isupper()
    assert found.remedy.endswith(".")
    assert found.remedy[0].isupper()


def test_a_code_is_printed_with_its_three_parts() -> None:
    assert printed("sch002").splitlines() == [
        "SCH002 (diagnostic)",
        "",
        "A key is unknown here.",
        "",
        "Example",
        "  bob: {quotta: 1 GiB}",
        "",
        "Remedy",
        "  Correct the key. The message suggests the closest known key.",
    ]
    text = printed("MX_MISSING")
    assert text.startswith("MX_MISSING (finding of the check mx)\n")
    assert "In this example, publish:\n" in text


def test_an_unknown_code_and_an_address_are_usage_errors(program: Any) -> None:
    close = program("explain", "SCH0002")
    assert close.returncode == 64
    assert "did you mean SCH002?" in close.stderr
    address = program("explain", "alice@example.com")
    assert address.returncode == 64
    assert "is not a code" in address.stderr


@pytest.mark.source
def test_the_page_of_diagnostics_has_an_example_for_each_code() -> None:
    page = (ROOT / "docs" / "diagnostics.md").read_text("utf-8")
    for code, found in EXPLANATIONS.items():
        assert f'<a id="{code}"></a>' in page
        assert f"```text\n{found.example}\n```\n\nRemedy: {found.remedy}\n" in page


@pytest.mark.source
def test_the_man_page_is_valid_and_describes_every_command() -> None:
    from reconciler.cli.main import COMMANDS

    path = ROOT / "docs" / "reconciler.1"
    text = path.read_text("utf-8")
    for name in COMMANDS:
        assert f"\n.SS {name} [OPTIONS]" in text or f"\n.SS {name}" in text
    if shutil.which("groff") is None:
        return
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", str(path)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
