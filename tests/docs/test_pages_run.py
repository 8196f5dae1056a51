"""Every command in README and the tutorial runs, in the order of the page."""

import json
import re
import subprocess
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def shell_lines(page: str) -> list[str]:
    text = (ROOT / page).read_text("utf-8")
    found = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in found for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def make_domain(where: dict[str, str], name: str) -> None:
    """Creates a domain in the sandbox, as the host would."""

    def post(path: str, body: object, token: str = "") -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        url = f"{where['url']}/api/v1/{path}"
        with urllib.request.urlopen(
            urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=10
        ) as answer:
            done: dict[str, str] = json.load(answer)
        assert done["success"], done
        return done

    login = post("auth/authenticate-user", {"username": where["username"], "password": where["password"]})
    body = {"adminUsername": "boss", "adminPassword": "Test-only-1!", "domainData": {"name": name}}
    post("settings/sysadmin/domain-put", body, login["accessToken"])


def commit_all(folder: Path) -> None:
    """Commits a workspace to a new repository, on the branch main."""
    git = ["git", "-C", str(folder), "-c", "user.name=Test", "-c", "user.email=test@example.com"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "A workspace"]):
        subprocess.run([*git, *words], check=True)


def yaml_blocks(page: str) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


INSTALL = re.compile(r"(?:(?:pip|pipx|uv tool|uvx) install|additional_dependencies: \[) *(.*)")
"""An install command, in a block or in a sentence, and the rest of its line."""
PACKAGE = re.compile(
    r"(?<![\w./:-])((?:smartermail-)?reconciler|\.(?=[\[' `]))(?:\[([\w,]+)\])?( @ git\+https://\S+)?(?![\w-])"
)
"""This project in an install command: its name or the folder of a clone, its extras, and its source."""


def wrong_installs(text: str, extras: set[str]) -> list[str]:
    """The install commands of a text that would install another package, or that name no source or an unknown extra."""
    wrong = []
    for rest in INSTALL.findall(text):
        for name, chosen, source in PACKAGE.findall(rest.split("#")[0].split("`")[0]):
            has_source = name == "." or (name == "smartermail-reconciler" and source)
            if not has_source or not set(filter(None, chosen.split(","))) <= extras:
                wrong.append(rest)
    return wrong


