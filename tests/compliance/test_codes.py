"""The table of each check explains exactly the codes that the check can report."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.compliance import verdict
from reconciler.compliance.checks import CHECKS, Check

CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
SHARED = set(verdict.CODES)


def module(check: Check):
    return sys.modules[inspect.unwrap(check.judge or check.derive).__module__]


def sources(check: Check) -> list[Path]:
    """The files of a check: `dmarc.py` and `dmarc_reports.py`."""
    path = Path(module(check).__file__)
    return [path, *sorted(path.parent.glob(f"{path.stem}_*.py"))]


def reported(path: Path) -> Iterator[str]:
    """The codes in a file, outside the keys of its table CODES."""
    for node in ast.parse(path.read_text("utf-8")).body:
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(target, ast.Name) and target.id == "CODES":
            continue
        for inner in ast.walk(node):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and CODE.fullmatch(inner.value):
                yield inner.value


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_check_explains_exactly_the_codes_that_it_reports(check):
    explained = set(module(check).CODES)
    used = {code for path in sources(check) for code in reported(path)} - SHARED
    if check.derive is not None:
        # This check reads the findings of others, which explain their codes themselves.
        used -= {code for other in CHECKS if other is not check for code in module(other).CODES}
    assert used == explained


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_each_explanation_is_a_sentence_and_each_code_begins_with_its_check(check):
    for code, text in module(check).CODES.items():
        assert code.startswith(check.id.upper().replace("-", "_")), code
        assert text.endswith("."), code
        assert len(text) > 15, code


def test_no_two_checks_share_a_code():
    codes = [code for check in CHECKS for code in module(check).CODES]
    assert len(codes) == len(set(codes))
    assert not SHARED & set(codes)


def test_codes_of_all_checks_are_explained():
    assert set(reported(Path(verdict.__file__))) == SHARED
    assert all(text.endswith(".") for text in verdict.CODES.values())
