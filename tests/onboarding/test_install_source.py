"""`init --ci KIND --install SPEC`: the accepted sources, the source of the running program, and existing workspaces."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ci_runners import SOURCE
from hypothesis import given
from hypothesis import strategies as st

import reconciler
from reconciler.app.onboarding import install_source
from reconciler.app.onboarding.ci_files import CI_FILES, ci_files
from reconciler.app.onboarding.install_source import BadSource, InstallSource, checked_spec, running_source

COMMIT = "0123456789abcdef" * 2 + "01234567"
HASH = "0123456789abcdef" * 4
WHEEL = f"https://files.example/a/smartermail_reconciler-0.1.0-py3-none-any.whl#sha256={HASH}"
KINDS = sorted(CI_FILES)


@pytest.mark.parametrize(
    "spec",
    [
        f"smartermail-reconciler @ git+https://git.example/mail/reconciler@{COMMIT}",
        f"smartermail-reconciler[report,age] @ git+https://git.example:8443/mail/reconciler.git@{COMMIT}",
        f"smartermail-reconciler@git+https://git.example/r@{HASH}",
        WHEEL,
        f"smartermail-reconciler[vault] @ {WHEEL}",
        f"https://files.example/smartermail_reconciler-1.0+local-py3-none-any.whl#sha256={HASH}",
    ],
)
def test_a_source_with_a_commit_or_a_hash_is_accepted(spec: str) -> None:
    assert checked_spec(f" {spec}\n") == spec


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("reconciler", "names a package of an index"),
        ("smartermail-reconciler", "names a package of an index"),
        ("reconciler==0.1.0", "names a package of an index"),
        ("smartermail-reconciler[report]>=1", "names a package of an index"),
        ("", "is not a source"),
        (".", "names a package"),
        ("-r requirements.txt", "is not a source"),
        (f"git+https://git.example/r@{COMMIT}", "is not a source"),
        (f"other @ git+https://git.example/r@{COMMIT}", "is not a source"),
        ("smartermail-reconciler @ git+https://git.example/r@main", "is not a source"),
        ("smartermail-reconciler @ git+https://git.example/r@0123abc", "is not a source"),
        ("smartermail-reconciler @ git+https://git.example/r", "is not a source"),
        (f"smartermail-reconciler @ git+http://git.example/r@{COMMIT}", "is not a source"),
        (f"smartermail-reconciler @ git+ssh://git@git.example/r@{COMMIT}", "contains credentials"),
        (f"smartermail-reconciler @ git+https://me:token@git.example/r@{COMMIT}", "contains credentials"),
        (f"smartermail-reconciler @ git+https://git.example/r@{COMMIT}#egg=x", "is not a source"),
        (f"smartermail-reconciler @ git+https://git.example/$(id)@{COMMIT}", "is not a source"),
        (f"smartermail-reconciler @ git+https://git.example/r@{COMMIT}\nrun: id", "is not a source"),
        (f"smartermail-reconciler @ git+https://git.example/r'\"`@{COMMIT}", "is not a source"),
        (WHEEL.partition("#")[0], "is not a source"),
        (WHEEL.replace("https", "http"), "is not a source"),
        (WHEEL.replace("smartermail_reconciler", "reconciler"), "is not a source"),
        (WHEEL[:-1], "is not a source"),
        (WHEEL.replace(".whl", ".tar.gz"), "is not a source"),
    ],
)
def test_any_other_source_is_refused_with_the_accepted_forms(spec: str, why: str) -> None:
    with pytest.raises(BadSource, match=why) as caught:
        checked_spec(spec)
    assert "git+https://HOST/PATH@COMMIT" in str(caught.value)


@given(st.text(max_size=12), st.integers(0, len(WHEEL)), st.booleans())
def test_an_accepted_source_has_no_character_with_a_meaning_in_shell_or_yaml(
    text: str, at: int, is_wheel: bool
) -> None:
    base = WHEEL if is_wheel else SOURCE
    try:
        spec = checked_spec(base[:at] + text + base[at:])
    except BadSource:
        return
    assert not set(spec) & set("\"'`$\\!;&|<>(){}*?\n\r\t%^~") - {"~"}
    assert yaml.safe_load(f'x: "{spec}"') == {"x": spec}


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_of_each_kind_contain_the_source(tmp_path: Path, kind: str) -> None:
    for spec in (SOURCE, WHEEL):
        for path, text in ci_files(tmp_path, [kind], spec).items():
            assert text.count(f'"{spec}"') == 1, path
            assert "language: fail" not in text


def test_without_a_source_the_hook_of_pre_commit_fails_and_shows_the_lines_to_write(program: Any) -> None:
    (text,) = ci_files(program.cwd, ["pre-commit"]).values()
    (hook,) = yaml.safe_load(text)["repos"][0]["hooks"]
    assert (hook["language"], hook["args"]) == ("fail", ["-w", "."])
    assert '`additional_dependencies: ["smartermail-reconciler @ git+https://HOST/PATH@COMMIT"]`' in hook["entry"]


@pytest.mark.parametrize("kind", ["github", "gitlab"])
@pytest.mark.parametrize("spec", ["", SOURCE])
def test_without_a_source_the_install_step_fails_and_names_the_value_to_fill_in(
    tmp_path: Path, kind: str, spec: str
) -> None:
    (tmp_path / "pip").write_text('#!/bin/sh\nprintf "%s|" "$@"\n', "utf-8")
    (tmp_path / "pip").chmod(0o755)
    for text in ci_files(tmp_path, [kind], spec).values():
        made = yaml.safe_load(text)
        if kind == "github":
            steps = [step for job in made["jobs"].values() for step in job["steps"]]
            scripts = {step["run"] for step in steps if step.get("name") == "Install"}
        else:
            scripts = set(made["default"]["before_script"])
        (script,) = scripts
        values = made.get("env") or made["variables"]
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "RECONCILER_SOURCE": values["RECONCILER_SOURCE"]}
        done = subprocess.run(["sh", "-e", "-c", script], env=environment, capture_output=True, text=True)
        if spec:
            assert (done.returncode, done.stdout) == (0, f"install|{spec}|")
        else:
            assert done.returncode != 0
            assert not done.stdout
            assert "RECONCILER_SOURCE" in done.stderr
            assert "smartermail-reconciler @ git+https://HOST/PATH@COMMIT" in done.stderr


class Clone:
    """A clone of a project with our name and its own remote."""

    def __init__(self, program: Any, name: str = "smartermail-reconciler") -> None:
        self.program = program
        self.root = program.cwd / "clone"
        self.root.mkdir()
        self.git("init", "-q")
        (self.root / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n', "utf-8")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "First")
        self.commit = self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        return str(self.program.git("-C", str(self.root), *words))

    def remote(self, url: str, *, pushed: bool = True) -> None:
        self.git("remote", "add", "origin", url)
        if pushed:
            self.git("update-ref", "refs/remotes/origin/main", self.commit)

    def source(self, monkeypatch: pytest.MonkeyPatch) -> InstallSource:
        monkeypatch.setattr(install_source, "_direct_url", dict)
        monkeypatch.setattr(install_source, "PACKAGE", self.root / "reconciler")
        return running_source()


@pytest.fixture
def clone(program: Any) -> Clone:
    return Clone(program)


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://git.example/mail/reconciler.git", "https://git.example/mail/reconciler.git"),
        ("https://me:s3cret@git.example/mail/reconciler", "https://git.example/mail/reconciler"),
        ("https://token@git.example/r", "https://git.example/r"),
        ("git@git.example:mail/reconciler.git", "https://git.example/mail/reconciler.git"),
        ("ssh://git@git.example:2222/mail/reconciler", "https://git.example/mail/reconciler"),
    ],
)
def test_in_a_clone_the_source_is_its_remote_without_credentials_and_its_commit(
    clone: Clone, monkeypatch: pytest.MonkeyPatch, remote: str, address: str
) -> None:
    clone.remote(remote)
    found = clone.source(monkeypatch)
    assert found.spec == f"smartermail-reconciler @ git+{address}@{clone.commit}"
    assert [("SSH" in text) for text in found.warnings] == ([] if remote.startswith("https") else [True])
    assert "s3cret" not in str(found)


def test_a_commit_that_jobs_cannot_fetch_and_uncommitted_changes_get_a_warning(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.remote("https://git.example/r", pushed=False)
    (clone.root / "pyproject.toml").write_text('[project]\nname = "smartermail-reconciler"\nversion = "2"\n', "utf-8")
    found = clone.source(monkeypatch)
    assert found.spec.endswith(clone.commit)
    assert "not committed" in found.warnings[0]
    assert "not pushed" in found.warnings[1]


@pytest.mark.parametrize("remote", ["", "/srv/git/reconciler.git", "http://git.example/r", "https://git.example/a b"])
def test_a_clone_without_a_usable_remote_has_no_source(
    clone: Clone, monkeypatch: pytest.MonkeyPatch, remote: str
) -> None:
    if remote:
        clone.remote(remote)
    assert clone.source(monkeypatch) == InstallSource()


def test_a_repository_of_another_project_that_holds_the_program_is_not_its_source(
    program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Clone(program, name="somebody-elses")
    other.remote("https://git.example/r")
    assert other.source(monkeypatch) == InstallSource()


@pytest.mark.parametrize(
    ("recorded", "spec"),
    [
        (
            {"url": "https://git.example/r", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
            f"smartermail-reconciler @ git+https://git.example/r@{COMMIT}",
        ),
        ({"url": "https://git.example/r", "vcs_info": {"vcs": "hg", "commit_id": COMMIT}}, ""),
        ({"url": WHEEL.partition("#")[0], "archive_info": {"hashes": {"sha256": HASH}}}, WHEEL),
        ({"url": WHEEL.partition("#")[0], "archive_info": {"hash": f"sha256={HASH}"}}, WHEEL),
        ({"url": WHEEL.partition("#")[0], "archive_info": {}}, ""),
        ({"url": "file:///tmp/smartermail_reconciler-0.1.0-py3-none-any.whl", "archive_info": {}}, ""),
        ({"url": "file:///no/such/folder", "dir_info": {}}, ""),
    ],
)
def test_an_installed_program_has_the_source_that_its_installer_recorded(
    monkeypatch: pytest.MonkeyPatch, recorded: dict[str, Any], spec: str
) -> None:
    monkeypatch.setattr(install_source, "_direct_url", lambda: recorded)
    assert running_source().spec == spec


def test_the_program_installed_from_a_clone_has_the_source_of_the_clone(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.remote("https://git.example/r")
    monkeypatch.setattr(install_source, "_direct_url", lambda: {"url": clone.root.as_uri(), "dir_info": {}})
    assert running_source().spec == f"smartermail-reconciler @ git+https://git.example/r@{clone.commit}"


def test_the_real_program_reads_the_record_of_its_installer(program: Any, tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(Path(reconciler.__file__).parent, site / "reconciler")
    data = Path(reconciler.__file__).parents[1] / "schemas"
    if data.is_dir() and not (site / "reconciler" / "_data").exists():
        shutil.copytree(data, site / "reconciler" / "_data" / "schemas")
    info = site / "smartermail_reconciler-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: smartermail-reconciler\nVersion: 0.1.0\n", "utf-8")
    recorded = {"url": "https://git.example/r", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
    (info / "direct_url.json").write_text(json.dumps(recorded), "utf-8")
    code = "import reconciler.cli; reconciler.cli.main()"
    words = [sys.executable, "-c", code, "init", "mail", "--ci", "gitlab"]
    environment = {**program.clean(), "PYTHONPATH": str(site)}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "mail" / ".gitlab-ci.yml").read_text("utf-8")
    assert f'RECONCILER_SOURCE: "smartermail-reconciler @ git+https://git.example/r@{COMMIT}"' in text


def test_ci_files_are_added_to_an_existing_workspace(program: Any) -> None:
    assert program("init", "mail").returncode == 0
    before = {path: path.read_bytes() for path in (program.cwd / "mail").rglob("*") if path.is_file()}
    done = program("init", ".", "--ci", "github", "--install", SOURCE, RECONCILER_WORKSPACE="mail")
    assert done.returncode == 0, done.stderr
    program.cwd = program.cwd / "mail"
    done = program("init", ".", "--ci", "github", "--install", SOURCE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        ".github/workflows/reconciler-nightly.yml",
        ".github/workflows/reconciler.yml",
    ]
    assert {path: path.read_bytes() for path in before} == before
    again = program("init", ".", "--ci", "github", "--install", SOURCE)
    assert (again.returncode, again.stdout) == (0, "")
    assert "exist already" in again.stderr


def test_a_ci_file_with_other_content_is_reported_and_not_overwritten(program: Any) -> None:
    assert program("init", ".").returncode == 0
    (program.cwd / ".gitlab-ci.yml").write_text("mine: {script: [make]}\n", "utf-8")
    done = program("init", ".", "--ci", "gitlab", "--ci", "pre-commit", "--install", SOURCE)
    assert done.returncode == 4
    assert ".gitlab-ci.yml exists and has other content; nothing was written" in done.stderr
    assert (program.cwd / ".gitlab-ci.yml").read_text("utf-8") == "mine: {script: [make]}\n"
    assert not (program.cwd / ".pre-commit-config.yaml").exists()


def test_a_wrong_source_is_a_usage_error_and_nothing_is_written(program: Any) -> None:
    done = program("init", "mail", "--ci", "github", "--install", "reconciler==0.1.0")
    assert done.returncode == 64
    assert "no index has this program" in done.stderr
    assert not (program.cwd / "mail").exists()
    assert program("init", "mail", "--install", SOURCE).returncode == 64
