"""`init --from` without a terminal: a server that is in use becomes a workspace whose plan is empty."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ci_runners import SOURCE

PREFIX = "mail/"
WORKSPACE = {
    ".github/workflows/reconciler-nightly.yml",
    ".github/workflows/reconciler.yml",
    ".gitignore",
    "products/standard.yaml",
    "reconciler.yaml",
    "schemas/domain.schema.json",
    "schemas/product.schema.json",
    "schemas/workspace.schema.json",
}


def forms(secret: str) -> set[str]:
    """The ways in which a program may have written it."""
    return {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], secret[:12]}


def leaks(secret: str, *texts: str) -> list[str]:
    return [text for text in texts if any(form in text for form in forms(secret))]


def test_every_domain_is_brought_in_and_the_plan_is_empty(world: Any, program: Any, files: Any) -> None:
    done = program("init", "mail", "--from", world.url, "--all", **world.account())
    assert done.returncode == 0, done.stderr
    made = files(program.cwd / "mail")
    assert set(made) == WORKSPACE | {f"domains/{name}.yaml" for name in world.domains}
    *paths, verdict = done.stdout.splitlines()
    assert sorted(paths) == sorted(PREFIX + name for name in made)
    assert verdict == "No changes. 3 domains are as declared."
    assert "role: admin" in made["reconciler.yaml"]
    assert "to: [x@elsewhere.example]" in made["domains/first.example.yaml"]
    assert "sales: [partner@elsewhere.example, user0]" in made["domains/first.example.yaml"]
    for command in (("validate",), ("plan", "--detailed-exitcode"), ("drift",)):
        again = program("-w", "mail", *command, **world.account())
        assert again.returncode == 0, again.stdout + again.stderr


def test_what_a_valid_file_cannot_say_is_a_comment_in_it(world: Any, program: Any) -> None:
    domain = world.domains[0]
    world.as_boss(domain, "alias-put", {"alias": {"name": "lost", "aliasTargetList": ["nobody", "user0"]}})
    done = program("init", "w", "--from", world.url, "--domain", domain, "--ci", "none", **world.account())
    assert done.returncode == 0, done.stdout + done.stderr
    text = (program.cwd / "w" / "domains" / f"{domain}.yaml").read_text("utf-8")
    assert "# Left out by" in text
    assert "nobody" in text
    assert program("-w", "w", "validate").returncode == 0


def test_no_password_and_no_user_name_is_written_or_said(world: Any, program: Any, files: Any) -> None:
    done = program("init", "-vv", "--from", world.url, "--all", **world.account("first.example"))
    assert done.returncode == 0, done.stderr
    assert "authenticate-user" in done.stderr  # the requests are shown, without what they carry
    made = files(program.cwd)
    assert leaks(world.password, *made.values(), done.stdout, done.stderr) == []
    assert "boss" not in "".join(made.values())
    assert "username: {env: SMARTERMAIL_USER}" in made["reconciler.yaml"]
    assert "password: {env: SMARTERMAIL_PASSWORD}" in made["reconciler.yaml"]


def test_a_customer_gets_only_his_own_domain(world: Any, program: Any, files: Any) -> None:
    done = program("init", "--from", world.url, "--all", "--ci", "none", **world.account("second.example"))
    assert done.returncode == 0, done.stderr
    made = files(program.cwd)
    assert [name for name in made if name.startswith("domains/")] == ["domains/second.example.yaml"]
    assert "role: customer" in made["reconciler.yaml"]
    assert not any(name.startswith(".github") for name in made)
    other = program("init", "o", "--from", world.url, "--domain", "first.example", **world.account("second.example"))
    assert other.returncode == 64
    assert "the account has no domain first.example" in other.stderr
    assert not (program.cwd / "o").exists()


def test_the_domains_named_are_brought_in_and_no_others(world: Any, program: Any) -> None:
    words = ("--domain", "Third.Example", "--domain", "first.example")
    assert program("init", "mail", "--from", world.url, *words, **world.account()).returncode == 0
    assert sorted(path.name for path in (program.cwd / "mail/domains").iterdir()) == [
        "first.example.yaml",
        "third.example.yaml",
    ]


def test_where_nobody_can_choose_the_domains_must_be_named_before_anybody_signs_in(world: Any, program: Any) -> None:
    world.forget_requests()
    done = program("init", "mail", "--from", world.url, **world.account())
    assert done.returncode == 64
    assert "use --domain NAME or --all" in done.stderr
    assert program("init", "mail", "--from", world.url, "--all", "--domain", "first.example").returncode == 64
    assert world.requests() == []
    assert not (program.cwd / "mail").exists()


def test_credentials_come_from_the_environment_where_nobody_can_be_asked(world: Any, program: Any) -> None:
    done = program("init", "mail", "--from", world.url, "--all", SMARTERMAIL_USER="admin")
    assert done.returncode == 6
    assert "SMARTERMAIL_PASSWORD is not set, and there is no terminal to ask on" in done.stderr
    assert not (program.cwd / "mail").exists()


def test_a_refused_sign_in_is_tried_once_and_nothing_is_written(world: Any, program: Any) -> None:
    world.forget_requests()
    wrong = {"SMARTERMAIL_USER": "admin", "SMARTERMAIL_PASSWORD": "wrong-" + world.password}
    done = program("init", "mail", "--from", world.url, "--all", **wrong)
    assert done.returncode == 6
    assert leaks(wrong["SMARTERMAIL_PASSWORD"], done.stdout, done.stderr) == []
    assert len(world.requests("authenticate-user")) == 1
    assert list(program.cwd.iterdir()) == []


def test_a_name_that_the_server_does_not_have_is_said_with_the_one_probably_meant(world: Any, program: Any) -> None:
    done = program("init", "mail", "--from", world.url, "--domain", "frist.example", **world.account())
    assert done.returncode == 64
    assert "did you mean first.example?" in done.stderr
    assert not (program.cwd / "mail").exists()


@pytest.mark.parametrize(
    "taken",
    ["reconciler.yaml", "products/standard.yaml", "schemas/domain.schema.json", ".github/workflows/reconciler.yml"],
)
def test_a_file_that_is_there_is_not_overwritten_and_nobody_signs_in(world: Any, program: Any, taken: str) -> None:
    world.forget_requests()
    file = program.cwd / taken
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine\n", "utf-8")
    done = program("init", "--from", world.url, "--all", **world.account())
    assert done.returncode == 4
    assert f"{taken} exists; nothing was written" in done.stderr
    assert file.read_text("utf-8") == "mine\n"
    assert [path for path in program.cwd.rglob("*") if path.is_file()] == [file]
    assert world.requests() == []


def test_a_domain_file_that_is_there_stops_all_of_them(world: Any, program: Any) -> None:
    file = program.cwd / "domains" / "second.example.yaml"
    file.parent.mkdir()
    file.symlink_to("nowhere")
    done = program("init", "--from", world.url, "--all", **world.account())
    assert done.returncode == 4
    assert not (program.cwd / "reconciler.yaml").exists()
    assert not (program.cwd / "nowhere").exists()


def test_a_domain_that_cannot_be_read_is_said_and_left_out(world: Any, program: Any, files: Any) -> None:
    world.own("faults", {"name": "html", "path": "manage-domain/second.example", "times": -1})
    done = program("init", "--from", world.url, "--all", **world.account())
    assert done.returncode == 5, done.stderr
    assert "second.example could not be read and has no file" in done.stderr
    assert "No changes. 2 domains are as declared." in done.stdout
    assert "domains/second.example.yaml" not in files(program.cwd)


def test_where_none_can_be_read_nothing_is_written(world: Any, program: Any) -> None:
    world.own("faults", {"name": "html", "path": "manage-domain/", "times": -1})
    done = program("init", "mail", "--from", world.url, "--all", **world.account())
    assert done.returncode not in (0, 5)
    assert not (program.cwd / "mail").exists()


def test_a_server_that_stops_answering_midway_leaves_nothing_behind(world: Any, program: Any) -> None:
    world.own("faults", {"name": "drop-before", "path": "mailbox-forward-list", "skip": 1, "times": -1})
    done = program("init", "mail", "--from", world.url, "--all", **world.account())
    assert done.returncode == 6, done.stderr
    assert not (program.cwd / "mail").exists()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://mail.example.net", "not encrypted"),
        ("https://admin:Not-For-Files@mail.example.net", "contains credentials"),
        ("https://mail.example.net/?a=b", "query"),
        ("https://", "write it like https://mail.example.net"),
        ("ftp://admin:Not-For-Files@mail.example.net", "write it like https://mail.example.net"),
        ("https://[::1", "has no host"),
        ("https://mail.example.net:0", "invalid port"),
    ],
)
def test_an_address_that_cannot_be_used_is_wrong_usage(program: Any, url: str, why: str) -> None:
    done = program("init", "mail", "--from", url, "--all", SMARTERMAIL_USER="a", SMARTERMAIL_PASSWORD="b")
    assert done.returncode == 64
    assert why in done.stderr
    assert "Not-For-Files" not in done.stderr
    assert not (program.cwd / "mail").exists()


def test_an_account_of_the_other_sort_is_refused_unless_its_role_is_said(world: Any, program: Any) -> None:
    done = program("init", "mail", "--from", world.url, "--all", "--role", "customer", **world.account())
    assert done.returncode == 6
    assert "system administrator" in done.stderr
    assert not (program.cwd / "mail").exists()


def test_options_of_from_mean_nothing_without_it(program: Any) -> None:
    for words in (("--all",), ("--domain", "a.example"), ("--hostname", "mail.example.net"), ("--role", "admin")):
        done = program("init", "mail", *words)
        assert done.returncode == 64
        assert "requires --from URL" in done.stderr
    assert program("init").returncode == 64
    assert list(program.cwd.iterdir()) == []


def test_the_host_name_is_the_one_given_or_that_of_the_address(world: Any, program: Any) -> None:
    words = ("--from", world.url, "--domain", "first.example", "--ci", "none")
    assert program("init", "a", *words, "--hostname", "mail1.example.net", **world.account()).returncode == 0
    assert "\n    hostname: mail1.example.net " in (program.cwd / "a/reconciler.yaml").read_text("utf-8")
    assert program("init", "b", *words, **world.account()).returncode == 0
    assert "\n    # hostname: " in (program.cwd / "b/reconciler.yaml").read_text("utf-8")  # an IP address is no name
    assert program("init", "c", *words, "--hostname", "not a name", **world.account()).returncode == 64


def test_the_product_says_what_the_server_asks_of_passwords(world: Any, program: Any) -> None:
    rules = {"minLength": {"enabled": True, "ruleValue": 14}, "requireCapital": False, "requireNumber": True}
    world.as_boss("first.example", "password-settings", rules)
    words = ("--from", world.url, "--domain", "first.example", "--ci", "none")
    assert program("init", *words, **world.account()).returncode == 0
    text = (program.cwd / "products/standard.yaml").read_text("utf-8")
    assert "passwordPolicy: {minLength: 14, requireUppercase: false, requireDigit: true" in text
    assert "  mailboxes: 25\n" in text
    assert program("status", **world.account()).returncode == 0


def test_git_ignores_the_journal_also_where_a_gitignore_is_there_already(program: Any) -> None:
    program.git("init", "-q", ".")
    for folder, text in (("a", None), ("b", "*.log\n"), ("c", "/.reconciler/\n")):
        place = program.cwd / folder
        place.mkdir()
        if text is not None:
            (place / ".gitignore").write_text(text, "utf-8")
        assert program("init", folder).returncode == 0
        journal = place / ".reconciler" / "journal"
        journal.mkdir(parents=True)
        (journal / "run.jsonl").write_text("{}\n", "utf-8")
        assert program.git("check-ignore", f"{folder}/.reconciler/journal/run.jsonl")
        assert text is None or (place / ".gitignore").read_text("utf-8") == text


def test_a_folder_that_cannot_be_written_is_left_as_it_was(program: Any) -> None:
    (program.cwd / "mail").mkdir()
    (program.cwd / "mail" / "schemas").write_text("a file, not a folder", "utf-8")
    done = program("init", "mail")
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert [path.name for path in (program.cwd / "mail").rglob("*") if path.is_file()] == ["schemas"]


def test_ci_files_belong_at_the_top_of_the_repository(world: Any, program: Any, files: Callable[..., Any]) -> None:
    program.git("init", "-q", ".")
    (program.cwd / "infra").mkdir()
    words = ("--ci", "github", "--ci", "gitlab", "--ci", "pre-commit", "--install", SOURCE)
    done = program("init", "infra/my mail", "--from", world.url, "--all", *words, **world.account())
    assert done.returncode == 0, done.stderr
    made = files(program.cwd)
    for name in (".github/workflows/reconciler.yml", ".github/workflows/reconciler-nightly.yml", ".gitlab-ci.yml"):
        assert '\n  RECONCILER_WORKSPACE: "infra/my mail"\n' in made[name] or (
            "\n  RECONCILER_WORKSPACE: infra/my mail\n" in made[name]
        )
    assert "infra/my mail" in made[".pre-commit-config.yaml"]
    assert "infra/my mail/reconciler.yaml" in made


def test_gitlab_is_meant_where_the_remote_is_at_a_gitlab_and_github_elsewhere(program: Any, tmp_path: Path) -> None:
    from reconciler.app.onboarding.ci_files import usual_ci

    assert usual_ci(tmp_path / "new") == "github"
    program.git("init", "-q", ".")
    assert usual_ci(tmp_path / "new") == "github"
    program.git("remote", "add", "origin", "git@gitlab.example.net:mail/mail.git")
    assert usual_ci(tmp_path / "new") == "gitlab"
