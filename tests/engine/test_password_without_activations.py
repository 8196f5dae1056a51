"""A password that was set counts as set, even if the rest of its change failed."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from domain_builders import TODAY, box, current, desired, plan, read_box
from fake_run import FakePasswords, run
from fake_server import FakeServer

from reconciler.app.data import data_folder
from reconciler.app.plan.planner import Planner, PlanRequest
from reconciler.config.workspace import Configuration
from reconciler.core.model import CurrentDomain, DesiredDomain
from reconciler.core.plan import Outcome, Plan, Result
from reconciler.core.secret import SecretRef
from reconciler.core.workspace import Workspace
from reconciler.engine.apply import apply_plan
from reconciler.engine.journal.inventory import password_versions
from reconciler.engine.journal.writer import FileJournal

CONFIG = Configuration(
    root=Path(),
    workspace=Workspace(servers={}),
    products={},
    domains={},
    selected=(),
    diagnostics=(),
    texts={},
    digest="",
)
KEY = ("mail1", "a@example.com")
NEW = (desired([box("a", eas=True, password=SecretRef("env", "PW", version=2))]), current())
RAISED = (NEW[0], current([read_box("a")]))


def applied(
    folder: Path, wanted: DesiredDomain, there: CurrentDomain, fault: tuple[int, Any]
) -> tuple[Plan, Outcome, dict[str, Any]]:
    """The plan, its outcome, and the journal's record of it, after a run with a fault at one write."""
    server, journal = FakeServer(), FileJournal(folder, tool="reconciler 0.1.0")
    server.load(there)
    server.faults = dict([fault])
    made = plan(wanted, there, password_versions={"a@example.com": 1})
    (outcome,) = run(apply_plan(made, server, FakePasswords(), journal, lambda _: None))
    journal.close(converged=False)
    record = json.loads(journal.path.read_text("utf-8").splitlines()[-2])
    schema = json.loads((data_folder("schemas") / "journal.schema.json").read_text("utf-8"))
    jsonschema.validate(record, schema)
    return made, outcome, record


@pytest.mark.parametrize("situation", [NEW, RAISED])
def test_the_journal_records_a_password_that_was_set_although_the_activations_were_rejected(
    tmp_path: Path, situation: tuple[DesiredDomain, CurrentDomain]
) -> None:
    made, outcome, record = applied(tmp_path, *situation, (2, "refuse"))
    assert (outcome.result, outcome.password_set) == (Result.FAILED, True)
    assert (record["result"], record["passwordSet"]) == ("failed", True)
    assert password_versions(tmp_path) == {KEY: 2}
    left = Planner(CONFIG, PlanRequest(today=TODAY), {}).after(made, [outcome]).plan(situation[0], RAISED[1])
    assert [[f.name for f in c.fields] for c in left.changes] == [["eas"]]
    assert left.diagnostics == ()


@pytest.mark.parametrize("fault", ["refuse", "unreachable", "locked out"])
def test_a_password_that_was_not_set_is_not_recorded_as_set(tmp_path: Path, fault: str) -> None:
    for number, situation in enumerate((NEW, RAISED)):
        folder = tmp_path / str(number)
        _, outcome, record = applied(folder, *situation, (1, fault))
        assert (outcome.result, outcome.password_set) == (Result.FAILED, False)
        assert "passwordSet" not in record
        assert password_versions(folder) == {}


def test_a_change_without_a_password_never_records_one_as_set(tmp_path: Path) -> None:
    _, outcome, record = applied(tmp_path, desired([box("a", quota=5, eas=True)]), RAISED[1], (2, "refuse"))
    assert (outcome.result, outcome.password_set) == (Result.FAILED, False)
    assert "passwordSet" not in record
    assert password_versions(tmp_path) == {}
