"""The shell lines of the CI files run in fresh clones of a real repository against the sandbox."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path
from typing import Any

import pytest
from ci_runners import NOTHING, SOURCE, GitHub, GitLab, Ran, Runners
from sampling import sampled

PATIENT = pytest.mark.timeout(240)
FILE = "domains/first.example.yaml"


class Repository:
    """A workspace imported from the server, in git, with a CI host that runs its CI file."""

    def __init__(self, world: Any, program: Any, tmp_path: Path, ci: str, inside: str) -> None:
        self.world, self.program = world, program
        self.origin = tmp_path / "origin.git"
        program.git("init", "-q", "--bare", "-b", "main", str(self.origin))
        program.git("clone", "-q", str(self.origin), "here")
        program.cwd = tmp_path / "here"
        program.git("switch", "-q", "-c", "main")
        self.root = program.cwd / inside
        words = ("--from", world.url, "--all", "--hostname", "mail1.example.net", "--ci", ci, "--install", SOURCE)
        done = program("init", inside, *words, **world.account())
        assert done.returncode == 0, done.stderr
        with (self.root / "reconciler.yaml").open("a", encoding="utf-8") as file:
            file.write(f'dns: {{resolvers: ["{world.dns}"], timeout: 2}}\n')
        program.git("add", ".")
        self.first = self.commit("What the server has")
        self.runners = Runners(tmp_path / "hoster", self.origin, program.clean(), world.account())

    def commit(self, message: str) -> str:
        self.program.git("commit", "-q", "-a", "-m", message)
        self.program.git("push", "-q", "origin", "HEAD")
        return str(self.program.git("rev-parse", "HEAD"))

    def edit(self, old: str, new: str, file: str = FILE) -> None:
        path = self.root / file
        text = path.read_text("utf-8")
        assert old in text, text
        path.write_text(text.replace(old, new, 1), "utf-8")

    def request(self, branch: str) -> tuple[str, str]:
        """A pull request of the current branch: its head commit and the merge commit that GitHub creates."""
        self.program.git("push", "-q", "origin", f"HEAD:{branch}")
        head = self.program.git("rev-parse", "HEAD")
        self.program.git("switch", "-q", "--detach", "main")
        self.program.git("merge", "-q", "--no-ff", "-m", "Merge", head)
        self.program.git("push", "-q", "--force", "origin", "HEAD:refs/pull/7/merge")
        merge = self.program.git("rev-parse", "HEAD")
        self.program.git("switch", "-q", branch)
        return head, merge

    def by_hand(self, mailbox: str, **data: Any) -> None:
        """Changes a mailbox as a person would in the web interface."""
        body = {"email": f"{mailbox}@first.example", "userData": {"userName": mailbox, **data}}
        self.world.as_boss("first.example", "post-user", body)


@pytest.fixture
def github(world: Any, program: Any, tmp_path: Path) -> Repository:
    return Repository(world, program, tmp_path, "github", "mail box")


@pytest.fixture
def gitlab(world: Any, program: Any, tmp_path: Path) -> Repository:
    return Repository(world, program, tmp_path, "gitlab", ".")


def no_secret(repository: Repository, *ran: Ran) -> None:
    for one in ran:
        for text in (one.out, one.summary, *one.artifacts.values()):
            assert repository.world.password[:12] not in text


@PATIENT
def test_the_github_jobs_plan_a_pull_request_comment_once_and_apply_the_merge(github: Repository) -> None:
    actions = GitHub(github.runners)
    fresh = actions.run("apply", github.first, github__event__before=NOTHING)
    assert fresh.code == 0, fresh.out
    assert "nothing" in fresh.out.lower() or "No changes" in fresh.out

    github.program.git("switch", "-q", "-c", "more")
    github.edit("mailboxes:\n", "mailboxes:\n  dora: {displayName: Dora}\n")
    github.commit("Dora comes")
    github.by_hand("user2", fullName="Changed by hand")
    _, merge = github.request("more")
    assert actions.run("validate", merge).code == 0
    values = {"github__base_ref": "main", "github__event__pull_request__number": "7"}
    planned = actions.run("plan", merge, **values)
    assert planned.code == 0, planned.out
    assert set(planned.artifacts) == {"plan.md", "plan.json", "plan.saved"}
    document = json.loads(planned.artifacts["plan.json"])
    (first, *_) = document["domains"]
    assert {c["address"]: c["share"] for c in first["changes"]} == {
        "dora@first.example": "change-set",
        "user2@first.example": "pending",
    }
    carol, comment = github.runners.comments
    assert carol["body"] == "Looks good."
    assert comment["body"].startswith("<!-- reconciler plan of mail box -->\n")
    assert "dora@first.example" in comment["body"]
    assert "dora@first.example" in planned.summary

    github.edit("displayName: Dora", "displayName: Dora Newman")
    github.commit("Her name")
    _, merge = github.request("more")
    again = actions.run("plan", merge, **values)
    assert again.code == 0, again.out
    assert [c["id"] for c in github.runners.comments] == [carol["id"], comment["id"]]
    assert "Dora Newman" in github.runners.comments[1]["body"]

    applied = actions.run("apply", merge, github__event__before=github.first)
    assert applied.code == 0, applied.out
    assert "converged" in applied.out
    nightly = GitHub(github.runners, ".github/workflows/reconciler-nightly.yml")
    quiet = nightly.run("drift", merge)
    assert quiet.code == 0, quiet.out
    no_secret(github, fresh, planned, again, applied, quiet)


@PATIENT
def test_the_nightly_github_jobs_fail_if_the_server_or_dns_differs_from_the_files(github: Repository) -> None:
    nightly = GitHub(github.runners, ".github/workflows/reconciler-nightly.yml")
    assert nightly.run("drift", github.first).code == 0
    github.by_hand("user2", fullName="Changed by hand")
    drifted = nightly.run("drift", github.first)
    assert drifted.code == 2, drifted.out
    assert "user2@first.example" in drifted.summary
    dns = nightly.run("dns", github.first)
    assert dns.code == 7, dns.out
    assert "first.example" in dns.summary
    assert "second.example" in dns.out
    no_secret(github, drifted, dns)


@PATIENT
def test_a_refused_plan_fails_its_job_and_still_gets_a_comment(github: Repository) -> None:
    github.edit("  user0:\n", "  user0:\n    protect: true\n")
    guarded = github.commit("user0 is protected")
    actions = GitHub(github.runners)
    assert actions.run("apply", guarded, github__event__before=github.first).code == 0
    github.program.git("switch", "-q", "-c", "away")
    text = (github.root / FILE).read_text("utf-8")
    text = re.sub(r"^  user0:\n(?:    .*\n)+", "", text, flags=re.MULTILINE).replace("user0", "user1")
    (github.root / FILE).write_text(text + "removed:\n  mailboxes: [user0]\n", "utf-8")
    github.commit("Delete user0 and its protection")
    _, merge = github.request("away")
    values = {"github__base_ref": "main", "github__event__pull_request__number": "7"}
    planned = actions.run("plan", merge, **values)
    assert planned.code == 4, planned.out
    assert "plan.saved" not in planned.artifacts
    assert "the same change removes that protection (GRD010)" in github.runners.comments[-1]["body"]
    applied = actions.run("apply", merge, github__event__before=guarded)
    assert applied.code == 4, applied.out
    assert "user0" in github.world.own("state")["domains"]["first.example"]["users"]


@PATIENT
def test_invalid_files_fail_the_first_github_job_with_annotations(github: Repository) -> None:
    github.edit("displayName", "displayNmae")
    wrong = github.commit("A slip")
    ran = GitHub(github.runners).run("validate", wrong)
    assert ran.code == 3
    assert re.search(r"^::error file=mail box/domains/first\.example\.yaml,line=\d+", ran.out, re.MULTILINE), ran.out


@PATIENT
def test_the_gitlab_jobs_validate_plan_apply_and_check_for_drift(gitlab: Repository) -> None:
    jobs = GitLab(gitlab.runners)
    gitlab.program.git("switch", "-q", "-c", "more")
    gitlab.edit("mailboxes:\n", "mailboxes:\n  dora: {displayName: Dora}\n")
    head = gitlab.commit("Dora comes")
    gitlab.program.git("push", "-q", "origin", "HEAD:more")
    valid = jobs.run("validate", head)
    assert valid.code == 0, valid.out
    assert xml.etree.ElementTree.fromstring(valid.artifacts["validate.xml"]).tag.startswith("testsuite")
    planned = jobs.run("plan", head, CI_MERGE_REQUEST_DIFF_BASE_SHA=gitlab.first)
    assert planned.code == 0, planned.out
    assert set(planned.artifacts) == {"plan.md", "plan.json", "plan.saved", "gl-code-quality.json"}
    assert isinstance(json.loads(planned.artifacts["gl-code-quality.json"]), list)
    assert json.loads(planned.artifacts["plan.json"])["domains"][0]["changes"][0]["share"] == "change-set"

    elsewhere = gitlab.runners.clone(head)
    (elsewhere / "plan.saved").write_text(planned.artifacts["plan.saved"], "utf-8")
    code, out = gitlab.runners.shell("reconciler apply --yes --plan plan.saved", elsewhere, gitlab.world.account())
    assert code == 0, out  # The manual job applies the approved plan from the artifact.
    assert "dora@first.example" in out
    gitlab.by_hand("dora", fullName="Changed by hand")

    for before in (gitlab.first, NOTHING):
        applied = jobs.run("apply", head, CI_COMMIT_BEFORE_SHA=before)
        assert applied.code == 0, applied.out
    assert list((gitlab.runners.place / "caches/reconciler-journal").glob("*"))
    quiet = jobs.run("drift", head)
    assert quiet.code == 0, quiet.out
    gitlab.by_hand("user2", fullName="Changed by hand")
    drifted = jobs.run("drift", head)
    assert drifted.code == 2
    assert "user2@first.example" in drifted.artifacts["drift.md"]
    dns = jobs.run("dns", head)
    assert dns.code == 7, dns.out
    assert "first.example" in dns.artifacts["dns.xml"]
    no_secret(gitlab, valid, planned, applied, drifted, dns)


@PATIENT
def test_the_first_gitlab_job_reports_invalid_files(gitlab: Repository) -> None:
    gitlab.edit("displayName", "displayNmae")
    ran = GitLab(gitlab.runners).run("validate", gitlab.commit("A slip"))
    assert ran.code == 3
    assert "failure" in ran.artifacts["validate.xml"]
    (found,) = json.loads(ran.artifacts["gl-code-quality.json"])
    assert found["location"]["path"] == FILE


@PATIENT
@pytest.mark.parametrize("inside", sampled(["mail box", "."], 2))
def test_pre_commit_runs_the_hook_only_on_workspace_files(program: Any, tmp_path: Path, inside: str) -> None:
    program.git("init", "-q", ".")
    assert program("init", inside, "--ci", "pre-commit", "--install", SOURCE).returncode == 0
    config = program.cwd / ".pre-commit-config.yaml"
    text = config.read_text("utf-8")
    # The program under test is already installed; pre-commit would download it from the index.
    text = re.sub(r"language: python\n *additional_dependencies: .*", "language: system", text)
    assert "language: system" in text
    config.write_text(text, "utf-8")
    program.git("add", ".")

    def commit() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).parent / "pre-commit", "run", "--color=never"],
            cwd=program.cwd,
            env={**program.clean(), "PRE_COMMIT_HOME": str(tmp_path / "pre-commit")},
            capture_output=True,
            text=True,
            timeout=60,
        )

    good = commit()
    assert good.returncode == 0, good.stdout + good.stderr
    assert re.search(r"reconciler validate\.+Passed", good.stdout)
    file = program.cwd / inside / "domains" / "example.com.yaml"
    file.write_text(file.read_text("utf-8").replace("quota:", "quotta:"), "utf-8")
    program.git("add", ".")
    wrong = commit()
    assert wrong.returncode == 1
    assert "did you mean `quota`?" in wrong.stdout
    program.git("reset", "-q")
    (program.cwd / "README.md").write_text("mail\n", "utf-8")
    program.git("add", "README.md")
    assert re.search(r"reconciler validate\.+.*Skipped", commit().stdout)
