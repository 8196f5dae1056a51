"""Untrusted files in a pull request: each is read safely, or rejected with its location.

`tests/config/test_loader.py` tests the supported part of YAML (bombs, depth, size, keys, tags, encodings). These tests do
the same through a complete workspace, and add attacks that need a folder of files.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from reconciler.app.adopt.file_changes import FileChange, write_changes
from reconciler.config.document.loader import MAX_BYTES, load_text
from reconciler.config.semantics.lookalikes import _ASCII, mixed_scripts, skeleton
from reconciler.config.workspace import Configuration, load_configuration
from reconciler.core.errors import CannotEdit
from reconciler.core.names import domain_name

WORKSPACE = """\
apiVersion: reconciler/v1
kind: Workspace
servers:
  mail1: {{url: https://mail1.example.net, username: admin, password: {{env: P}}{more}}}
"""
HEAD = "apiVersion: reconciler/v1\nkind: Domain\n"


def workspace(folder: Path, files: dict[str, str | bytes], more: str = "") -> Configuration:
    """The workspace with these files, loaded."""
    for name, text in {"reconciler.yaml": WORKSPACE.format(more=more), **files}.items():
        path = folder / name
        if not os.path.lexists(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_configuration(folder, here=folder, environ={"P": "x"})


def domain(name: str, rest: str = "") -> str:
    return f"{HEAD}domain: {name}\n{rest}"


def reported(config: Configuration) -> list[str]:
    """`file:line:column CODE` of every diagnostic."""
    return [f"{d.span} {d.code}" if d.span else d.code for d in config.diagnostics]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{c}: &{c} [{', '.join([f'*{p}'] * 10)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
)
BAD = {
    "an alias bomb": (BOMB, "YML005"),
    "a cycle of aliases": ("mailboxes: &m {a: *m}\n", "YML005"),
    "depth by lists": ("x: " + "[" * 5000, "YML004"),
    "depth by mappings": ("x: " + "{a: " * 5000, "YML004"),
    "depth by indentation": ("".join(f"{' ' * n}a:\n" for n in range(200)), "YML004"),
    "a duplicate key": ("mailboxes: {}\nmailboxes: {}\n", "YML002"),
    "a merge key that overrides a key": ("mailboxes: {a: &x {quota: 1}, b: {quota: 2, <<: *x}}\n", "YML005"),
    "a tag that would run code": ("mailboxes: !!python/object/apply:os.system [id]\n", "YML007"),
    "a NUL": ("mailboxes: {a\0: {}}\n", "YML001"),
    "an escape sequence": ("mailboxes: {\x1b[2Ja: {}}\n", "YML001"),
    "a line end in some programs only": ("# harmless\u2028mailboxes: {a: {}}\n", "YML001"),
    "a bidirectional override": ("mailboxes: {} # \u202e }daed{ :sesailA\u202c\n", "YML010"),
    "an isolate": ("mailboxes: {\u2066a\u2069: {}}\n", "YML010"),
    "Latin-1": (b"mailboxes: {a: {displayName: J\xfcrgen}}\n", "YML003"),
    "UTF-7": ("mailboxes: {+AGE-: {}}\n", None),
    "half a surrogate pair as UTF-8": (b"mailboxes: {a: {displayName: \xed\xa0\x80}}\n", "YML003"),
    "an overlong slash": (b"mailboxes: {a\xc0\xaf: {}}\n", "YML003"),
    "half a surrogate pair as an escape": ('mailboxes: {a: {displayName: "\\ud800"}}\n', "YML001"),
    "a second document": ("---\nkind: Workspace\n", "YML006"),
    "a number of a million digits": ("mailboxes: {a: {quota: " + "9" * 1_000_000 + "}}\n", "SCH001"),
    "a key of a million characters": ("mailboxes: {" + "a" * 100_000 + ": {}}\n", "YML001"),
    "an anchor of a million characters": ("x: &" + "a" * 1_000_000 + " 1\n", "SCH002"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_invalid_file_is_reported_with_its_location_and_the_other_files_stay_valid(
    name: str, tmp_path: Path
) -> None:
    text, code = BAD[name]
    head = domain("bad.example")
    config = workspace(
        tmp_path,
        {
            "domains/bad.example.yaml": head.encode() + (text if isinstance(text, bytes) else text.encode()),
            "domains/good.example.yaml": domain("good.example"),
        },
    )
    assert "good.example" in config.domains
    errors = [d for d in config.diagnostics if d.severity == "error"]
    if code is None:  # UTF-7 is not decoded: these are ordinary characters of a name
        assert not errors
        return
    assert "bad.example" not in config.domains
    assert code in {d.code for d in errors}
    for found in errors:
        assert found.span is not None
        assert found.span.file == "domains/bad.example.yaml"
        assert found.span.line >= 3 or found.code == "NAM003"
        assert len(found.message) < 500


def test_a_file_over_16_mebibytes_is_rejected_without_parsing(tmp_path: Path) -> None:
    big = domain("big.example").encode() + b"#" * MAX_BYTES
    config = workspace(tmp_path, {"domains/big.example.yaml": big})
    assert reported(config) == ["domains/big.example.yaml:1:1 YML004"]


@pytest.mark.parametrize("char", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
@pytest.mark.parametrize("where", ["# {}\na: 1\n", "a: '{}'\n", "a{}: 1\n", "a: |\n  {}\n"])
def test_a_bidirectional_control_is_rejected_in_any_position(char: str, where: str) -> None:
    text = where.format(char)
    document, (found,) = load_text(text.encode(), "f.yaml")
    assert (found.code, found.severity) == ("YML010", "error")
    assert found.span is not None
    line = text.split("\n")[found.span.line - 1]
    assert line[found.span.column - 1] == char
    assert document is not None  # the rest of the file is checked too


@pytest.mark.parametrize("mark", "\u200e\u200f\u061c")
def test_a_direction_mark_as_in_ordinary_hebrew_is_only_a_warning(mark: str) -> None:
    _, (found,) = load_text(f"displayName: שלום{mark} world\n".encode(), "f.yaml")
    assert (found.code, found.severity, found.span and found.span.column) == ("YML010", "warning", 18)


def test_a_bidirectional_control_as_an_escape_in_quotes_is_allowed() -> None:
    document, diagnostics = load_text(b'a: "\\u202b\\u05e9\\u202c"\n', "f.yaml")
    assert diagnostics == ()
    assert document is not None
    assert document.value == {"a": "\u202b\u05e9\u202c"}


def test_a_file_full_of_bidirectional_controls_gets_twenty_diagnostics() -> None:
    _, diagnostics = load_text(("\u202e\n" * 1000).join(["#", "a: 1\n"]).replace("\n\u202e", "\n#\u202e").encode(), "f")
    assert 0 < len([d for d in diagnostics if d.code == "YML010"]) <= 20


# --- names of domains that look alike

ALIKE = [
    ("example.com", "ex\u0430mple.com"),  # Cyrillic а
    ("apple.example", "\u0430pple.example"),
    ("paypal.example", "p\u0430yp\u0430l.example"),
    ("scope.example", "\u0455\u0441\u043e\u0440\u0435.example"),  # entirely Cyrillic
    ("example.com", "exarnple.com"),
    ("mail1.example", "maill.example"),
    ("host0.example", "hosto.example"),
    ("ioo.example", "\u0456\u03bf\u043e.example"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
@pytest.mark.parametrize("place", ["target", "forwarding", "alias", "domain", "below"])
def test_a_domain_that_looks_like_another_domain_of_the_workspace_is_a_warning(
    one: str, other: str, place: str, tmp_path: Path
) -> None:
    uses = {
        "target": f"aliases: {{info: ['x@{other}']}}\n",
        "forwarding": f"mailboxes: {{anna: {{forwarding: {{to: ['x@{other}']}}}}}}\n",
        "alias": f"domainAliases: ['{other}']\n",
        "below": f"aliases: {{info: ['x@mail.{other}']}}\n",
    }
    files: dict[str, str | bytes] = {f"domains/{one}.yaml": domain(one, uses.get(place, ""))}
    if place == "domain":
        files[f"domains/{other}.yaml"] = domain(other)
    found = [d for d in workspace(tmp_path, files).diagnostics if d.code == "NAM009"]
    assert found
    assert {d.severity for d in found} == {"warning"}
    alike = [d for d in found if "looks like" in d.message]
    assert alike
    assert all(d.span and d.span.line > 1 for d in found)
    if not other.isascii():  # the message needs both spellings to show which is which
        assert any("xn--" in d.message for d in alike)


@pytest.mark.parametrize(
    "name", ["ex\u0430mple.com", "\u0440aypal.example", "g\u03bf\u03bfgle.example", "\u13aapple.example"]
)
def test_a_domain_that_mixes_scripts_is_a_warning_without_a_similar_domain(name: str, tmp_path: Path) -> None:
    canonical = domain_name(name)
    config = workspace(tmp_path, {f"domains/{canonical}.yaml": domain(name)})
    assert [d.code for d in config.diagnostics] == ["NAM009"]
    assert "Latin" in config.diagnostics[0].message


ORDINARY = [
    "münchen.example", "munchen.example", "straße.example", "école.example", "ñandú.example", "łódź.example",
    "việt-nam.example", "ıstanbul.example", "пример.рф", "оса.example", "ελλάδα.example", "παράδειγμα.gr",
    "ねこネコ猫.example", "ラーメン.jp", "メールsample.jp", "한국.kr", "lg한국.kr", "中文.com", "ไทย.example", "हिन्दी.example",
    "עברית.example", "العربية.example", "ქართული.ge", "հայ.am", "mail1.example", "mail2.example", "a-b.example",
    "123.example", "server10.example", "server11.example", "faß.de", "fass.de", "eu.example", "ev.example",
]  # fmt: skip


def test_ordinary_international_names_cause_no_warning_alone_or_together(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"domains/{name}.yaml": domain(name) for name in ORDINARY}
    config = workspace(tmp_path, files)
    assert [d for d in config.diagnostics if d.code == "NAM009"] == []
    assert len(config.domains) == len(ORDINARY)


def test_a_lookalike_is_reported_once_per_file_and_a_file_full_of_them_gets_twenty_warnings(tmp_path: Path) -> None:
    targets = ", ".join(f"x{n}@ex\u0430mple.com" for n in range(50))
    config = workspace(
        tmp_path, {"domains/example.com.yaml": domain("example.com", f"aliases: {{info: [{targets}]}}\n")}
    )
    assert (
        len([d for d in config.diagnostics if d.code == "NAM009"]) == 3
    )  # it mixes scripts, it looks like the other, and the other looks like it
    targets = ", ".join(f"x@ex\u0430mple.n{n}.example" for n in range(50))
    config = workspace(tmp_path, {"domains/two.example.yaml": domain("two.example", f"aliases: {{i: [{targets}]}}\n")})
    assert len([d for d in config.diagnostics if d.code == "NAM009" and d.span and "two" in d.span.file]) == 20


def test_the_rows_for_ascii_are_those_of_the_library_and_a_skeleton_is_its_own_skeleton() -> None:
    from confusable_homoglyphs.confusables import confusables_data

    for char, prototype in _ASCII.items():
        assert prototype in {row["c"].lower() for row in confusables_data[chr(char)]}
    for name in ("example.com", *(domain_name(n) for n in ORDINARY)):
        assert skeleton(name) == skeleton(name.upper().lower())
    assert mixed_scripts("example.com") == ()


# --- folders

LINKS = {
    "a domain": ("domains/stolen.example.yaml", "outside.yaml"),
    "a domain by an absolute path": ("domains/stolen.example.yaml", "{outside}/outside.yaml"),
    "a product": ("products/stolen.yaml", "outside.yaml"),
    "the folder of domains": ("domains", "folder"),
    "the folder of products": ("products", "folder"),
    "a folder inside": ("domains/eu", "folder"),
    "journals and passwords": (".reconciler", "folder"),
    "the workspace's own file": ("reconciler.yaml", "reconciler.yaml"),
    "nothing at all": ("domains/gone.example.yaml", "nowhere/at/all.yaml"),
    "a device": ("domains/zero.example.yaml", "/dev/zero"),
}


@pytest.mark.parametrize("name", LINKS)
def test_a_link_that_leaves_the_workspace_is_rejected_and_not_read(name: str, tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside / "folder"):
        folder.mkdir(parents=True)
    for file in ("outside.yaml", "folder/stolen.example.yaml"):
        (outside / file).write_text(domain("stolen.example", "mailboxes: {top-secret: {}}\n"))
    (outside / "reconciler.yaml").write_text(WORKSPACE.format(more=""))
    where, target = LINKS[name]
    link = inside / where
    link.parent.mkdir(parents=True, exist_ok=True)
    real = (
        target.format(outside=outside)
        if target.startswith(("{", "/"))
        else os.path.relpath(outside / target, link.parent)
    )
    link.symlink_to(real)
    config = workspace(inside, {})
    assert [d.code for d in config.diagnostics] == ["WSP001"]
    assert config.diagnostics[0].severity == "error"
    assert "link" in config.diagnostics[0].message
    assert where in str(config.diagnostics[0].span)
    assert config.domains == {}
    assert "top-secret" not in repr(config)
    assert all("top-secret" not in text for text in config.texts.values())


def test_a_link_inside_the_workspace_is_followed_and_a_cycle_of_links_ends(tmp_path: Path) -> None:
    (tmp_path / "domains").mkdir()
    (tmp_path / "shared.yaml").write_text(domain("a.example"))
    (tmp_path / "domains/a.example.yaml").symlink_to("../shared.yaml")
    (tmp_path / "domains/again").symlink_to(".")
    (tmp_path / "domains/itself.yaml").symlink_to("itself.yaml")
    config = workspace(tmp_path, {})
    assert list(config.domains) == ["a.example"]
    assert reported(config) == ["domains/itself.yaml:1:1 WSP001"]


@pytest.mark.parametrize(
    "bundle", ["../ca.pem", "certs/../../ca.pem", "link.pem", "loop.pem", "certs/elsewhere/ca.pem"]
)
def test_certificates_outside_the_workspace_are_rejected(bundle: str, tmp_path: Path) -> None:
    inside = tmp_path / "in"
    (inside / "certs").mkdir(parents=True)
    (tmp_path / "ca.pem").write_text("x")
    (inside / "link.pem").symlink_to("../ca.pem")
    (inside / "loop.pem").symlink_to("loop.pem")
    (inside / "certs/elsewhere").symlink_to(tmp_path)
    config = workspace(inside, {"domains/a.example.yaml": domain("a.example")}, f", caBundle: {bundle}")
    column = (tmp_path / "in/reconciler.yaml").read_text().splitlines()[3].index(bundle) + 1
    assert reported(config) == [f"reconciler.yaml:4:{column} WSP004"]
    assert config.domains == {}


@pytest.mark.parametrize("bundle", ["ca.pem", "certs/ca.pem", "./certs/../ca.pem", "/etc/ssl/private-ca.pem"])
def test_certificates_in_the_workspace_and_of_this_machine_are_accepted(bundle: str, tmp_path: Path) -> None:
    config = workspace(tmp_path, {}, f", caBundle: {bundle}")
    assert reported(config) == []
    assert config.workspace.servers["mail1"].ca_bundle == str(tmp_path / bundle)


def test_products_and_servers_cannot_be_named_by_a_path(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("apiVersion: reconciler/v1\nkind: Product\n")
    for name in ("../secret", "/etc/passwd", "a/b", "..", "business\\..\\secret"):
        folder = tmp_path / f"w{len(list(tmp_path.iterdir()))}"
        config = workspace(
            folder, {"domains/a.example.yaml": domain("a.example", f"product: '{name}'\nserver: '{name}'\n")}
        )
        assert {d.code for d in config.diagnostics} <= {"REF001", "REF002", "SCH001"}
        assert config.diagnostics
        assert config.domains == {}


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder"])
def test_an_irregular_file_is_rejected_without_waiting(kind: str, tmp_path: Path) -> None:
    import socket

    (tmp_path / "domains").mkdir()
    path = tmp_path / "domains/odd.example.yaml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        os.chdir(tmp_path / "domains")  # the path of a socket has at most 108 bytes
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    else:
        path.mkdir()
        (path / "b.example.yaml").write_text(domain("b.example"))
    config = workspace(tmp_path, {"domains/a.example.yaml": domain("a.example")})
    if kind == "folder":  # the name of a folder may end like that of a file
        assert list(config.domains) == ["a.example", "b.example"]
    else:
        assert reported(config) == ["domains/odd.example.yaml:1:1 WSP001"]


def test_names_that_differ_only_in_case_are_rejected(tmp_path: Path) -> None:
    product = "apiVersion: reconciler/v1\nkind: Product\n"
    config = workspace(
        tmp_path,
        {
            "products/business.yaml": product,
            "products/Business.yaml": product,
            "domains/a.example.yaml": domain("a.example"),
            "domains/A.example.yaml": domain("A.example"),
        },
    )
    assert reported(config) == [
        "domains/A.example.yaml:3:9 NAM004",
        "domains/a.example.yaml:3:9 NAM004",
        "products/business.yaml:1:1 WSP005",
    ]


def test_a_file_name_may_be_any_spelling_of_its_domain(tmp_path: Path) -> None:
    good = {"domains/xn--mnchen-3ya.example.yaml": domain("münchen.example"), "domains/BÜCHER.example.yaml": domain("bücher.example"),
            "domains/o\u0308l.example.yaml": domain("\u00f6l.example")}  # fmt: skip
    config = workspace(tmp_path, {**good, "domains/other.example.yaml": domain("wrong.example")})
    assert reported(config) == ["domains/other.example.yaml:3:9 NAM003"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems reject such names themselves")
def test_file_names_with_invalid_text_or_line_ends_are_escaped(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "domains")
    (tmp_path / "domains").mkdir()
    for name in (b"a\n::error::x.yaml", b"\xff\xfe.yaml", b"\x1b[2J.yaml", b"-rf.yaml", "\u202egnp.yaml".encode()):
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(b"a: [")
    config = workspace(tmp_path, {})
    assert len(config.diagnostics) == 5
    from reconciler.output.diagnostics_text import render_diagnostics
    from reconciler.output.plan.github import render_diagnostics_github

    for line in render_diagnostics(config.diagnostics, config.texts, color=False, snippets=True, width=80):
        assert line.isprintable()
        assert not line.startswith("::")
    commands = [row for row in render_diagnostics_github(config.diagnostics) if row.startswith("::")]
    assert len(commands) == 5


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other limits for paths")
def test_folders_deeper_than_the_longest_path_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "domains").mkdir()
    deep = os.open(tmp_path / "domains", os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=deep)
        following = os.open("d" * 200, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = following
    os.close(deep)
    config = workspace(tmp_path, {"domains/a.example.yaml": domain("a.example")})
    assert [d.code for d in config.diagnostics] == ["WSP001"]
    assert "cannot be read" in config.diagnostics[0].message


def test_each_of_six_hundred_broken_files_is_reported_once(tmp_path: Path) -> None:
    (tmp_path / "domains").mkdir()
    for n in range(600):
        (tmp_path / f"domains/d{n}.example.yaml").write_text("a: [")
    config = workspace(tmp_path, {})
    assert len(config.diagnostics) == 600


def test_no_file_is_written_through_a_link_that_leaves_the_workspace(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (inside / "domains").symlink_to(outside)
    new = FileChange(path=inside / "domains/a.example.yaml", relative="domains/a.example.yaml", before=None, after="x")
    with pytest.raises(CannotEdit, match="leads out of the workspace"):
        write_changes([new])
    assert list(outside.iterdir()) == []
