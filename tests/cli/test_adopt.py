"""`drift --adopt` writes the values of the servers to the files, or to a patch for git."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconciler.sandbox import Sandbox

Make = Callable[..., Any]
Inside = Callable[..., Any]

STATE = """\
# what we run
mailboxes:
  # the boss
  alice: {displayName: "Alice", quota: 5 GiB}   # do not touch
  bob:
    quota: 1 GiB   # small
    enabled: true
  carol: {protect: true}
aliases:
  info: [bob, alice]   # in this order
  sales: {to: [alice], internalOnly: false}
"""


def git(at: Path, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *words], cwd=at, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def delete_journal(w: Any) -> None:
    """Deletes the journal, so that the program cannot know who changed a field."""
    shutil.rmtree(w.root / ".reconciler" / "journal")


def journals(w: Any) -> set[Path]:
    return set((w.root / ".reconciler" / "journal").glob("*.jsonl"))


def apply_out_of_band(w: Any, inside: Inside, *words: str) -> None:
    """Applies the files and deletes the journal of the run, like an edit in the web interface of the server."""
    before = journals(w)
    done = inside(w, "apply", "--yes", *words)
    assert done.code == 0, done.out + done.err
    for path in journals(w) - before:
        path.unlink()


def drifted(w: Any, inside: Inside, server: str) -> str:
    """Changes the server from STATE to `server` and returns the text of the file, which still declares STATE."""
    path = w.root / "domains" / "example.com.yaml"
    w.domain("example.com", STATE)
    done = inside(w, "apply", "--yes")
    assert done.code == 0, done.out + done.err
    text: str = path.read_text("utf-8")
    w.domain("example.com", server)
    apply_out_of_band(w, inside, "--allow-deletions", "1")
    path.write_text(text, encoding="utf-8")
    return text


CHANGED = """\
mailboxes:
  alice: {displayName: "Alice B.", quota: 5 GiB}
  bob: {quota: 2 GiB, enabled: false}
  carol: {}
aliases:
  info: [alice]
removed:
  aliases: [sales]
