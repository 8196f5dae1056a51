"""The core knows no names of SmarterMail's API: only `reconciler/smartermail` translates them."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import reconciler

PACKAGE = Path(reconciler.__file__).parent
SCHEMAS = PACKAGE.parent / "schemas"
CAMEL_CASE = re.compile(r"\b[a-z]+(?:[A-Z][a-z0-9]+)+\b")


def literals(folder: Path) -> Iterator[tuple[str, str]]:
    """`file:line` and text of every string literal of the modules in a folder, docstrings included."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{path.relative_to(PACKAGE.parent)}:{node.lineno}", node.value


def names_of_our_documents() -> set[str]:
    """The names that the files and outputs of this project define; some of them are SmarterMail's names too."""
    text = "".join(path.read_text("utf-8") for path in SCHEMAS.glob("*.json"))
    assert json.loads((SCHEMAS / "domain.schema.json").read_text("utf-8"))
    return set(CAMEL_CASE.findall(text))


@pytest.mark.source
def test_no_text_of_the_core_contains_a_name_of_the_servers_api() -> None:
    api = {text for _, text in literals(PACKAGE / "smartermail") if CAMEL_CASE.fullmatch(text)}
    assert {"enableMailForwarding", "maxActiveSyncAccounts"} <= api
    foreign = api - names_of_our_documents()
    found = [
        f"{where}: {name}"
        for where, text in literals(PACKAGE / "core")
        for name in CAMEL_CASE.findall(text)
        if name in foreign
    ]
    assert found == []
