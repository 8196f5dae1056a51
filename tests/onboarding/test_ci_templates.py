"""The CI templates: valid by their schemas, pinned, with minimal permissions and no secret for forks."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ci_runners import SOURCE
from sampling import sampled

import reconciler
from reconciler.app.onboarding.ci_files import CI_FILES, ci_files

ROOT = Path(__file__).parents[2]
TEMPLATES = Path(reconciler.__file__).parent / "app" / "starter" / "ci"
GITHUB = sorted(CI_FILES["github"])


def tool(name: str, *words: str, home: Path) -> None:
    """Runs a linter of the development dependencies; it must pass."""
    done = subprocess.run(
        [Path(sys.executable).parent / name, *words],
        env={**os.environ, "PRE_COMMIT_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def read(template: str) -> Any:
    # PyYAML reads YAML 1.1, where `on` is a boolean.
    return yaml.safe_load((TEMPLATES / template).read_text("utf-8").replace("\non:\n", '\n"on":\n'))


@pytest.mark.parametrize("place", sampled(["with a source", "templates", "without a source"], 3))
def test_the_templates_match_the_schemas_of_github_and_gitlab(tmp_path: Path, place: str) -> None:
    folder = TEMPLATES
    names = {template: template for templates in CI_FILES.values() for template in templates}
    if place != "templates":
        folder = tmp_path / "a repository: # 'odd'"
        (folder / ".git").mkdir(parents=True)
        names = {template: target for rows in CI_FILES.values() for template, target in rows.items()}
        for path, text in ci_files(
            folder / "in: here #1", CI_FILES, SOURCE if place == "with a source" else ""
        ).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    for template in GITHUB:
        tool(
            "check-jsonschema",
            "--builtin-schema",
            "vendor.github-workflows",
            str(folder / names[template]),
            home=tmp_path,
        )
    gitlab = folder / names["gitlab/.gitlab-ci.yml"]
    tool("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(gitlab), home=tmp_path)
    config = folder / names["pre-commit/.pre-commit-config.yaml"]
    tool("pre-commit", "validate-config", str(config), home=tmp_path)


@pytest.mark.source
def test_the_published_hook_is_valid_and_equals_the_hook_in_the_template(tmp_path: Path) -> None:
    manifest = ROOT / ".pre-commit-hooks.yaml"
    tool("pre-commit", "validate-manifest", str(manifest), home=tmp_path)
    (shared,) = yaml.safe_load(manifest.read_text("utf-8"))
    (text,) = ci_files(tmp_path, ["pre-commit"], SOURCE).values()
    (here,) = yaml.safe_load(text)["repos"][0]["hooks"]
    assert {key: here[key] for key in shared if key != "description"} == {
        key: value for key, value in shared.items() if key != "description"
    }


def test_init_can_write_every_template() -> None:
    known = {template for templates in CI_FILES.values() for template in templates}
    assert known == {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*") if path.is_file()}


def test_each_template_contains_the_install_source_and_the_workspace_path(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for place, shown in ((tmp_path, "."), (tmp_path / "mail", "mail"), (tmp_path / "a b", "a b")):
        texts = {path.name: text for path, text in ci_files(place, CI_FILES, SOURCE).items()}
        hook = yaml.safe_load(texts.pop(".pre-commit-config.yaml"))["repos"][0]["hooks"][0]
        assert hook["args"] == ["-w", shown]
        assert hook["additional_dependencies"] == [SOURCE]
        assert len(texts) == 3
        for name, text in texts.items():
            made = yaml.safe_load(text)
            values = made.get("env") or made["variables"]
            assert (values["RECONCILER_WORKSPACE"], values["RECONCILER_SOURCE"]) == (shown, SOURCE), name


@pytest.mark.parametrize("template", GITHUB)
def test_the_templates_use_only_actions_of_github_pinned_to_a_commit(template: str) -> None:
    text = (TEMPLATES / template).read_text("utf-8")
    used = re.findall(r"uses: (.*)", text)
    assert used
    for action in used:
        assert re.fullmatch(
            r"actions/(checkout|setup-python|cache/\w+|upload-artifact)@[0-9a-f]{40} # v[0-9.]+", action
        )


@pytest.mark.parametrize("template", GITHUB)
def test_jobs_have_read_permissions_and_only_the_plan_job_can_comment(template: str) -> None:
    made = read(template)
    assert made["permissions"] == {"contents": "read"}
    for name, job in made["jobs"].items():
        expected = {"contents": "read", "pull-requests": "write"} if name == "plan" else None
        assert job.get("permissions") == expected
        assert job["timeout-minutes"] <= 60
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("template", GITHUB)
def test_untrusted_text_enters_scripts_only_through_environment_variables(template: str) -> None:
    for job in read(template)["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), step


def test_pull_requests_from_forks_are_only_validated_and_get_no_secret() -> None:
    made = read("github/reconciler.yml")
    assert "pull_request_target" not in made["on"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in made["jobs"]["plan"]["if"]
    assert made["jobs"]["apply"]["if"].startswith("github.event_name != 'pull_request' && ")
    assert "secrets." not in str(made["jobs"]["validate"]) + str(made["env"])
    for name in ("plan", "apply"):
        with_secrets = [step["name"] for step in made["jobs"][name]["steps"] if "secrets." in str(step)]
        assert with_secrets == [name.capitalize()]
    gitlab = read("gitlab/.gitlab-ci.yml")
    (rule,) = gitlab["plan"]["rules"]
    assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID" in rule["if"]


def test_only_one_apply_runs_at_a_time_and_a_plan_never_cancels_a_waiting_apply() -> None:
    jobs = read("github/reconciler.yml")["jobs"]
    assert jobs["apply"]["concurrency"] == {"group": "reconciler-apply", "cancel-in-progress": False}
    assert jobs["plan"]["concurrency"]["group"].startswith("reconciler-plan-")
    assert read("gitlab/.gitlab-ci.yml")["apply"]["resource_group"] == "reconciler"


def test_plan_jobs_fetch_the_git_history_that_base_needs() -> None:
    jobs = read("github/reconciler.yml")["jobs"]
    for name in ("plan", "apply"):
        assert jobs[name]["steps"][0]["with"]["fetch-depth"] == 0
    assert read("gitlab/.gitlab-ci.yml")["variables"]["GIT_DEPTH"] == "0"
