"""`init --from` on a terminal: it asks for the account, the CI files and the domains, and shows no password."""

from collections.abc import Callable
from typing import Any

Start = Callable[..., Any]


def test_init_prompts_for_every_value_and_neither_shows_nor_stores_the_password(
    world: Any, program: Any, terminal: Start, files: Any
) -> None:
    on = terminal("init", "mail", "--from", world.url)
    on.answer("CI files for mail: github, gitlab, pre-commit or none, separated by commas [github]: ", "gitlab\n")
    on.answer(f"User name on {world.url} (for an account of a domain: its address): ", "admin\n")
    on.answer("Password (hidden, not stored): ", world.password + "\n")
    on.answer("Which domains? Numbers, ranges like 2-5, names, or all: ", "1, third.example\n")
    assert on.end() == 0, on.seen
    assert "  2  second.example" in on.seen
    assert "No changes. 2 domains are as declared." in on.seen
    assert world.password[:12] not in on.seen
    made = files(program.cwd / "mail")
    assert [name for name in made if name.startswith("domains/")] == [
        "domains/first.example.yaml",
        "domains/third.example.yaml",
    ]
    assert ".gitlab-ci.yml" in made
    assert not any(name.startswith(".github") for name in made)
    assert world.password[:12] not in "".join(made.values())
    assert "admin\n" not in made["reconciler.yaml"].replace("role: admin", "")


def test_init_prompts_again_after_an_invalid_answer(world: Any, program: Any, terminal: Start) -> None:
    on = terminal("init", "--from", world.url, **world.account())
    on.answer("[github]: ", "githup\n")
    on.answer("'githup' is not one of github, gitlab, pre-commit, none", "")
    on.answer("[github]: ", "none\n")
    for wrong, why in (
        ("4", "4: use numbers from 1 to 3"),
        ("2-9", "2-9: use numbers from 1 to 3"),
        ("frist.example", "did you mean first.example?"),
        (", ,", "type numbers"),
    ):
        on.answer("names, or all: ", wrong + "\n")
        on.answer(why, "")
    on.answer("names, or all: ", "2-3\n")
    assert on.end() == 0, on.seen
    assert sorted(path.stem for path in (program.cwd / "domains").iterdir()) == ["second.example", "third.example"]


def test_init_does_not_prompt_for_values_from_the_environment(world: Any, program: Any, terminal: Start) -> None:
    on = terminal("init", "--from", world.url, "--ci", "none", **world.account())
    on.answer("names, or all: ", "all\n")
    assert on.end() == 0, on.seen
    assert "User name" not in on.seen
    assert "CI files" not in on.seen
    assert len(list((program.cwd / "domains").iterdir())) == 3


def test_a_customer_with_one_domain_gets_no_prompt_for_domains(world: Any, program: Any, terminal: Start) -> None:
    on = terminal("init", "--from", world.url, "--ci", "none")
    on.answer("User name on", "boss@second.example\n")
    on.answer("Password", world.password + "\n")
    assert on.end() == 0, on.seen
    assert "Which domains" not in on.seen
    assert (program.cwd / "domains" / "second.example.yaml").is_file()


def test_init_does_not_prompt_again_after_a_wrong_password(world: Any, program: Any, terminal: Start) -> None:
    world.forget_requests()
    on = terminal("init", "--from", world.url, "--ci", "none")
    on.answer("User name on", "admin\n")
    on.answer("Password", "Wrong-" + world.password + "\n")
    assert on.end() == 6, on.seen
    assert "the user name or the password is wrong" in on.seen
    assert len(world.requests("authenticate-user")) == 1
    assert list(program.cwd.iterdir()) == []


def test_control_c_and_end_of_input_cancel_init_without_writing_files(
    world: Any, program: Any, terminal: Start
) -> None:
    for keys in ("\x03", "\x04"):
        for question in ("User name on", "Password", "Which domains"):
            on = terminal("init", "mail", "--from", world.url, "--ci", "none")
            on.answer("User name on", keys if question == "User name on" else "admin\n")
            if question != "User name on":
                on.answer("Password", keys if question == "Password" else world.password + "\n")
            if question == "Which domains":
                on.answer("Which domains", keys)
            assert on.end() == 130, (question, keys, on.seen)
            assert "Traceback" not in on.seen
            assert not (program.cwd / "mail").exists()


def test_an_existing_file_is_reported_before_any_request(world: Any, program: Any, terminal: Start) -> None:
    world.forget_requests()
    (program.cwd / ".gitlab-ci.yml").write_text("mine\n", "utf-8")
    on = terminal("init", "--from", world.url)
    on.answer("[github]: ", "pre-commit, gitlab\n")
    assert on.end() == 4, on.seen
    assert ".gitlab-ci.yml exists; nothing was written" in " ".join(on.seen.split())
    assert world.requests() == []
