"""`schema --write` updates the schemas in a workspace, and `validate` warns about a copy that differs."""

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def copy(program: Any, tmp_path: Path) -> Path:
    """The copy of the domain schema in a new workspace, from which the program runs."""
    assert program("init", "mail").returncode == 0
    return tmp_path / "mail" / "schemas" / "domain.schema.json"


def outdate(copy: Path) -> None:
    schema = json.loads(copy.read_text("utf-8"))
    del schema["properties"]["renamed"]
    copy.write_text(json.dumps(schema), "utf-8")


def test_validate_warns_about_a_copy_that_differs_and_exits_with_0(program: Any, copy: Path) -> None:
    assert program("-w", "mail", "validate").stderr == ""
    outdate(copy)
    done = program("-w", "mail", "validate", "--format", "json")
    assert done.returncode == 0
    (found,) = json.loads(done.stdout)["diagnostics"]
    assert (found["severity"], found["code"]) == ("warning", "WSP006")
    assert found["source"]["file"] == "mail/schemas/domain.schema.json"
    assert "schema --write" in found["hint"]
    assert "mail/schemas/domain.schema.json:1:1: warning: " in program("-w", "mail", "validate").stdout


def test_validate_accepts_other_line_ends_and_a_missing_copy(program: Any, copy: Path) -> None:
    copy.write_bytes(copy.read_bytes().replace(b"\n", b"\r\n"))
    (copy.parent / "product.schema.json").unlink()
    assert json.loads(program("-w", "mail", "validate", "--format", "json").stdout)["diagnostics"] == []


def test_a_copy_that_is_not_json_gets_the_warning_too(program: Any, copy: Path) -> None:
    copy.write_bytes(b"\xff{")
    assert "WSP006" in program("-w", "mail", "validate").stdout


def test_write_updates_the_copies_that_differ_and_prints_them(program: Any, copy: Path) -> None:
    before = copy.read_bytes()
    outdate(copy)
    (copy.parent / "product.schema.json").unlink()
    done = program("-w", "mail", "schema", "--write")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["mail/schemas/product.schema.json", "mail/schemas/domain.schema.json"]
    assert copy.read_bytes() == before
    again = program("-w", "mail", "schema", "--write")
    assert (again.returncode, again.stdout) == (0, "")
    assert "up to date" in again.stderr


def test_a_link_in_the_place_of_a_copy_is_not_followed(program: Any, copy: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.json"
    target.write_text("{}", "utf-8")
    copy.unlink()
    copy.symlink_to(target)
    done = program("-w", "mail", "schema", "--write")
    assert done.returncode == 1
    assert "is a link" in done.stderr
    assert target.read_text("utf-8") == "{}"


def test_schema_needs_either_write_or_a_kind(program: Any) -> None:
    assert program("schema").returncode == 64
    assert program("schema", "domain", "--write").returncode == 64
