"""`make secrets` finds a secret in a file, in a built archive, and in an old commit."""

import subprocess
import tarfile
import zipfile
from pathlib import Path

import find_secrets
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

pytestmark = [pytest.mark.source, pytest.mark.usefixtures("tools")]


def planted() -> dict[str, str]:
    """Return one secret of each kind that this project handles.

    The values are joined at run time, so that the scanner finds none in this file.
    """
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "private-key": pem,
        "server-credentials": "SMARTERMAIL_" + "PASSWORD=" + "Hq7vZk29" + "xLm4\n",
        "literal-password": "mailboxes:\n  alice:\n    pass" + "word: " + "Tr0ub4dor" + "-Zq93Kx\n",
        "github-pat": "token: gh" + "p_" + "x7Jk29LmQz81VbNc45TyRw60PsDf3HgX1aKz\n",
    }


def kinds(found: list[find_secrets.Finding]) -> set[str]:
    return {finding.rule.partition(".")[2] for finding in found}


def test_a_planted_secret_is_found_in_files_wheels_and_sdists(tmp_path: Path) -> None:
    secrets = planted()
    for place in ("plain", "wheel", "sdist"):
        (tmp_path / place).mkdir()
    with (
        zipfile.ZipFile(tmp_path / "wheel/x.whl", "w") as wheel,
        tarfile.open(tmp_path / "sdist/x.tar.gz", "w:gz") as sdist,
    ):
        for name, text in secrets.items():
            path = tmp_path / "plain" / f"{name}.yaml"
            path.write_text(text)
            wheel.write(path, path.name)
            sdist.add(path, path.name)
    found = find_secrets.scan([tmp_path / place for place in ("plain", "wheel", "sdist")])
    for place in ("plain", "wheel", "sdist"):
        assert kinds([f for f in found if f"/{place}/" in f"/{f.path}"]) == set(secrets), place
    assert find_secrets.not_allowed(found) == found
    for finding in found:  # the printed form must not leak the secret into logs
        assert finding.value not in str(finding)


def test_a_removed_secret_is_found_in_the_history(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, "-C", str(tmp_path), *words], check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "notes.txt").write_text(planted()["github-pat"])
    git("add", "-A")
    git("commit", "-q", "-m", "Oops")
    git("rm", "-q", "notes.txt")
    git("commit", "-q", "-m", "Gone")
    assert kinds(find_secrets.scan([tmp_path], history=True)) == {"github-pat"}


def test_this_project_holds_no_unexplained_secret(tmp_path: Path) -> None:
    found = find_secrets.scan([find_secrets.tracked_copy(tmp_path)])
    assert [str(finding) for finding in find_secrets.not_allowed(found)] == []
    # The explained values prove that the scanner has read the files.
    assert {"Fixture-only-1!", "Only-in-the-demo-1"} <= {finding.value for finding in found}


def test_an_explanation_allows_one_value_and_not_a_place() -> None:
    same_place = find_secrets.Finding("r", "tests/cli/conftest.py", 1, "Not-explained-1")
    assert find_secrets.not_allowed([same_place]) == [same_place]
    assert all(len(why) > 10 for why in find_secrets.allowed().values())
