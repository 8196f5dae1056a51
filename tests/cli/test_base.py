"""`--base REF` with a real repository and the sandbox: attribution, hidden changes, protections of the base."""

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.sandbox import Sandbox

Make = Callable[..., Any]
Run = Callable[..., Any]
GIB = 1 << 30
FILE = "domains/example.com.yaml"


class Repo:
    """The repository of a workspace, with methods that commit, apply and change the server out of band."""

    def __init__(self, w: Any, inside: Run, top: Path | None = None) -> None:
        self.w, self.inside, self.top = w, inside, top or w.root
        self.git("init", "-q", "-b", "main")
        w.write(".gitignore", ".reconciler/\n*.json\n")

    def git(self, *words: str, at: Path | None = None) -> str:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        settings = ("user.name=T", "user.email=t@example.com", "commit.gpgsign=false", "core.hooksPath=/dev/null")
        options = [word for s in settings for word in ("-c", s)]
        done = subprocess.run(
            ["git", *options, "-C", str(at or self.top), *words],
            env={**clean, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout.strip()

    def commit(self, body: str | None = None) -> None:
        if body is not None:
            self.w.domain("example.com", body)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "A change")

    def branch(self, body: str | None = None) -> None:
        self.git("switch", "-q", "-c", "feature")
        self.commit(body)

    def apply(self, *words: str) -> None:
        done = self.inside(self.w, "apply", "--yes", *words)
        assert done.code == 0, done.out + done.err

    def edit_server(self, body: str) -> None:
        """Changes the server out of band: another workspace applies other files."""
        root = self.w.root.parent / "elsewhere"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        shutil.copytree(self.w.root / "products", root / "products")
        shutil.copy(self.w.root / "reconciler.yaml", root)
        other = replace(self.w, root=root)
        other.domain("example.com", body)
        done = self.inside(other, "apply", "--yes", "--allow-deletions", str(body.count("gone-")))
        assert done.code == 0, done.out + done.err

    def plan(self, *words: str, command: str = "plan") -> tuple[int, Any]:
        """The exit code and the only domain of the document."""
        done = self.inside(self.w, command, "--format", "json", *words)
        assert done.out, done.err
        (domain,) = json.loads(done.out)["domains"]
        return done.code, domain


@pytest.fixture
def repo(sandbox: Sandbox, workspace: Make, inside: Run) -> Repo:
    """A workspace in its own repository without commits."""
    return Repo(_in_folder(workspace(sandbox.endpoint, policy="{externalForwarding: allow}"), "ws"), inside)


def _in_folder(w: Any, folder: str) -> Any:
    """Moves the workspace to a subfolder."""
    target = w.root / folder
    target.mkdir(parents=True)
    for name in ("reconciler.yaml", "products"):
        shutil.move(w.root / name, target / name)
    return replace(w, root=target)


def own(sandbox: Sandbox, method: str, path: str, body: Any = None) -> Any:
    url = f"{sandbox.endpoint.url}/sandbox/{path}"
    answer = httpx.request(
        method, url, json=body, headers={"X-Sandbox": "1"}, trust_env=False, verify=False, timeout=20
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def attributions(domain: Any) -> dict[str, Any]:
    """Maps each address to its attribution and to the attribution of each field."""
    rows = domain["changes"]
    return {c["address"]: (c["share"], {n: f["share"] for n, f in c["fields"].items()}) for c in rows}


def directions(domain: Any) -> dict[str, Any]:
    return {c["address"]: c.get("direction") for c in domain["changes"]}


def codes(domain: Any) -> list[str]:
    return [d["code"] for d in domain["diagnostics"]]


# Attribution


def test_a_branch_changes_a_quota_while_the_server_drifted_elsewhere(repo: Repo) -> None:
    repo.commit("mailboxes: {alice: {quota: 5 GiB}, bob: {quota: 5 GiB}, carl: {quota: 5 GiB, displayName: Carl}}\n")
    repo.apply()
    repo.edit_server("mailboxes: {bob: {quota: 7 GiB}, carl: {displayName: Karl}}\n")
    repo.branch("mailboxes: {alice: {quota: 9 GiB}, bob: {quota: 5 GiB}, carl: {quota: 9 GiB, displayName: Carl}}\n")
    code, domain = repo.plan("--base", "main", "--detailed-exitcode")
    assert code == 2
    assert attributions(domain) == {
        "alice@example.com": ("change-set", {"quota": "change-set"}),
        "bob@example.com": ("pending", {"quota": "pending"}),
        "carl@example.com": ("both", {"displayName": "pending", "quota": "change-set"}),
    }
    assert directions(domain) == {
        "alice@example.com": "git",
        "bob@example.com": "server",
        "carl@example.com": "both",
    }
    assert "masked" not in domain
    text = repo.inside(repo.w, "plan", "--base", "main").out
    assert "already pending" in text
    markdown = repo.inside(repo.w, "plan", "--base", "main", "--format", "markdown").out
    assert markdown.index("Introduced by this change") < markdown.index("bob@example.com")


def test_drift_that_the_branch_adopts_is_hidden_by_this_change_with_the_line_that_hides_it(repo: Repo) -> None:
    repo.commit("mailboxes: {alice: {quota: 5 GiB}}\nremoved: {mailboxes: [dora]}\n")
    repo.apply()
    repo.edit_server("mailboxes: {alice: {quota: 9 GiB}, dora: {}}\n")
    repo.branch("mailboxes:\n  alice: {quota: 9 GiB}\n")
    code, domain = repo.plan("--base", "main", "--detailed-exitcode")
    assert (code, domain["changes"]) == (0, [])
    (alice, dora) = domain["masked"]
    assert (alice["address"], alice["action"], alice["direction"]) == ("alice@example.com", "update", "server")
    assert alice["fields"]["quota"]["before"] == 9 * GIB
    assert alice["fields"]["quota"]["after"] == 5 * GIB
    assert (alice["source"]["file"], alice["source"]["line"]) == (FILE, 7)
    assert (dora["address"], dora["action"]) == ("dora@example.com", "delete")
    assert "alice@example.com" in repo.inside(repo.w, "plan", "--base", "main").out


def test_changes_are_pending_if_the_files_are_equal_and_introduced_if_the_domain_is_new(repo: Repo) -> None:
    repo.commit("mailboxes: {alice: {quota: 5 GiB}}\n")
    _, domain = repo.plan("--base", "main")
    assert attributions(domain)["alice@example.com"][0] == "pending"
    repo.git("switch", "-q", "-c", "feature")
    repo.w.domain("second.example", "mailboxes: {zoe: {}}\n")
    repo.commit()
    done = repo.inside(repo.w, "plan", "--base", "main", "--format", "json")
    first, second = json.loads(done.out)["domains"]
    assert [c["share"] for c in first["changes"]] == ["pending"]
    assert [(c["share"], c.get("direction")) for c in second["changes"]] == [("change-set", None)]
    _, alone = repo.plan("second.example", "--base", "main")
    assert [c["share"] for c in alone["changes"]] == ["change-set"]


def test_a_renamed_domain_file_is_compared_with_its_old_path(repo: Repo) -> None:
    repo.commit("mailboxes: {alice: {quota: 5 GiB}}\n")
    repo.git("switch", "-q", "-c", "feature")
    (repo.w.root / "domains/eu").mkdir()
    (repo.w.root / FILE).rename(repo.w.root / "domains/eu/example.com.yaml")
    repo.commit()
    _, domain = repo.plan("--base", "main")
    assert attributions(domain)["alice@example.com"][0] == "pending"
    assert codes(domain) == []


def test_a_server_with_a_new_name_and_the_same_url_is_compared_with_itself(repo: Repo) -> None:
    repo.commit("mailboxes: {alice: {}}\n")
    settings = repo.w.root / "reconciler.yaml"
    settings.write_text(settings.read_text().replace("mail1:", "post:"))
    repo.w.domain("example.com", "mailboxes: {alice: {}, bob: {}}\n", server="post")
    repo.branch()
    _, domain = repo.plan("--base", "main")
    assert {a: attribution for a, (attribution, _) in attributions(domain).items()} == {
        "alice@example.com": "pending",
        "bob@example.com": "change-set",
    }


def test_a_plan_of_all_domains_warns_about_a_domain_whose_file_was_deleted(repo: Repo) -> None:
    repo.w.domain("second.example", "mailboxes: {}\n")
    repo.w.domain("third.example", "mailboxes: {zoe: {}}\n")
    repo.commit("mailboxes: {}\n")
    (repo.w.root / "domains/third.example.yaml").unlink()
    repo.branch()
    done = repo.inside(repo.w, "plan", "--base", "main")
    assert (done.code, done.out.count("BAS002")) == (0, 1)
    assert "third.example: `main` manages this domain" in done.out
    assert codes(repo.plan("example.com", "--base", "main")[1]) == []


def test_an_invalid_file_in_the_base_gives_a_warning_and_the_plan_is_still_made(repo: Repo) -> None:
    repo.commit("mailboxes: {alice: {protect: true, quota: 5 apples}}\n")
    repo.branch("mailboxes: {alice: {quota: 5 GiB}}\n")
    code, domain = repo.plan("--base", "main")
    assert (code, codes(domain)) == (0, ["BAS001"])
    diagnostic = domain["diagnostics"][0]
    assert diagnostic["severity"] == "warning"
    assert "earlier protections are unknown" in diagnostic["message"]
    assert f"{FILE}:6:" in diagnostic["message"]
    assert ["share" in c for c in domain["changes"]] == [False]


def test_a_base_with_invalid_settings_approves_no_server_address_for_the_login(repo: Repo) -> None:
    repo.commit("mailboxes: {alice: {}}\n")
    settings = repo.w.root / "reconciler.yaml"
    good = settings.read_text()
    settings.write_text(good + "nonsense: true\n")
    repo.commit()
    settings.write_text(good)
    repo.branch()
    code, domain = repo.plan("--base", "main")
    assert (code, codes(domain), domain["complete"]) == (4, ["BAS001", "SEC007"], False)
    assert "nonsense" in domain["diagnostics"][0]["message"]


def test_apply_shows_the_attribution_of_the_changes_and_applies_all_of_them(repo: Repo) -> None:
    repo.commit("mailboxes: {alice: {}}\n")
    repo.branch("mailboxes: {alice: {}, bob: {}}\n")
    done = repo.inside(repo.w, "apply", "--yes", "--base", "main")
    assert done.code == 0, done.out + done.err
    assert "already pending" in done.out
    assert "converged" in done.out
    assert repo.plan("--base", "main", "--detailed-exitcode")[0] == 0


def test_an_environment_variable_sets_the_base(repo: Repo) -> None:
    repo.commit("mailboxes: {alice: {}}\n")
    done = repo.inside(repo.w, "plan", "--format", "json", RECONCILER_PLAN_BASE="main")
    assert json.loads(done.out)["domains"][0]["changes"][0]["share"] == "pending"


# One read of the server of the server


def requests(sandbox: Sandbox) -> Counter[str]:
    rows = own(sandbox, "GET", "requests")["requests"]
    own(sandbox, "POST", "requests/reset")
    return Counter(f"{r['method']} {r['endpoint']}" for r in rows)


def test_a_plan_with_a_base_reads_the_server_only_once(repo: Repo, sandbox: Sandbox) -> None:
    repo.commit("mailboxes: {a: {forwarding: {to: [b]}, eas: false}, b: {quota: 5 GiB}, c: {forwarding: {to: [b]}}}\n")
    repo.apply()
    repo.branch("mailboxes: {a: {forwarding: {to: [c]}, eas: true}, b: {quota: 9 GiB}, c: {forwarding: {to: []}}}\n")
    requests(sandbox)
    repo.plan()
    alone = requests(sandbox)
    repo.plan("--base", "main")
    assert requests(sandbox) == alone
    repo.commit("mailboxes: {a: {}, b: {quota: 9 GiB}, c: {forwarding: {to: []}}}\n")
    repo.plan("--base", "main")
    assert requests(sandbox) == alone, "fields that only the base manages cost no second read"


def test_a_field_that_only_the_base_manages_may_be_unreadable(repo: Repo, sandbox: Sandbox) -> None:
    repo.commit("mailboxes: {a: {eas: false}}\n")
    repo.apply()
    repo.branch("mailboxes: {a: {quota: 5 GiB}}\n")
    own(sandbox, "POST", "quirks", {"quirks": ["missing:settings/domain/active-sync-mailboxes"]})
    code, domain = repo.plan("--base", "main")
    assert (code, codes(domain)) == (0, ["BAS001"])
    assert [c["address"] for c in domain["changes"]] == ["a@example.com"]
    assert "eas" in domain["diagnostics"][0]["message"]


# Protections of the base and of the last apply


PROTECTED = "mailboxes: {alice: {protect: true}, bob: {}}\n"
MARK_GONE = "mailboxes: {alice: {}, bob: {}}\n"
REMOVED = "mailboxes: {bob: {}}\nremoved: {mailboxes: [alice]}\n"


def test_a_change_cannot_delete_a_mailbox_whose_protection_it_also_removes(repo: Repo) -> None:
    repo.edit_server(PROTECTED)
    repo.commit(PROTECTED)
    repo.branch(REMOVED)
    assert repo.plan()[0] == 0, "without a base and a journal the protection is unknown"
    code, domain = repo.plan("--base", "main")
    assert (code, codes(domain), domain["changes"]) == (4, ["GRD010"], [])
    assert "in `main`" in domain["diagnostics"][0]["message"]
    done = repo.inside(repo.w, "apply", "--yes", "--base", "main")
    assert (done.code, "Refused" in done.err) == (4, True)
    assert repo.plan("--prune", "--base", "main")[0] == 4
    repo.commit("mailboxes: {bob: {}}\n")
    assert repo.plan("--prune", "--base", "main")[0] == 4
    assert repo.plan("--base", "main")[0] == 0, "an undeclared mailbox is not changed"


def test_a_protection_in_the_base_is_removed_in_two_merges(repo: Repo) -> None:
    repo.edit_server(PROTECTED)
    repo.commit(PROTECTED)
    repo.branch(MARK_GONE)
    assert repo.plan("--base", "main")[0] == 0
    repo.git("switch", "-q", "main")
    repo.git("merge", "-q", "feature")
    repo.git("switch", "-q", "-c", "second")
    repo.commit(REMOVED)
    code, domain = repo.plan("--base", "main")
    assert (code, [c["action"] for c in domain["changes"]]) == (0, ["delete"])


def test_a_protect_pattern_of_the_base_protects_declared_and_unmanaged_mailboxes(repo: Repo) -> None:
    settings = repo.w.root / "reconciler.yaml"
    free = settings.read_text()
    repo.edit_server("mailboxes: {old-archive: {}, new-archive: {}, bob: {}}\n")
    settings.write_text(free.replace("policy: {", 'policy: {protect: ["*-archive"], '))
    repo.commit("mailboxes: {old-archive: {}}\n")
    settings.write_text(free)
    repo.branch("mailboxes: {}\nremoved: {mailboxes: [old-archive, new-archive, bob]}\n")
    code, domain = repo.plan("--base", "main")
    assert (code, codes(domain)) == (4, ["GRD010", "GRD010"])
    assert all("*-archive in `main`" in d["message"] for d in domain["diagnostics"])


def test_a_mailbox_that_the_last_apply_protected_needs_two_applies_to_be_deleted(repo: Repo) -> None:
    repo.commit(PROTECTED)
    repo.apply()
    repo.commit(REMOVED)
    for words in ([], ["--base", "HEAD"]):
        code, domain = repo.plan(*words)
        assert (code, codes(domain), domain["changes"]) == (4, ["GRD010"], [])
        assert "in the last apply, run 2" in domain["diagnostics"][0]["message"]
    assert repo.inside(repo.w, "apply", "--yes").code == 4
    repo.commit(MARK_GONE)
    repo.apply()
    repo.commit(REMOVED)
    assert [c["action"] for c in repo.plan()[1]["changes"]] == ["delete"]
    repo.apply()
    assert repo.plan("--detailed-exitcode")[0] == 0


# Direction of a difference


def test_drift_reports_whether_git_or_the_server_changed_each_field(repo: Repo) -> None:
    before = "mailboxes: {a: {quota: 5 GiB}, b: {quota: 5 GiB}, c: {quota: 5 GiB}, d: {}}\n"
    repo.commit(before)
    repo.edit_server(before)
    repo.edit_server("mailboxes: {a: {quota: 7 GiB}, c: {quota: 7 GiB}}\nremoved: {mailboxes: [d]}\n# gone-d\n")
    repo.commit("mailboxes: {a: {quota: 5 GiB}, b: {quota: 9 GiB}, c: {quota: 9 GiB}, d: {}, e: {}}\n")
    code, domain = repo.plan(command="drift")
    assert (code, set(directions(domain).values())) == (2, {None})
    code, domain = repo.plan("--base", "HEAD~1", command="drift")
    expected = {"a": "server", "b": "git", "c": "both", "d": "server", "e": "git"}
    assert directions(domain) == {f"{name}@example.com": where for name, where in expected.items()}
    assert code == 2


def test_drift_uses_the_journal_and_reports_an_unapplied_merge_as_a_change_in_git(repo: Repo) -> None:
    repo.commit("mailboxes: {a: {quota: 5 GiB}, b: {quota: 5 GiB}, d: {}}\n")
    repo.apply()
    repo.edit_server("mailboxes: {a: {quota: 7 GiB}}\nremoved: {mailboxes: [d]}\n# gone-d\n")
    repo.commit("mailboxes: {a: {quota: 5 GiB}, b: {quota: 9 GiB}, d: {}}\n")
    expected = {"a@example.com": "server", "b@example.com": "git", "d@example.com": "server"}
    for words in ([], ["--base", "HEAD"]):
        for command in ("drift", "plan"):
            assert directions(repo.plan(*words, command=command)[1]) == expected


# Git


def test_base_works_in_a_subfolder_of_a_repository_and_from_any_working_directory(
    sandbox: Sandbox, workspace: Make, inside: Run, tmp_path: Path
) -> None:
    w = _in_folder(workspace(sandbox.endpoint), "top/mail/prod")
    repo = Repo(w, inside, top=tmp_path / "top")
    repo.commit("mailboxes: {alice: {}}\n")
    repo.branch("mailboxes: {alice: {}, bob: {}}\n")
    for cwd in (w.root, w.root / "domains", tmp_path):
        done = inside(w, "-w", str(w.root), "plan", "--base", "main", "--format", "json", cwd=cwd)
        (domain,) = json.loads(done.out)["domains"]
        assert [attribution for attribution, _ in attributions(domain).values()] == ["pending", "change-set"]


@pytest.mark.parametrize("command", ["plan", "apply", "drift"])
@pytest.mark.parametrize("ref", ["nowhere", "-x", ""])
def test_an_invalid_base_is_a_usage_error_before_any_request(
    repo: Repo, sandbox: Sandbox, command: str, ref: str
) -> None:
    repo.commit("mailboxes: {alice: {}}\n")
    requests(sandbox)
    done = repo.inside(repo.w, command, f"--base={ref}")
    assert (done.code, done.out) == (64, "")
    assert "--base" in done.err
    assert not requests(sandbox)


def test_in_a_shallow_clone_the_error_shows_how_to_fetch_the_history(repo: Repo) -> None:
    repo.commit("mailboxes: {alice: {}}\n")
    before = repo.git("rev-parse", "HEAD")
    repo.commit("mailboxes: {alice: {}, bob: {}}\n")
    clone = repo.w.root.parent / "clone"
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.w.root}", str(clone))
    done = repo.inside(replace(repo.w, root=clone), "plan", "--base", before)
    assert done.code == 64
    assert "fetch-depth: 0" in done.err
    assert repo.inside(replace(repo.w, root=clone), "plan", "--base", "HEAD").code == 0


def test_a_base_without_the_workspace_is_an_error_with_a_hint(repo: Repo) -> None:
    repo.git("commit", "-q", "--allow-empty", "-m", "Nothing yet")
    repo.commit("mailboxes: {alice: {}}\n")
    done = repo.inside(repo.w, "plan", "--base", "HEAD~1")
    assert done.code == 3
    assert "leave out --base" in done.err


def test_apply_rejects_a_saved_plan_together_with_a_base(repo: Repo) -> None:
    repo.commit("mailboxes: {alice: {}}\n")
    assert repo.inside(repo.w, "plan", "--base", "main", "--save", "saved.json").code == 0
    assert repo.inside(repo.w, "apply", "--yes", "--base", "main", "--plan", "saved.json").code == 64
    assert repo.inside(repo.w, "apply", "--yes", "--plan", "saved.json").code == 0
