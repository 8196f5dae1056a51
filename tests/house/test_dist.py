"""`make build` gives the same bytes everywhere, packs exactly the right files, and writes correct bills of materials."""

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import locks
import pytest
from environment import installed

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.source, pytest.mark.usefixtures("tools")]


def build(root: Path, target: Path, **environment: str) -> dict[str, bytes]:
    """Build in a separate process, as `make build` does. Return file name -> content."""
    done = subprocess.run(
        [sys.executable, str(root / "requirements/make_dist.py"), str(target)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name: path.read_bytes() for path in target.iterdir()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return build(ROOT, tmp_path_factory.mktemp("made") / "dist", SOURCE_DATE_EPOCH="1700000000")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the files to a repository in another place, with other modes, and add untracked files."""
    import make_dist

    root = tmp_path_factory.mktemp("elsewhere") / "some where"
    for name in make_dist.tracked():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, root / name)
        # A different umask must not change the archives.
        (root / name).chmod(0o700 if os.access(ROOT / name, os.X_OK) else 0o600)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    subprocess.run(["git", "-C", str(root), "add", "-A"], check=True)
    for name in ("reconciler/left_over.py", "tests/passwords.txt", "examples/notes~", "sbom/reconciler.cdx.json"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("untracked\n")
    return root


def test_two_builds_give_the_same_bytes_and_hold_only_tracked_files(
    made: dict[str, bytes], elsewhere: Path, tmp_path: Path
) -> None:
    again = build(
        elsewhere, tmp_path, SOURCE_DATE_EPOCH="1700000000", TZ="Asia/Kolkata", LC_ALL="C", PYTHONHASHSEED="7"
    )
    assert made.keys() == again.keys()
    assert [name for name in made if made[name] != again[name]] == []


def test_surplus_and_missing_files_of_a_wheel_are_reported(made: dict[str, bytes], tmp_path: Path) -> None:
    import make_dist

    (name,) = (name for name in made if name.endswith(".whl"))
    path = tmp_path / name
    path.write_bytes(made[name])
    known = set(make_dist.tracked())
    assert make_dist.check(path, known) == []
    with zipfile.ZipFile(path, "a") as wheel:
        wheel.writestr("tests/test_x.py", "")
        wheel.writestr("reconciler/.env", "")
    assert make_dist.check(path, known | {"reconciler/more.py"}) == [
        f"{name}: unexpected file reconciler/.env",
        f"{name}: unexpected file tests/test_x.py",
        f"{name}: missing file reconciler/more.py",
    ]


def test_the_build_holds_no_machine_name_path_or_secret(made: dict[str, bytes], tmp_path: Path) -> None:
    import find_secrets

    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    shutil.unpack_archive(next(tmp_path.glob("*.tar.gz")), tmp_path / "sdist")
    shutil.unpack_archive(next(tmp_path.glob("*.whl")), tmp_path / "wheel", "zip")
    words = [
        str(ROOT).encode(),
        str(Path.home() / ".").encode() + b"/",
        b"/tmp/reconciler-build",
    ]
    name = os.uname().nodename
    if len(name) > 8 and any(c.isdigit() for c in name):  # a common name such as `ubuntu` may occur for other reasons
        words.append(name.encode())
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        ours = path.relative_to(tmp_path).as_posix()
        # These two files contain the name of the build folder themselves.
        if "tests/house/test_dist.py" not in ours and "requirements/make_dist.py" not in ours:
            assert [word for word in words if len(word) > 5 and word in path.read_bytes()] == [], ours
    assert [str(finding) for finding in find_secrets.not_allowed(find_secrets.scan([tmp_path]))] == []


def sboms(made: dict[str, bytes]) -> dict[str, Any]:
    return {name: json.loads(data) for name, data in made.items() if name.endswith(".cdx.json")}


def test_each_extra_has_a_bill_of_materials_and_the_wheel_holds_the_complete_one(
    made: dict[str, bytes],
) -> None:
    version = locks.project()["project"]["version"]  # type: ignore[index]
    names = {
        f"{locks.FILE_NAME}-{version}{part}.cdx.json"
        for part in ("", ".base", *(f".{extra}" for extra in locks.extras()))
    }
    assert set(sboms(made)) == names
    (wheel,) = (name for name in made if name.endswith(".whl"))
    with zipfile.ZipFile(io.BytesIO(made[wheel])) as archive:
        inside = archive.read(f"{locks.FILE_NAME}-{version}.dist-info/sboms/reconciler.cdx.json")
    assert inside == made[f"{locks.FILE_NAME}-{version}.cdx.json"]


def test_the_bills_fit_the_schema_of_cyclonedx(made: dict[str, bytes]) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    validator = JsonStrictValidator(SchemaVersion.V1_6)
    version = locks.project()["project"]["version"]  # type: ignore[index]
    for part in ("", ".base"):
        assert validator.validate_str(made[f"{locks.FILE_NAME}-{version}{part}.cdx.json"].decode()) is None, part
    # The validator itself must be able to fail.
    assert validator.validate_str('{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": 3}') is not None


@pytest.mark.parametrize("extra", ["", *locks.extras()])
def test_a_bill_lists_the_locked_packages_of_an_installation(made: dict[str, bytes], extra: str) -> None:
    """Compare with the metadata of the installed packages, from which the bill is not made."""
    version = locks.project()["project"]["version"]  # type: ignore[index]
    bill = sboms(made)[f"{locks.FILE_NAME}-{version}.{extra or 'base'}.cdx.json"]
    listed = {row["name"]: row["version"] for row in bill["components"]}
    here = installed(locks.NAME, {extra} - {""})
    del here[locks.NAME]
    assert here.items() <= listed.items()
    # Further components are for other platforms or Python versions and state their marker.
    markers = {
        row["name"]: [p for p in row.get("properties", ()) if p["name"] == "reconciler:marker"]
        for row in bill["components"]
    }
    assert all(markers[name] for name in listed.keys() - here.keys())
    pins = locks.read(ROOT / "requirements/dev.lock")
    for row in bill["components"]:
        hashes = {entry["content"] for entry in row["externalReferences"][0]["hashes"]}
        assert hashes == set(pins[row["name"]].hashes)
    root = bill["metadata"]["component"]["bom-ref"]
    graph = {row["ref"]: set(row.get("dependsOn", ())) for row in bill["dependencies"]}
    assert graph[root] == {
        f"pkg:pypi/{name}@{pins[name].version}" for name in locks.asked(["", *([extra] if extra else [])])
    }
