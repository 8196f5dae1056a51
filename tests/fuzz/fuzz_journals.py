"""Targets for files that the program wrote and that anyone may have changed since: journals and saved plans."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from reconciler.app.history import run_row
from reconciler.app.saved.plan_file import SavedPlan
from reconciler.config.workspace import Configuration
from reconciler.core.errors import ReconcilerError, StalePlan
from reconciler.core.model import DesiredDomain
from reconciler.core.planning.recheck import salted
from reconciler.core.secret import SecretRef
from reconciler.core.workspace import ServerSettings, Workspace
from reconciler.engine.journal.inventory import read_inventory
from reconciler.engine.journal.reader import read_run
from reconciler.engine.journal.steps import steps_of
from reconciler.output.history import render_history, render_run

SALT = "00112233445566778899aabbccddeeff"


def journal(data: bytes, folder: Path) -> None:
    """Reads, lists and shows a journal, and makes steps and an inventory. Only the program's exceptions are allowed."""
    journals = folder / "journals"
    journals.mkdir(exist_ok=True)
    path = journals / "20260101T000000Z-aaaaaa.jsonl"
    path.write_bytes(data)
    run = read_run(path)
    assert run.chain == "broken" or not run.fault
    row = run_row(run)
    for line in (*render_history([row], color=False, width=80), *render_run(row, color=False, width=80)):
        assert line.replace("\u3000", " ").isprintable(), line
    for work in (lambda: steps_of(run, [run]), lambda: read_inventory(journals)):
        with suppress(ReconcilerError):
            work()


def configuration() -> Configuration:
    """A configuration that no file holds: one server and one domain."""
    secret = SecretRef("env", "P")
    server = ServerSettings(
        name="mail1", url="https://mail1.example.net", hostname="mail1.example.net", username="admin", password=secret
    )
    return Configuration(
        root=Path("/workspace"),
        workspace=Workspace(servers={"mail1": server}),
        products={},
        domains={"example.com": DesiredDomain(domain="example.com", server="mail1")},
        selected=("example.com",),
        diagnostics=(),
        texts={},
        digest="sha256:" + "0" * 64,
    )


def saved_plan(data: bytes, folder: Path) -> None:
    """The program rejects the file as stale, or loads the same plan each time."""
    path = folder / "approved.plan"
    path.write_bytes(_with_valid_checksum(data[1:]) if data[:1] == b"!" else data)
    config = configuration()
    try:
        found = SavedPlan.load(path, config)
    except StalePlan as e:
        assert e.message
        return
    assert found == SavedPlan.load(path, config)


def _with_valid_checksum(raw: bytes) -> bytes:
    """The document with correct checksum, digests and formatting, so that the checks behind the checksum run too."""
    try:
        data: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    if not isinstance(data, dict):
        return raw
    config = configuration()
    if isinstance(data.get("workspace"), dict):
        data["workspace"]["configuration"] = config.digest
    if isinstance(data.get("servers"), dict) and "mail1" in data["servers"] and isinstance(data.get("salt"), str):
        with suppress(ValueError):
            server = config.workspace.servers["mail1"]
            data["servers"]["mail1"] = salted(bytes.fromhex(data["salt"]), "server", "mail1", server.url, server.role)
    data["expires"] = "9999-01-01T00:00:00Z" if "expires" in data else None
    data.pop("integrity", None)
    with suppress(RecursionError):
        text = json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
        data["integrity"] = "sha256:" + hashlib.sha256(text).hexdigest()
        return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()
    return raw
