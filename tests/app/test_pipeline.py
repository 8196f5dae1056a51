"""One pipeline: each stage has one home, which all commands share."""

import ast
from pathlib import Path

import reconciler

PACKAGE = Path(reconciler.__file__).parent
STAGES = {
    "read": {"observe", "observe_all"},
    "judge": {"allowed_deletions", "dangling_across"},
    "recheck": {"recheck"},
    "execute": {"apply_plan"},
    "verify": {"verify"},
}
HOMES = {
    "read": "app/plan/reading.py",
    "judge": "app/plan/judging.py",
    "recheck": "app/saved/apply.py",
    "execute": "app/apply/run.py",
    "verify": "app/apply/run.py",
}


def called(path: Path) -> set[str]:
    """The names of the functions that a module calls without a prefix."""
    tree = ast.parse(path.read_text("utf-8"))
    return {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}


def test_only_one_module_calls_the_functions_of_a_stage() -> None:
    modules = [p for folder in ("app", "cli") for p in sorted((PACKAGE / folder).rglob("*.py"))]
    homes = {
        stage: [p.relative_to(PACKAGE).as_posix() for p in modules if called(p) & names]
        for stage, names in STAGES.items()
    }
    assert homes == {stage: [home] for stage, home in HOMES.items()}
