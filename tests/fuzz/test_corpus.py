"""What fuzzing has found runs in every test run: each file of the corpus through its target, without atheris."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz_targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("target", TARGETS)
def test_no_file_of_the_corpus_crashes_its_target(target: str) -> None:
    files = sorted((CORPUS / target).iterdir())
    assert files, "a target without a corpus starts from nothing"
    for file in files:
        try:
            TARGETS[target](file.read_bytes())
        except Exception as e:
            e.add_note(f"reproduce: python tests/fuzz/fuzz.py --run {target} {file}")
            raise


def test_the_corpus_has_a_target_for_each_folder_and_stays_small() -> None:
    assert {path.name for path in CORPUS.iterdir()} == TARGETS.keys()
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < 800_000