@pytest.mark.source
@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
)
def test_each_install_command_installs_a_clone_or_a_source_of_ours(page: str) -> None:
    """On the public index, `reconciler` is an unrelated package, and `smartermail-reconciler` does not exist."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert wrong_installs((ROOT / page).read_text("utf-8"), set(project["optional-dependencies"])) == []


@pytest.mark.parametrize(
    ("line", "is_wrong"),
    [
        ("pip install reconciler", True),
        ("pip install 'reconciler[report]'", True),
        ("pip install reconciler==0.1.0", True),
        ("pip install --upgrade reconciler", True),
        ("pip install smartermail-reconciler", True),
        ("pipx install '.[nothing]'", True),
        ("additional_dependencies: [reconciler]", True),
        ("pipx install '.[report]'  # of reconciler", False),
        ("pip install 'smartermail-reconciler[report] @ git+https://HOST/PATH@COMMIT'", False),
        ("pip install ./dist/smartermail_reconciler-0.1.0-py3-none-any.whl", False),
        ("pip install --require-hashes -r requirements/dev.lock", False),
    ],
)
def test_an_install_command_of_another_package_is_found(line: str, is_wrong: bool) -> None:
    assert bool(wrong_installs(line, {"report"})) is is_wrong


def test_the_commands_in_the_readme_exit_with_the_expected_codes(shell: Any) -> None:
    lines = [line for line in shell_lines("README.md") if line.startswith("reconciler")]
    codes = {}
    for line in lines:
        done = shell.line(line, answer="yes")
        codes[" ".join(line.split("#")[0].split()[:5])] = done.returncode if done else None
        if " import " in line:
            commit_all(shell.cwd / "my-mail")
        if line.startswith("reconciler init"):
            where = shell.sandbox(["reconciler", "sandbox", "--seed", "my-mail", "--json"], {})
            shell.env |= {"SMARTERMAIL_USER": where["username"], "SMARTERMAIL_PASSWORD": where["password"]}
            file = shell.cwd / "my-mail" / "reconciler.yaml"
            text = file.read_text("utf-8").replace(
                "https://mail1.example.net ", f"{where['url']}\n    hostname: mail1.example.net "
            )
            make_domain(where, "other.example")
            file.write_text(text + f'dns: {{resolvers: ["{where["dns"]}"]}}\n', "utf-8")
    assert codes == {
        "reconciler init my-mail": 0,
        "reconciler -w my-mail validate": 0,
        "reconciler -w my-mail plan": 0,
        "reconciler -w my-mail apply": 0,
        "reconciler -w my-mail import other.example": 0,
        "reconciler -w my-mail plan --base": 0,
        "reconciler -w my-mail drift": 0,
        "reconciler -w my-mail status": 0,
        "reconciler -w my-mail history": 0,
        "reconciler password --count 3": 0,
        "reconciler -w my-mail dns check": 7,
        "reconciler -w my-mail report": 7,
    }


def test_the_domain_file_in_the_readme_is_valid(shell: Any) -> None:
    shell.line("reconciler init my-mail")
    body = yaml_blocks("README.md")[0].replace("product: business", "product: standard")
    (shell.cwd / "my-mail" / "domains" / "example.com.yaml").write_text(body, "utf-8")
    done = shell.line("reconciler -w my-mail validate")
    assert done.returncode == 0, done.stdout


def test_the_tutorial_leads_to_a_first_safe_apply(shell: Any) -> None:
    lines = iter(line for line in shell_lines("docs/tutorial.md") if not line.startswith(("pip", "export RECONCILER")))
    address, dns, removed = yaml_blocks("docs/tutorial.md")

    def follow(until: str) -> Any:
        for line in lines:
            done = shell.line(line, answer="yes")
            if line.split("#")[0].strip() == until:
                return done
        raise AssertionError(f"the tutorial does not contain the line: {until}")

    assert follow("reconciler init my-mail").returncode == 0
    assert follow("reconciler validate").stdout == "1 domain file is valid.\n"
    domain = shell.cwd / "domains" / "example.com.yaml"
    good = domain.read_text("utf-8")
    domain.write_text(good.replace("quota:", "quotta:"), "utf-8")
    wrong = shell.line("reconciler validate")
    assert wrong.returncode == 3
    assert "did you mean `quota`?" in wrong.stdout
    domain.write_text(good, "utf-8")

    follow("export SMARTERMAIL_USER=admin SMARTERMAIL_PASSWORD=play-with-me")
    workspace = shell.cwd / "reconciler.yaml"
    text = re.sub(r"^ +url: .*\n", lambda _: address, workspace.read_text("utf-8"), flags=re.MULTILINE)
    workspace.write_text(text + dns, "utf-8")

    assert "+ mailbox alice@example.com" in follow("reconciler plan").stdout
    applied = follow("reconciler apply")
    assert applied.returncode == 0, applied.stderr
    assert "converged" in applied.stdout
    assert ".reconciler/passwords/" in applied.stderr
    assert follow("reconciler plan --detailed-exitcode").returncode == 0

    without = re.sub(r"^  alice:\n(?:    .*\n)*", "", good, flags=re.MULTILINE).replace(
        "mailboxes:\n", "mailboxes: {}\n"
    )
    without = without.replace("aliases:\n  info: [alice]\n", "aliases: {}\n")
    domain.write_text(without, "utf-8")
    left_alone = shell.line("reconciler plan")
    assert "2 unmanaged" in left_alone.stdout
    assert "to delete" not in left_alone.stdout
    domain.write_text(without + removed, "utf-8")
    assert "\n! deletes 1 mailbox" in shell.line("reconciler plan").stdout
    domain.write_text(good, "utf-8")

    assert follow("reconciler dns check").returncode == 7
    assert "v=spf1" in follow("reconciler dns records").stdout
    assert next(lines, None) is None
