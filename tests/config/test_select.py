"""Selecting domains by names, files and patterns."""

from pathlib import Path

import pytest

from reconciler.config.select import Candidate, select
from reconciler.config.workspace_files import discover

FILES = {
    "domains/example.com.yaml": "example.com",
    "domains/example.net.yaml": "example.net",
    "domains/eu/münchen.example.yml": "xn--mnchen-3ya.example",
    "domains/eu/other.example.yaml": "other.example",
    "domains/broken.yaml": None,
}


@pytest.fixture
def candidates(tmp_path: Path) -> list[Candidate]:
    (tmp_path / "reconciler.yaml").touch()
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return [Candidate(found, FILES[found.relative]) for found in discover(tmp_path, tmp_path).domains]


COM, NET, MUC, OTHER, BROKEN = FILES


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("example.com", {COM}),
        ("EXAMPLE.com.", {COM}),
        ("münchen.example", {MUC}),
        ("MÜNCHEN.example", {MUC}),
        ("xn--mnchen-3ya.example", {MUC}),
        ("domains/example.com.yaml", {COM}),
        ("./domains/example.com.yaml", {COM}),
        ("domains/../domains/example.com.yaml", {COM}),
        ("domains/broken.yaml", {BROKEN}),
        ("domains/eu", {MUC, OTHER}),
        ("domains", set(FILES)),
        (".", set(FILES)),
        ("*.example", {MUC, OTHER}),
        ("m*.example", {MUC}),
        ("xn--*", {MUC}),
        ("EXAMPLE.*", {COM, NET}),
        ("example.[cn]*", {COM, NET}),
        ("domains/eu/*", {MUC, OTHER}),
        ("*", {COM, NET, MUC, OTHER}),
    ],
)
def test_a_word_selects_domains_files_or_folders(
    candidates: list[Candidate], tmp_path: Path, word: str, expected: set[str]
) -> None:
    assert select(candidates, [word], root=tmp_path, here=tmp_path) == (expected, ())


def test_no_words_select_all_and_several_words_add_up(candidates: list[Candidate], tmp_path: Path) -> None:
    assert select(candidates, [], root=tmp_path, here=tmp_path) == (set(FILES), ())
    words = ["example.com", "example.c*", "example.net"]
    assert select(candidates, words, root=tmp_path, here=tmp_path) == ({COM, NET}, ())


def test_paths_may_be_absolute_or_relative_to_the_current_folder_or_the_workspace(
    candidates: list[Candidate], tmp_path: Path
) -> None:
    here = tmp_path / "domains" / "eu"
    for word in (str(tmp_path / OTHER), "other.example.yaml", OTHER):
        assert select(candidates, [word], root=tmp_path, here=here) == ({OTHER}, ())
    assert select(candidates, ["../example.com.yaml"], root=tmp_path, here=here) == ({COM}, ())


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("exmple.com", "did you mean example.com?"),
        ("domains/nothing.yaml", "name a domain, such as example.com; the workspace has 5 domain files"),
        ("*.nowhere", "name a domain, such as example.com; the workspace has 5 domain files"),
        ("\0", "name a domain, such as example.com; the workspace has 5 domain files"),
        ("", "name a domain, such as example.com; the workspace has 5 domain files"),
    ],
)
def test_a_word_that_selects_nothing_is_an_error_with_a_hint(
    candidates: list[Candidate], tmp_path: Path, word: str, hint: str
) -> None:
    chosen, diagnostics = select(candidates, [word, "example.net"], root=tmp_path, here=tmp_path)
    assert chosen == {NET}
    assert [(d.code, d.message, d.hint) for d in diagnostics] == [("WSP002", f"nothing matches {word!r}", hint)]


def test_the_hint_for_an_empty_workspace_is_to_create_a_file(tmp_path: Path) -> None:
    _, diagnostics = select([], ["example.com"], root=tmp_path, here=tmp_path)
    assert "no domain files yet" in diagnostics[0].hint
