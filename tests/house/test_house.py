"""The house rules that a machine can hold us to."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.source


def sources() -> list[Path]:
    return sorted((ROOT / "reconciler").rglob("*.py"))


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_has_at_most_400_lines_and_its_functions_60(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 60, f"{node.name} in line {node.lineno}"


def test_every_package_says_what_belongs_there() -> None:
    for init in (ROOT / "reconciler").rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(init.read_text("utf-8"))), init


def test_every_public_function_and_class_has_a_docstring() -> None:
    bare = []
    for path in sources():
        for node in ast.parse(path.read_text("utf-8")).body:
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if named and not node.name.startswith("_") and not ast.get_docstring(node):
                bare.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not bare


def test_every_code_that_is_used_is_in_the_table_and_every_code_in_the_table_is_used() -> None:
    from reconciler.core.codes import CODES

    used: set[str] = set()
    for path in sources():
        if path.name != "codes.py":
            used |= set(re.findall(r'"([A-Z]{3}[0-9]{3})"', path.read_text("utf-8")))
    assert used - CODES.keys() == set()
    assert CODES.keys() - used == set()


def test_asking_for_the_version_imports_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys; from reconciler.cli.main import run; run(['--version']);"
        "print([m for m in ('httpx','dns','jsonschema','jsonschema_rs','yaml','deepdiff','starlette','asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