"""


def test_adopt_writes_the_values_of_the_server_and_the_next_plan_is_empty(
    sandbox: Sandbox, workspace: Make, inside: Inside
) -> None:
    w = workspace(sandbox.endpoint)
    text = drifted(w, inside, CHANGED)
    done = inside(w, "drift", "--adopt")
    assert done.code == 0, done.out + done.err
    after = (w.root / "domains" / "example.com.yaml").read_text("utf-8")
    assert after == (
        text.replace('"Alice"', "Alice B.")
        .replace("1 GiB", "2 GiB")
        .replace("enabled: true", "enabled: false")
        .replace("[bob, alice]", "[alice]")
        .replace("  sales: {to: [alice], internalOnly: false}\n", "")
    )
    assert (
        "-    quota: 1 GiB   # small\n-    enabled: true\n+    quota: 2 GiB   # small\n+    enabled: false\n"
        in done.out
    )
    assert "adopted: alias sales@example.com is not on the server any more: declaration removed" in done.err
    assert inside(w, "drift").code == 0
    again = inside(w, "drift", "--adopt")
    assert (again.code, (w.root / "domains" / "example.com.yaml").read_text("utf-8")) == (0, after)
    assert "Nothing to adopt" in again.err


def test_patch_changes_no_file_and_git_applies_it_in_the_repository_root_and_the_workspace(
    sandbox: Sandbox, workspace: Make, inside: Inside, tmp_path: Path
) -> None:
    w = workspace(sandbox.endpoint)
    inner = tmp_path / "mail of ours"
    inner.mkdir()
    for name in ("reconciler.yaml", "products"):
        (tmp_path / name).rename(inner / name)
    w.root = inner
    text = drifted(w, inside, CHANGED)
    path = inner / "domains" / "example.com.yaml"
    path.write_bytes(text.rstrip("\n").replace("\n", "\r\n").encode())
    git(tmp_path, "init", "-q")
    git(tmp_path, "-c", "core.autocrlf=false", "add", "mail of ours/domains")
    git(tmp_path, "commit", "-q", "-m", "files")
    patch = tmp_path / "adopt.patch"
    for at in (tmp_path, inner):
        before = path.read_bytes()
        done = inside(w, "drift", "--adopt", "--patch", str(patch), "--format", "json", cwd=inner)
        assert done.code == 0, done.out + done.err
        assert json.loads(done.out)["summary"]["update"] == 3
        assert path.read_bytes() == before
        git(at, "apply", "--check", str(patch))
        git(at, "apply", str(patch))
        after = path.read_bytes()
        assert b"quota: 2 GiB   # small\r\n" in after
        assert b"\n" not in after.replace(b"\r\n", b"")
        assert inside(w, "drift", cwd=inner).code == 0
        git(tmp_path, "checkout", "-q", "--", ".")


def test_adopt_skips_a_field_that_was_changed_in_git(sandbox: Sandbox, workspace: Make, inside: Inside) -> None:
    w = workspace(sandbox.endpoint)
    path = w.root / "domains" / "example.com.yaml"
    w.domain("example.com", STATE)
    assert inside(w, "apply", "--yes").code == 0
    git(w.root, "init", "-q")
    git(w.root, "add", "domains", "products", "reconciler.yaml")
    git(w.root, "commit", "-q", "-m", "applied")
    text = path.read_text("utf-8")
    path.write_text(text.replace("5 GiB", "6 GiB"), encoding="utf-8")
    done = inside(w, "drift", "--adopt", "--base", "HEAD")
    assert done.code == 2
    assert "not adopted: example.com: mailbox alice@example.com: quota: it was changed in git" in done.err
    assert path.read_text("utf-8") == text.replace("5 GiB", "6 GiB")


def test_adopt_keeps_the_declaration_of_a_protected_mailbox_that_the_server_lacks(
    sandbox: Sandbox, workspace: Make, inside: Inside
) -> None:
    w = workspace(sandbox.endpoint)
    path = w.root / "domains" / "example.com.yaml"
    w.domain("example.com", "mailboxes: {carol: {}}\naliases: {}\n")
    assert inside(w, "apply", "--yes").code == 0
    w.domain("example.com", "mailboxes: {}\naliases: {}\nremoved: {mailboxes: [carol]}\n")
    apply_out_of_band(w, inside)
    w.domain("example.com", "mailboxes:\n  carol: {protect: true}\naliases: {}\n")
    done = inside(w, "drift", "--adopt")
    assert done.code == 2
    assert "carol@example.com: it is not on the server any more, but it is protected" in done.err
    assert path.read_text("utf-8").endswith("mailboxes:\n  carol: {protect: true}\naliases: {}\n")


def test_adopt_keeps_new_declarations_if_no_journal_shows_whether_they_were_applied(
    sandbox: Sandbox, workspace: Make, inside: Inside
) -> None:
    w = workspace(sandbox.endpoint)
    path = w.root / "domains" / "example.com.yaml"
    w.domain("example.com", "mailboxes: {dave: {}, erin: {}}\naliases: {}\n")
    assert inside(w, "apply", "--yes").code == 0
    w.domain(
        "example.com",
        "mailboxes:\n  new: {}\naliases: {}\n"
        "removed:\n  mailboxes:\n  - dave   # left\n  - erin: {purgeAfter: 2999-01-01}\n",
    )
    delete_journal(w)
    text = path.read_text("utf-8")
    done = inside(w, "drift", "--adopt")
    assert done.code == 2
    assert path.read_text("utf-8") == text
    for name in ("new", "dave", "erin"):
        assert f"not adopted: example.com: mailbox {name}@example.com: it is unknown whether" in done.err


def test_adopt_writes_nothing_if_the_new_file_would_be_invalid(
    sandbox: Sandbox, workspace: Make, inside: Inside
) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {x: {quota: 60 GiB}, y: {}}\naliases: {}\n", product=None)
    assert inside(w, "apply", "--yes").code == 0
    delete_journal(w)
    w.domain("example.com", "mailboxes: {x: {quota: 1 GiB}, y: {}}\naliases: {}\n")
    before = (w.root / "domains" / "example.com.yaml").read_bytes()
    done = inside(w, "drift", "--adopt")
    assert done.code == 2
    assert (
        "not adopted: example.com: the complete file: the file would not be valid: domains/example.com.yaml:"
        in done.err
    )
    assert (w.root / "domains" / "example.com.yaml").read_bytes() == before


def test_adopt_and_import_do_not_edit_a_value_with_a_yaml_anchor(
    sandbox: Sandbox, workspace: Make, inside: Inside
) -> None:
    w = workspace(sandbox.endpoint)
    w.domain("example.com", "mailboxes: {x: {quota: 3 GiB}, y: {quota: 1 GiB}}\n")
    assert inside(w, "apply", "--yes").code == 0
    delete_journal(w)
    w.domain("example.com", "mailboxes:\n  x: &small {quota: 1 GiB}\n  y: *small\n")
    done = inside(w, "drift", "--adopt")
    assert done.code == 2
    assert "domains/example.com.yaml:7:6: 'x' has an anchor" in done.err
    done = inside(w, "import", "example.com")
    assert (done.code, done.err.count("domains/example.com.yaml:7:6")) == (4, 1)
    assert "&small {quota: 1 GiB}" in (w.root / "domains" / "example.com.yaml").read_text("utf-8")


def test_patch_without_adopt_is_a_usage_error(sandbox: Sandbox, workspace: Make, inside: Inside) -> None:
    assert inside(workspace(sandbox.endpoint), "drift", "--patch", "x").code == 64


def test_adopt_declares_resources_that_a_prune_policy_would_delete(
    sandbox: Sandbox, workspace: Make, inside: Inside
) -> None:
    w = workspace(sandbox.endpoint, policy="{prune: {mailboxes: true, aliases: true, domainAliases: true}}")
    state = (
        "mailboxes: {a: {quota: 1 GiB}, b: {quota: 2 GiB, forwarding: {to: [a]}}}\n"
        "aliases: {x: {to: [a], hideFromGal: true}}\ndomainAliases: [example.ca]\n"
    )
    w.domain("example.com", state)
    assert inside(w, "apply", "--yes").code == 0
    delete_journal(w)
    w.domain("example.com", "mailboxes: {a: {quota: 1 GiB}}\naliases: {}\ndomainAliases: []\n")
    done = inside(w, "drift", "--adopt")
    assert done.code == 0, done.out + done.err
    text = (w.root / "domains" / "example.com.yaml").read_text("utf-8")
    assert text.endswith(
        "mailboxes: {a: {quota: 1 GiB}, b: {quota: 2 GiB, forwarding: {to: [a], keepCopy: true}}}\n"
        "aliases:\n  x: [a]\ndomainAliases: [example.ca]\n"
    )
