"""`init --from` without a terminal imports a populated server, and the first plan is empty."""

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
    """The encodings in which a program may write the text."""
    return {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], secret[:12]}


def leaks(secret: str, *texts: str) -> list[str]:
    return [text for text in texts if any(form in text for form in forms(secret))]


def test_init_imports_every_domain_and_the_plan_is_empty(world: Any, program: Any, files: Any) -> None:
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


def test_state_that_a_valid_file_cannot_express_becomes_a_comment(world: Any, program: Any) -> None:
    domain = world.domains[0]
    world.as_boss(domain, "alias-put", {"alias": {"name": "lost", "aliasTargetList": ["nobody", "user0"]}})
    done = program("init", "w", "--from", world.url, "--domain", domain, "--ci", "none", **world.account())
    assert done.returncode == 0, done.stdout + done.stderr
    text = (program.cwd / "w" / "domains" / f"{domain}.yaml").read_text("utf-8")
    assert "# Left out by" in text
    assert "nobody" in text
    assert program("-w", "w", "validate").returncode == 0


def test_init_neither_writes_nor_prints_passwords_and_user_names(world: Any, program: Any, files: Any) -> None:
    done = program("init", "-vv", "--from", world.url, "--all", **world.account("first.example"))
    assert done.returncode == 0, done.stderr
    assert "authenticate-user" in done.stderr  # The log shows requests without their bodies.
    made = files(program.cwd)
    assert leaks(world.password, *made.values(), done.stdout, done.stderr) == []
    assert "boss" not in "".join(made.values())
    assert "username: {env: SMARTERMAIL_USER}" in made["reconciler.yaml"]
    assert "password: {env: SMARTERMAIL_PASSWORD}" in made["reconciler.yaml"]


def test_a_customer_imports_only_the_domain_of_the_account(world: Any, program: Any, files: Any) -> None:
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


def test_init_imports_only_the_named_domains(world: Any, program: Any) -> None:
    words = ("--domain", "Third.Example", "--domain", "first.example")
    assert program("init", "mail", "--from", world.url, *words, **world.account()).returncode == 0
    assert sorted(path.name for path in (program.cwd / "mail/domains").iterdir()) == [
        "first.example.yaml",
        "third.example.yaml",
    ]


def test_without_a_terminal_the_domains_must_be_named_before_the_login(world: Any, program: Any) -> None:
    world.forget_requests()
    done = program("init", "mail", "--from", world.url, **world.account())
    assert done.returncode == 64
    assert "use --domain NAME or --all" in done.stderr
    assert program("init", "mail", "--from", world.url, "--all", "--domain", "first.example").returncode == 64
    assert world.requests() == []
    assert not (program.cwd / "mail").exists()


def test_without_a_terminal_the_credentials_must_be_in_the_environment(world: Any, program: Any) -> None:
    done = program("init", "mail", "--from", world.url, "--all", SMARTERMAIL_USER="admin")
    assert done.returncode == 6
    assert "SMARTERMAIL_PASSWORD is not set, and there is no terminal to ask on" in done.stderr
    assert not (program.cwd / "mail").exists()


def test_a_rejected_login_is_not_retried_and_nothing_is_written(world: Any, program: Any) -> None:
    world.forget_requests()
    wrong = {"SMARTERMAIL_USER": "admin", "SMARTERMAIL_PASSWORD": "wrong-" + world.password}
    done = program("init", "mail", "--from", world.url, "--all", **wrong)
    assert done.returncode == 6
    assert leaks(wrong["SMARTERMAIL_PASSWORD"], done.stdout, done.stderr) == []
    assert len(world.requests("authenticate-user")) == 1
    assert list(program.cwd.iterdir()) == []


def test_an_unknown_domain_is_an_error_that_suggests_the_closest_name(world: Any, program: Any) -> None:
    done = program("init", "mail", "--from", world.url, "--domain", "frist.example", **world.account())
    assert done.returncode == 64
    assert "did you mean first.example?" in done.stderr
    assert not (program.cwd / "mail").exists()


@pytest.mark.parametrize(
    "taken",
    ["reconciler.yaml", "products/standard.yaml", "schemas/domain.schema.json", ".github/workflows/reconciler.yml"],
)
def test_an_existing_file_is_not_overwritten_and_no_login_is_sent(world: Any, program: Any, taken: str) -> None:
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


def test_an_existing_domain_file_stops_the_import_of_all_domains(world: Any, program: Any) -> None:
    file = program.cwd / "domains" / "second.example.yaml"
    file.parent.mkdir()
    file.symlink_to("nowhere")
    done = program("init", "--from", world.url, "--all", **world.account())
    assert done.returncode == 4
    assert not (program.cwd / "reconciler.yaml").exists()
    assert not (program.cwd / "nowhere").exists()


