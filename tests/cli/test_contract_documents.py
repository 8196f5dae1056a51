"""JSON documents are reproducible from any working directory and report fields by their names in the files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from reconciler.app.data import data_folder
from reconciler.sandbox import Sandbox

Make = Callable[..., Any]
Run = Callable[..., Any]
EPOCH = "1767225600"


@pytest.fixture
def faulty(sandbox: Sandbox, workspace: Make) -> Any:
    """A workspace with a warning, a change and a managed field."""
    made = workspace(sandbox.endpoint)
    made.domain("example.com", "mailboxes: {bob: {}, carl: {}}\naliases: {x: [bob, x@elsewhere.example]}\n")
    return made


@pytest.mark.parametrize(
    ("words", "schema"),
    [
        (("validate",), "diagnostics"),
        (("plan",), "plan"),
        (("drift",), "plan"),
        (("apply", "--allow-deletions", "9"), None),
    ],
)
def test_documents_name_files_relative_to_the_workspace_from_any_working_directory(
    faulty: Any, inside: Run, words: tuple[str, ...], schema: str | None
) -> None:
    if words == ("validate",):
        faulty.domain("example.com", "mailboxes: {bob: {quotta: 1 GiB}}\n")
    root: Path = faulty.root
    places = (root, root.parent, root / "domains", Path("/"))
    runs = [inside(faulty, "-w", str(root), *words, "--format", "json", cwd=p, SOURCE_DATE_EPOCH=EPOCH) for p in places]
    document = json.loads(runs[0].out)
    assert '"file": "domains/example.com.yaml"' in runs[0].out
    if schema:
        jsonschema.validate(document, json.loads((data_folder("schemas") / f"{schema}.schema.json").read_text("utf-8")))
    assert {run.out for run in runs} == {runs[0].out}


def test_messages_name_files_relative_to_the_working_directory(faulty: Any, inside: Run) -> None:
    faulty.domain("example.com", "mailboxes: {bob: {quotta: 1 GiB}}\n")
    done = inside(faulty, "-w", str(faulty.root), "validate", cwd=faulty.root.parent)
    assert done.out.startswith(f"{faulty.root.name}/domains/example.com.yaml:6:19: error: ")


def test_a_change_that_the_server_only_acknowledged_is_reported_with_the_field_name(
    sandbox: Sandbox, workspace: Make, inside: Run
) -> None:
    import urllib.request

    w = workspace(sandbox.endpoint)
    bodies = {
        "domain": {"domain": "example.com", "enableActiveSyncAccountManagement": False},
        "quirks": {"quirks": ["settings-without-switches"]},  # Without this quirk a guard refuses the change earlier.
    }
    for name, body in bodies.items():
        request = urllib.request.Request(
            f"{sandbox.endpoint.url}/sandbox/{name}", data=json.dumps(body).encode(), headers={"X-Sandbox": "1"}
        )
        urllib.request.urlopen(request, timeout=10).close()
    w.domain("example.com", "mailboxes: {bob: {eas: true}}\n")
    done = inside(w, "apply", "--yes")
    assert done.code == 5
    assert "eas is false, not true" in " ".join(done.out.split())
    assert "converged" not in done.out
    assert "1 failed" in inside(w, "history").out, "the journal does not record the change as applied"
