"""`init --from` on a terminal: it asks for the account, the CI files and the domains, and shows no password."""

from collections.abc import Callable
from typing import Any

Start = Callable[..., Any]


def test_everything_is_asked_for_and_the_password_is_neither_shown_nor_kept(
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


def test_an_answer_that_names_nothing_is_asked_again(world: Any, program: Any, terminal: Start) -> None:
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


def test_what_the_environment_says_is_not_asked(world: Any, program: Any, terminal: Start) -> None:
    on = terminal("init", "--from", world.url, "--ci", "none", **world.account())
    on.answer("names, or all: ", "all\n")
    assert on.end() == 0, on.seen
    assert "User name" not in on.seen
    assert "CI files" not in on.seen
    assert len(list((program.cwd / "domains").iterdir())) == 3


def test_a_customer_with_one_domain_has_nothing_to_choose(world: Any, program: Any, terminal: Start) -> None:
    on = terminal("init", "--from", world.url, "--ci", "none")
    on.answer("User name on", "boss@second.example\n")
    on.answer("Password", world.password + "\n")
    assert on.end() == 0, on.seen
    assert "Which domains" not in on.seen
    assert (program.cwd / "domains" / "second.example.yaml").is_file()


def test_a_wrong_password_is_not_asked_for_again(world: Any, program: Any, terminal: Start) -> None:
    world.forget_requests()
    on = terminal("init", "--from", world.url, "--ci", "none")
    on.answer("User name on", "admin\n")
    on.answer("Password", "Wrong-" + world.password + "\n")
    assert on.end() == 6, on.seen
    assert "the user name or the password is wrong" in on.seen
    assert len(world.requests("authenticate-user")) == 1
    assert list(program.cwd.iterdir()) == []


def test_control_c_and_the_end_of_the_input_write_nothing(world: Any, program: Any, terminal: Start) -> None:
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


def test_a_file_that_is_there_is_said_before_anything_is_asked_of_the_server(
    world: Any, program: Any, terminal: Start
) -> None:
    world.forget_requests()
    (program.cwd / ".gitlab-ci.yml").write_text("mine\n", "utf-8")
    on = terminal("init", "--from", world.url)
    on.answer("[github]: ", "pre-commit, gitlab\n")
    assert on.end() == 4, on.seen
    assert ".gitlab-ci.yml exists; nothing was written" in " ".join(on.seen.split())
    assert world.requests() == []
