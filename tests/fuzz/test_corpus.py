"""Every test run sends each input of the corpus through its target. These tests do not need atheris."""

from __future__ import annotations

import traceback
from pathlib import Path

import fuzz_corpus
import pytest
from fuzz_targets import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_of_the_corpus_crashes_its_target(target: str) -> None:
    inputs = fuzz_corpus.read(target)
    assert inputs, "a target without a corpus starts from nothing"
    crashes = {}
    for name, data in inputs.items():
        try:
            TARGETS[target](data)
        except Exception:  # noqa: BLE001 - the other inputs run too, so that one run names all crashes
            crashes[name] = traceback.format_exc(limit=-3)
    report = "\n".join(f"{name}: {trace}" for name, trace in crashes.items())
    assert not crashes, (
        f"{len(crashes)} of {len(inputs)} inputs crash the target {target}: {', '.join(crashes)}\n"
        f"reproduce: python tests/fuzz/fuzz_corpus.py unpack {target} FOLDER; "
        f"python tests/fuzz/fuzz.py --run {target} FOLDER/NAME\n{report}"
    )


def test_each_target_has_an_archive_and_the_archives_stay_small() -> None:
    assert set(fuzz_corpus.targets()) == TARGETS.keys()
    archives = list(fuzz_corpus.CORPUS.iterdir())
    assert {path.suffix for path in archives} == {".zip"}
    assert sum(path.stat().st_size for path in archives) < 800_000


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus of one target, `spf`, that a test may change; gives the path of its archive."""
    monkeypatch.setattr(fuzz_corpus, "CORPUS", tmp_path)
    fuzz_corpus.write("spf", {"one": b"v=spf1 -all", "two": b"\0\xff"})
    return tmp_path / "spf.zip"


def test_writing_the_inputs_again_gives_the_same_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {target: fuzz_corpus.archive(target).read_bytes() for target in fuzz_corpus.targets()}
    inputs = {target: fuzz_corpus.read(target) for target in before}
    monkeypatch.setattr(fuzz_corpus, "CORPUS", tmp_path)
    for target in before:
        fuzz_corpus.write(target, dict(reversed(inputs[target].items())))
        assert (tmp_path / f"{target}.zip").read_bytes() == before[target], target


def test_an_added_input_is_in_the_archive_and_removing_it_restores_the_bytes(copy: Path, tmp_path: Path) -> None:
    before = copy.read_bytes()
    crash = tmp_path / "crash-1"
    crash.write_bytes(b"v=spf1 include:")
    fuzz_corpus.add("spf", [crash])
    assert fuzz_corpus.read("spf") == {"crash-1": b"v=spf1 include:", "one": b"v=spf1 -all", "two": b"\0\xff"}
    fuzz_corpus.remove("spf", ["crash-1"])
    assert copy.read_bytes() == before


def test_unpacked_inputs_can_be_added_again_without_a_change(copy: Path, tmp_path: Path) -> None:
    before = copy.read_bytes()
    folder = tmp_path / "unpacked"
    folder.mkdir()
    fuzz_corpus.unpack("spf", folder)
    fuzz_corpus.add("spf", list(folder.iterdir()))
    assert copy.read_bytes() == before


@pytest.mark.usefixtures("copy")
def test_a_wrong_target_name_or_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"other")
    with pytest.raises(fuzz_corpus.CorpusError, match="unknown target 'spv'; known targets: spf"):
        fuzz_corpus.read("spv")
    with pytest.raises(fuzz_corpus.CorpusError, match="spf: one exists with other content"):
        fuzz_corpus.add("spf", [tmp_path / "one"])
    with pytest.raises(fuzz_corpus.CorpusError, match="spf: no input is named three"):
        fuzz_corpus.remove("spf", ["three"])
