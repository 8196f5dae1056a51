"""The test runs every command of the migration page in one shell on a terminal against a populated server."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "migration.md"
ANSWERS = {
    "reconciler init --from": (
        ("[github]: ", "github\n"),
        ("User name on", "admin\n"),
        ("Password (hidden, not stored): ", "PASSWORD\n"),
        ("names, or all: ", "all\n"),
    ),
    "read -rs SMARTERMAIL_PASSWORD": (("", "PASSWORD\n"),),
    "reconciler apply": (("Only 'yes' confirms", "yes\n"),),
}
"""The input at the prompts of each command."""
CODES = {"reconciler dns check": 7}
"""The commands with an exit code other than 0; the sandbox publishes only MX."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


class Reader:
    """Runs the commands of the page one by one; the test edits the files between them."""

    def __init__(self, world: Any, shell: Any) -> None:
        self.world, self.shell = world, shell
        self.lines = iter([line for block in blocks("sh") for line in block.splitlines()])

    def until(self, last: str) -> str:
        """Runs all lines up to the first line with this prefix and returns the output of that line."""
        for line in self.lines:
            done = self._line(line)
            if line.startswith(last):
                return done
        raise AssertionError(f"the page does not contain: {last}")

    def _line(self, line: str) -> str:
        begin, typed = self.shell.read_up_to, line
        if "--from" in line:
            typed = line.replace("https://mail1.example.net", f"{self.world.url} --hostname mail1.example.net")
            assert typed != line
        self.shell.type(f"{typed}; echo \"[$?]\" 'done'\n")
        for question, keys in next((rows for start, rows in ANSWERS.items() if line.startswith(start)), ()):
            self.shell.answer(question, keys.replace("PASSWORD", self.world.password))
        self.shell.answer("] done", "")
        output = str(self.shell.seen[begin : self.shell.read_up_to])
        code = next((code for start, code in CODES.items() if line.startswith(start)), 0)
        assert output.endswith(f"[{code}] done"), (line, output)
        return output


@pytest.fixture
def reader(world: Any, program: Any, on_terminal: Callable[..., Any]) -> Reader:
    git = {"GIT_AUTHOR_NAME": "Reader", "GIT_AUTHOR_EMAIL": "reader@example.net"}
    git |= {"GIT_COMMITTER_NAME": "Reader", "GIT_COMMITTER_EMAIL": "reader@example.net", "PS1": ""}
    git |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "init.defaultBranch", "GIT_CONFIG_VALUE_0": "main"}
    shell = on_terminal(["bash", "--noprofile", "--norc", "--noediting"], **git)
    shell.type("PS1=; stty -echo; echo ready 'now'\n")
    shell.answer("ready now", "")
    return Reader(world, shell)


@pytest.mark.timeout(240)
def test_the_commands_of_the_page_migrate_a_server_and_apply_a_first_change(
    reader: Reader, world: Any, program: Any
) -> None:
    folder = program.cwd / "mail"
    output = reader.until("reconciler init --from")
    (shown,) = blocks("text")
    assert shown.strip() in output
    assert len(list((folder / "domains").iterdir())) == 3
    with (folder / "reconciler.yaml").open("a", encoding="utf-8") as file:
        file.write(f'dns: {{resolvers: ["{world.dns}"], timeout: 2}}\n')
    assert "3 domain files are valid." in reader.until("reconciler validate")
    assert "No changes." in reader.until("reconciler plan")

    product, change = blocks("yaml")
    reader.until("sed -i")
    (folder / "products" / "business.yaml").write_text(product, "utf-8")
    assert "3 domain files are valid." in reader.until("reconciler validate")
    assert "USD" in reader.until("reconciler status")
    assert "first.example" in reader.until("reconciler dns check")
    assert "v=spf1" in reader.until("reconciler dns records")

    assert world.requests("list-users")
    assert world.own("requests")["counters"].get("mutations", 0) == 0  # The server is unchanged up to this point.
    reader.until("git commit")
    file = folder / "domains" / "first.example.yaml"
    file.write_text(file.read_text("utf-8").replace("mailboxes:\n", change, 1), "utf-8")
    planned = reader.until("reconciler plan --base main")
    assert "+ mailbox dora@first.example" in planned
    assert "converged" in reader.until("reconciler apply")
    reader.until("reconciler history")
    assert "- mailbox dora@first.example" in reader.until("reconciler rollback last")
    assert next(reader.lines, None) is None
    reader.shell.type("exit\n")
    assert reader.shell.end() == 0
    assert world.password[:12] not in reader.shell.seen


def test_every_option_of_the_panel_is_in_the_table_and_every_key_in_it_exists() -> None:
    import json

    from reconciler.app.data import data_folder

    schema = json.loads((data_folder("schemas") / "product.schema.json").read_text("utf-8"))
    text = PAGE.read_text("utf-8")
    rows = re.findall(r"^\| ([\d, ]+) \| [^|]* \| ([^|]*) \|$", text, re.MULTILINE)
    numbers = sorted(int(number) for row, _ in rows for number in row.split(","))
    assert numbers == list(range(1, 24))
    prefix = ""
    for _, cell in rows:
        for key in re.findall(r"`([\w.]+)`", cell):
            path = key.split(".") if "." in key else [*prefix.split("."), key]
            prefix = ".".join(path[:-1])
            node = schema
            for step in path:
                node = node["properties"][step] if "$ref" not in node else schema["$defs"]["dns"]["properties"][step]
                while "$ref" in node:
                    node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]


def test_the_hook_on_the_ci_page_equals_the_hook_in_the_template(tmp_path: Path) -> None:
    from reconciler.app.onboarding.ci_files import ci_files

    source = "smartermail-reconciler @ git+https://HOST/PATH@COMMIT"
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (text,) = ci_files(tmp_path, ["pre-commit"], source).values()
    (hook,) = yaml.safe_load(text)["repos"][0]["hooks"]
    assert yaml.safe_load(shown)["repos"][0]["hooks"] == [{k: v for k, v in hook.items() if k != "args"}]
