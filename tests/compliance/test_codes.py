"""Every word that a check says is explained, and every explanation belongs to a word that is said."""

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from reconciler.compliance import checks, verdict

MODULES = [
    importlib.import_module(f"reconciler.compliance.checks.{m.name}") for m in pkgutil.iter_modules(checks.__path__)
]
FAMILIES = {check.id.upper().replace("-", "_") for check in checks.CHECKS}
CODE = re.compile(rf"(?:{'|'.join(sorted(FAMILIES))})_[A-Z0-9_]+")


def told() -> dict[str, str]:
    """All explanations, wherever a check has them."""
    return {code: text for module in MODULES for code, text in getattr(module, "CODES", {}).items()}


def said(module) -> set[str]:
    """The codes in a module's code, its table aside."""
    tree = ast.parse(Path(module.__file__).read_text("utf-8"))
    tables = [n for n in ast.walk(tree) if isinstance(n, ast.AnnAssign) and getattr(n.target, "id", "") == "CODES"]
    inside = {id(n) for table in tables for n in ast.walk(table)}
    constants = (n for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in inside)
    return {n.value for n in constants if isinstance(n.value, str) and CODE.fullmatch(n.value)}


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_code_that_is_said_is_explained_and_the_other_way_round(family):
    def of_family(codes):
        return {code for code in codes if code.startswith(f"{family}_")}

    assert of_family(code for module in MODULES for code in said(module)) == of_family(told())


@pytest.mark.parametrize("code", sorted({**told(), **verdict.CODES}))
def test_an_explanation_is_a_sentence(code):
    text = {**told(), **verdict.CODES}[code]
    assert text.endswith(".")
    assert len(text) > 20
