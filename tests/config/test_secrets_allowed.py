"""The workspace's settings for secrets: commands need permission, recipients must be valid, files must be inside."""

import sys
from pathlib import Path

import pytest
from pyrage import x25519

from reconciler.config.secrets.store import CommandsNotAllowed, SecretStore
from reconciler.config.workspace import Configuration, load_configuration
from reconciler.core.diagnostics import has_errors
from reconciler.core.secret import SecretRef
from reconciler.core.workspace import SecretSettings

GOOD = str(x25519.Identity.generate().to_public())
WORKSPACE = """\
apiVersion: reconciler/v1
kind: Workspace
servers:
  mail1: {{url: "https://mail1.example.net", username: {username}, password: {password}}}
secrets: {{{secrets}}}
"""
DOMAIN = """\
apiVersion: reconciler/v1
kind: Domain
domain: example.com
mailboxes:
  alice: {{password: {ref}}}
"""
COMMAND = "{command: [touch, ran]}"
OFF = "comes from a command, and the workspace does not allow commands"


def load(
    root: Path, *, secrets: str = "", ref: str = "{env: A}", username: str = "admin", password: str = "{env: B}"
) -> Configuration:
    (root / "domains").mkdir(exist_ok=True)
    text = WORKSPACE.format(username=username, password=password, secrets=secrets)
    (root / "reconciler.yaml").write_text(text)
    (root / "domains" / "example.com.yaml").write_text(DOMAIN.format(ref=ref))
    return load_configuration(root, here=root, environ={})


def reported(config: Configuration) -> list[str]:
    return [f"{d.span} {d.severity} {d.code} {d.message}" for d in config.diagnostics]


@pytest.mark.parametrize("secrets", ["", "commands: false"])
def test_a_command_is_rejected_at_its_location_unless_the_workspace_allows_commands(root: Path, secrets: str) -> None:
    config = load(root, secrets=secrets, ref=COMMAND)
    assert reported(config) == [f"domains/example.com.yaml:5:21 error SEC006 the password of alice {OFF}"]
    assert "`secrets: {commands: true}`" in config.diagnostics[0].hint
    assert config.selected == ()


def test_commands_for_server_credentials_need_the_same_permission(root: Path) -> None:
    config = load(root, secrets="", username=COMMAND, password=COMMAND)
    place = "reconciler.yaml:4:"
    assert reported(config) == [
        f"{place}55 error SEC006 the username of server mail1 {OFF}",
        f"{place}90 error SEC006 the password of server mail1 {OFF}",
    ]


def test_allowed_commands_are_valid_and_validation_runs_none(root: Path) -> None:
    config = load(root, secrets="commands: true", ref=COMMAND, username=COMMAND, password=COMMAND)
    assert (reported(config), config.workspace.secrets) == ([], SecretSettings(commands=True))
    assert not (root / "ran").exists()


def test_a_store_runs_no_command_that_was_not_allowed(root: Path) -> None:
    """The store itself defaults to off, for a caller that does not pass the setting."""
    ref = SecretRef("command", "touch ran", ("touch", "ran"))
    with pytest.raises(CommandsNotAllowed, match="does not allow commands"):
        SecretStore(root).resolve(ref)
    assert not (root / "ran").exists()


def test_recipients_are_stored_without_comments_and_duplicates(root: Path) -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAXMhAuqkVtkqi7PnZpyUz6nHOwsSQJ+pm9W+aAvTy1p"
    config = load(root, secrets=f"recipients: [{GOOD}, {key} me@here, {key} me@there]")
    assert (reported(config), config.workspace.secrets.recipients) == ([], (GOOD, key))


def test_an_invalid_recipient_is_an_error_at_its_location(root: Path) -> None:
    wrong = GOOD[:-1] + ("q" if GOOD[-1] != "q" else "p")
    config = load(root, secrets=f"recipients: [{GOOD}, {wrong}]")
    assert reported(config) == [f"reconciler.yaml:5:88 error SEC008 {wrong} is not a valid age recipient"]


def test_without_the_library_a_note_reports_that_recipients_are_unchecked(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyrage", None)
    config = load(root, secrets=f"recipients: [{GOOD}, {GOOD}]")
    assert [(d.code, str(d.severity), str(d.span)) for d in config.diagnostics] == [
        ("SEC008", "info", "reconciler.yaml:5:24")
    ]
    assert not has_errors(config.diagnostics)


PRIVATE = "AGE-SECRET-KEY-1" + "Q" * 58


@pytest.mark.parametrize(
    ("secrets", "place", "says"),
    [
        (f"recipients: [{PRIVATE}]", "5:24", "SEC001 `secrets.recipients[0]` is a private key"),
        (
            "recipients: [hunter2]",
            "5:24",
            "SCH001 `secrets.recipients[0]` should be a public key, age1… or ssh-ed25519 …",
        ),
        ("recipients: []", "5:11", "SCH001 `secrets.recipients` is empty"),
        ("comands: true", "5:11", "SCH002 `comands` is not known in `secrets`"),
        ("commands: yes", "5:21", "SCH001 `secrets.commands` should be true or false"),
    ],
)
def test_each_mistake_in_the_workspaces_secrets_is_explained(root: Path, secrets: str, place: str, says: str) -> None:
    config = load(root, secrets=secrets)
    (line,) = reported(config)
    assert line.startswith(f"reconciler.yaml:{place} error {says}")
    for private in (PRIVATE, "hunter2"):
        assert private not in line + config.diagnostics[0].hint


@pytest.mark.parametrize(
    ("ref", "place", "says", "hint"),
    [
        ("{vualt: {path: a/b, field: c}}", "22", "SCH002 a key is not known", "did you mean `vault`?"),
        ("{vault: {path: a/b, feild: c}}", "41", "SCH002 a key is not known", "did you mean `field`?"),
        ("{sops: {file: s.yaml}}", "22", "SCH003 `mailboxes.alice.password.sops` lacks `key`", "add `key: …`"),
        ("{sops: {file: s.yaml, key: a..b}}", "48", "SCH001 `mailboxes.alice.password.sops.key` should be keys", ""),
        (
            "{vault: {path: a/../b, field: c}}",
            "36",
            "SCH001 `mailboxes.alice.password.vault.path` should be a path",
            "",
        ),
        ("{vault: {path: alice, field: c}}", "36", "SCH001 `mailboxes.alice.password.vault.path` should be a path", ""),
        ("{vault: hunter2}", "29", "SCH001 `mailboxes.alice.password.vault` should be {path: secret/mail/alice", ""),
        ("{keyring: {service: 5, username: u}}", "41", "SCH001 `mailboxes.alice.password.keyring.service`", "quotes"),
        (
            "{vault: {path: a/b, field: c}, env: A}",
            "11",
            "SCH001 `mailboxes.alice.password` names 2 sources",
            "keep one",
        ),
        (
            "{sops: {file: ../s.yaml, key: a}}",
            "21",
            "SEC009 the password of alice: the sops file ../s.yaml",
            "move it into the workspace",
        ),
    ],
)
def test_each_mistake_in_a_reference_is_explained(root: Path, ref: str, place: str, says: str, hint: str) -> None:
    config = load(root, ref=ref)
    found = {f"{d.span} {d.severity} {d.code} {d.message}": d.hint for d in config.diagnostics}
    line = next((line for line in found if says in line), str(found))
    assert line.startswith(f"domains/example.com.yaml:5:{place} error {says}")
    assert hint in found[line]
    assert "hunter2" not in str(found)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path
