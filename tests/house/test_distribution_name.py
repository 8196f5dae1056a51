"""Nothing in the project installs the program from a package index.

The name `reconciler` belongs to an unrelated project on the public index. Our own name `smartermail-reconciler` is on no
index, so anybody could register it.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from reconciler.app.onboarding.ci_files import CI_FILES, ci_files

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.source

INSTALL = re.compile(r"\b(?:pip[3x]?|uv|pdm|poetry)\b[^\n`]*?\b(?:install|inject|download|add|run)\b|\buvx\b")
"""The start of a command that installs packages."""
END = re.compile(r"[\n`&|;)]| #")
"""The end of such a command. ` #` starts a comment, but `#sha256=` belongs to a URL."""
DEPENDENCIES = re.compile(r"additional_dependencies: *\[([^\]]*)\]")
"""The packages that pre-commit installs for a hook."""
NAME = re.compile(r"(?:smartermail-)?reconciler(?:[\[=<>~!].*)?")
"""A requirement that pip looks up on an index, unless ` @ URL` follows."""

SPEC = f"smartermail-reconciler @ git+https://git.example/mail/reconciler@{'0' * 40}"
SCOPES = {
    "pages": ("SECURITY.md", "CHANGELOG.md", "docs/decisions/*.md"),  # tests/docs reads the other pages
    "program": ("reconciler/**/*.py", "reconciler/**/*.html", "reconciler/**/*.json", "reconciler/**/*.js"),
    "templates": ("reconciler/**/*.y*ml", "examples/**/*.y*ml", ".pre-commit-hooks.yaml"),
}


def index_installs(text: str) -> Iterator[str]:
    """Yield the commands and dependency lists in a text that take the program from an index."""
    for match in INSTALL.finditer(text):
        rest = END.split(text[match.end() :], maxsplit=1)[0]
        words = [word.strip("'\",") for word in rest.split()]
        if any(NAME.fullmatch(word) and after != "@" for word, after in pairwise([*words, ""])):
            yield match.group() + rest
    for match in DEPENDENCIES.finditer(text):
        if any(NAME.fullmatch(word.strip(" '\"")) for word in match[1].split(",")):
            yield match.group()


@pytest.mark.parametrize(
    "text",
    [
        "pip install reconciler",
        "pip install smartermail-reconciler",
        "hint: pip install 'smartermail-reconciler[age]'",
        "run: python -m pip install --quiet 'reconciler[report]'",
        "`pipx install reconciler==0.1.0`",
        "uv tool install reconciler",
        "uvx reconciler plan",
        'additional_dependencies: ["reconciler==0.1.0"]',
    ],
)
def test_an_installation_from_an_index_is_found(text: str) -> None:
    assert list(index_installs(text))


@pytest.mark.parametrize(
    "text",
    [
        "pipx install '.[report]'    # installs the command reconciler",
        "pip install 'smartermail-reconciler @ git+https://git.example/mail/reconciler@0123abc'",
        "pip install 'smartermail-reconciler[age] @ git+https://git.example/mail/reconciler@0123abc'",
        "pip install https://files.example/smartermail_reconciler-0.1.0-py3-none-any.whl#sha256=00",
        "pip install . && reconciler validate",
        "Run `pip install .` and then `reconciler plan`.",
    ],
)
def test_an_installation_from_our_own_source_is_not_reported(text: str) -> None:
    assert not list(index_installs(text))


@pytest.mark.parametrize("kind", CI_FILES)
@pytest.mark.parametrize("spec", ["", SPEC])
def test_a_generated_ci_file_installs_the_given_source(tmp_path: Path, kind: str, spec: str) -> None:
    for path, text in ci_files(tmp_path, [kind], spec).items():
        assert not list(index_installs(text)), path
        assert spec in text, path


@pytest.mark.parametrize("scope", SCOPES)
def test_nothing_installs_the_program_from_an_index(scope: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {command}"
        for pattern in SCOPES[scope]
        for path in sorted(ROOT.glob(pattern))
        for command in index_installs(path.read_text("utf-8"))
    ]
    assert not found, "\n".join(["install from a clone, a VCS URL with a commit, or a wheel with its hash:", *found])