def test_an_unreadable_domain_is_reported_and_left_out(world: Any, program: Any, files: Any) -> None:
    world.own("faults", {"name": "html", "path": "manage-domain/second.example", "times": -1})
    done = program("init", "--from", world.url, "--all", **world.account())
    assert done.returncode == 5, done.stderr
    assert "second.example could not be read and has no file" in done.stderr
    assert "No changes. 2 domains are as declared." in done.stdout
    assert "domains/second.example.yaml" not in files(program.cwd)


def test_init_writes_nothing_if_no_domain_can_be_read(world: Any, program: Any) -> None:
    world.own("faults", {"name": "html", "path": "manage-domain/", "times": -1})
    done = program("init", "mail", "--from", world.url, "--all", **world.account())
    assert done.returncode not in (0, 5)
    assert not (program.cwd / "mail").exists()


def test_init_writes_nothing_if_the_server_stops_responding(world: Any, program: Any) -> None:
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
def test_an_unusable_server_url_is_a_usage_error(program: Any, url: str, why: str) -> None:
    done = program("init", "mail", "--from", url, "--all", SMARTERMAIL_USER="a", SMARTERMAIL_PASSWORD="b")
    assert done.returncode == 64
    assert why in done.stderr
    assert "Not-For-Files" not in done.stderr
    assert not (program.cwd / "mail").exists()


def test_init_refuses_an_account_that_does_not_match_the_role_option(world: Any, program: Any) -> None:
    done = program("init", "mail", "--from", world.url, "--all", "--role", "customer", **world.account())
    assert done.returncode == 6
    assert "system administrator" in done.stderr
    assert not (program.cwd / "mail").exists()


def test_the_options_of_from_require_from(program: Any) -> None:
    for words in (("--all",), ("--domain", "a.example"), ("--hostname", "mail.example.net"), ("--role", "admin")):
        done = program("init", "mail", *words)
        assert done.returncode == 64
        assert "requires --from URL" in done.stderr
    assert program("init").returncode == 64
    assert list(program.cwd.iterdir()) == []


def test_the_hostname_comes_from_the_option_or_the_url(world: Any, program: Any) -> None:
    words = ("--from", world.url, "--domain", "first.example", "--ci", "none")
    assert program("init", "a", *words, "--hostname", "mail1.example.net", **world.account()).returncode == 0
    assert "\n    hostname: mail1.example.net " in (program.cwd / "a/reconciler.yaml").read_text("utf-8")
    assert program("init", "b", *words, **world.account()).returncode == 0
    assert "\n    # hostname: " in (program.cwd / "b/reconciler.yaml").read_text(
        "utf-8"
    )  # An IP address is not a hostname.
    assert program("init", "c", *words, "--hostname", "not a name", **world.account()).returncode == 64


def test_the_product_contains_the_password_policy_of_the_server(world: Any, program: Any) -> None:
    rules = {"minLength": {"enabled": True, "ruleValue": 14}, "requireCapital": False, "requireNumber": True}
    world.as_boss("first.example", "password-settings", rules)
    words = ("--from", world.url, "--domain", "first.example", "--ci", "none")
    assert program("init", *words, **world.account()).returncode == 0
    text = (program.cwd / "products/standard.yaml").read_text("utf-8")
    assert "passwordPolicy: {minLength: 14, requireUppercase: false, requireDigit: true" in text
    assert "  mailboxes: 25\n" in text
    assert program("status", **world.account()).returncode == 0


def test_git_ignores_the_journal_even_if_a_gitignore_already_exists(program: Any) -> None:
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


def test_init_leaves_a_folder_unchanged_if_it_cannot_write_all_files(program: Any) -> None:
    (program.cwd / "mail").mkdir()
    (program.cwd / "mail" / "schemas").write_text("a file, not a folder", "utf-8")
    done = program("init", "mail")
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert [path.name for path in (program.cwd / "mail").rglob("*") if path.is_file()] == ["schemas"]


def test_init_writes_ci_files_to_the_repository_root(world: Any, program: Any, files: Callable[..., Any]) -> None:
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


def test_the_default_ci_is_gitlab_for_a_gitlab_remote_and_github_otherwise(program: Any, tmp_path: Path) -> None:
    from reconciler.app.onboarding.ci_files import usual_ci

    assert usual_ci(tmp_path / "new") == "github"
    program.git("init", "-q", ".")
    assert usual_ci(tmp_path / "new") == "github"
    program.git("remote", "add", "origin", "git@gitlab.example.net:mail/mail.git")
    assert usual_ci(tmp_path / "new") == "gitlab"
