"""Plans that a person has read and found right, kept as files. `GOLDEN=write` writes them anew, to be read again."""

import json
import os
from pathlib import Path

import jsonschema
import pytest
from golden import Case, all_cases, rendered

from reconciler.app.data import data_folder
from reconciler.core.codes import CODES

CASES = all_cases()
GUARDS = sorted(code for code in CODES if code.startswith("GRD"))


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads((data_folder("schemas") / "plan.schema.json").read_text("utf-8")))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.path.name)
def test_the_plan_matches_the_reviewed_one(
    case: Case, tmp_path: Path, schema: jsonschema.Draft202012Validator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, texts = rendered(case, tmp_path)
    if os.environ.get("GOLDEN") == "write":
        for name, text in texts.items():
            (case.path / name).write_text(text, "utf-8")
    for name, text in texts.items():
        assert text == (case.path / name).read_text("utf-8"), f"{case.path.name}/{name}"
    document = json.loads(texts["expected.json"])
    schema.validate(document)
    assert code == case.about["exit"], case.about["says"]
    said = {d["code"] for domain in document["domains"] for d in domain["diagnostics"]}
    assert set(case.about.get("guards", ())) <= said, "the guard that the case is about says nothing"
    assert not set(case.about.get("passes", ())) & said, "the guard that the case is about did not let pass"


def test_there_are_at_least_sixty_cases() -> None:
    assert len(CASES) >= 60


@pytest.mark.parametrize("guard", GUARDS)
def test_every_guard_has_a_refusing_and_a_passing_case(guard: str) -> None:
    assert any(guard in c.about.get("guards", ()) for c in CASES), f"no case shows {guard} refusing"
    assert any(guard in c.about.get("passes", ()) for c in CASES), f"no case shows {guard} letting pass"


def test_every_case_has_a_title() -> None:
    sentences = [c.about["says"] for c in CASES]
    assert len(set(sentences)) == len(sentences)
