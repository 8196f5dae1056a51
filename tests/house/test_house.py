"""The rules of the project that a machine can check."""

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


def test_files_have_at_most_400_lines_and_functions_60() -> None:
    long = []
    for path in sources():
        text, name = path.read_text("utf-8"), path.relative_to(ROOT)
        if (lines := text.count("\n")) > 400:
            long.append(f"{name}: {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                if (lines := node.end_lineno - node.lineno + 1) > 60:
                    long.append(f"{name}:{node.lineno}: {node.name} has {lines} lines")
    assert not long, "\n".join(long)


def test_every_package_has_a_docstring() -> None:
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


def test_the_table_of_codes_lists_exactly_the_used_codes() -> None:
    from reconciler.core.codes import CODES

    used: set[str] = set()
    for path in sources():
        # The table itself does not count as a use.
        if path.name != "codes.py":
            used |= set(re.findall(r'"([A-Z]{3}[0-9]{3})"', path.read_text("utf-8")))
    assert used - CODES.keys() == set()
    assert CODES.keys() - used == set()


def test_every_path_into_the_package_in_the_pages_exists() -> None:
    """Pages name modules as `reconciler/core/plan.py`, or short as `core/plan.py`."""
    packages = "|".join(path.parent.name for path in (ROOT / "reconciler").glob("*/__init__.py"))
    pattern = re.compile(rf"`(?:reconciler/)?((?:{packages})/[\w./]*)`")
    missing = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
        for name in pattern.findall(page.read_text("utf-8"))
        # `NAME` in the tables of CONTRIBUTING.md stands for any name; test_places.py looks these up.
        if "NAME" not in name and not (ROOT / "reconciler" / name).exists()
    ]
    assert not missing


def test_version_imports_no_heavy_library() -> None:
    code = (
        "import sys; from reconciler.cli.main import run; run(['--version']);"
        "print([m for m in ('httpx','dns','jsonschema','jsonschema_rs','yaml','deepdiff','starlette','asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_no_folder_of_the_package_has_more_than_24_modules() -> None:
    """The sandbox's state and HTTP modules know each other, so its folder is larger on purpose (decision 12)."""
    counts = {folder: len(list(folder.glob("*.py"))) for folder in (ROOT / "reconciler").rglob("*") if folder.is_dir()}
    crowded = {str(folder.relative_to(ROOT)) for folder, count in counts.items() if count > 24 + 1}  # and __init__.py
    assert crowded == {"reconciler/sandbox"}


def test_no_modules_of_the_package_import_each_other_in_a_cycle_not_even_lazily() -> None:
    modules = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in sources()}
    imports = {name: imported(path, modules) for name, path in modules.items()}
    # Whatever imports nothing that is left cannot be part of a cycle; what remains in the end is one, or leads to one.
    while free := [name for name, targets in imports.items() if not targets & imports.keys()]:
        for name in free:
            del imports[name]
    assert not imports


def imported(path: Path, modules: dict[str, Path]) -> set[str]:
    """The modules of the package that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {full if (full := f"{node.module}.{a.name}") in modules else node.module for a in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
    return found & modules.keys() - {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")}
