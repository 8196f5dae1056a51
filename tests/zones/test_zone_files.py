"""The reader of scenario files rejects a wrong file, and names the file and the line."""

import pytest
import zone_files
import zone_scenarios as scenarios

GOOD = """\
# A comment.
one:
  summary: One.
  kind: good
  rows: [1]
  zone: |
    @  MX  10 mail1.example.net.
  expected:
    mx: {status: pass, codes: [MX_OK]}
"""


@pytest.fixture
def rejected(tmp_path):
    """Gives the message for a file of this content."""

    def read(text, name="mx"):
        path = tmp_path / "cases" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        with pytest.raises(zone_files.ScenarioFileError) as raised:
            zone_files.read_folder(path.parent)
        return str(raised.value)

    return read


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  zone: |", "  zon: |", "cases/mx.yaml:6: unknown key 'zon'"),
        ("  rows: [1]\n", "", "cases/mx.yaml:2: scenario 'one' lacks the key 'rows'"),
        ("rows: [1]", "rows: 1", "cases/mx.yaml:5: 'rows' has the wrong type: 1"),
        ("kind: good", "kind: fine", "cases/mx.yaml:4: 'kind' must be one of ('good', 'bad'): 'fine'"),
        ("    mx:", "    mxx:", "cases/mx.yaml:8: 'mxx' under 'expected' is not a check"),
        (", codes: [MX_OK]", "", "cases/mx.yaml:8: 'mx' needs 'status' and 'codes'"),
        ("status: pass", "status: fine", "cases/mx.yaml:8: unknown status of 'mx': 'fine'"),
        ("rows: [1]", "rows: [1", "cases/mx.yaml:6: "),
        ("  kind: good\n", "  kind: good\n  kind: bad\n", "cases/mx.yaml:5: duplicate key 'kind', first in line 4"),
        ("one:\n", "one: {}\none:\n", "cases/mx.yaml:3: duplicate key 'one', first in line 2"),
        (GOOD, "- one\n", "cases/mx.yaml:1: the file must be a mapping"),
        (GOOD, "one: two\n", "cases/mx.yaml:1: scenario 'one' must be a mapping"),
    ],
)
def test_a_wrong_scenario_is_rejected_with_file_and_line(old, new, message, rejected):
    assert old in GOOD
    assert rejected(GOOD.replace(old, new)).startswith(message)


def test_a_file_that_is_named_after_no_check_is_rejected(rejected):
    assert rejected(GOOD, "mxx").startswith("cases/mxx.yaml:1: 'mxx' is not a check; the checks: mx, ")


def test_one_name_in_two_files_is_rejected(rejected, tmp_path):
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "dkim.yaml").write_text(GOOD, "utf-8")
    assert rejected(GOOD) == "cases/mx.yaml:2: scenario 'one' is already in cases/dkim.yaml:2"


def test_a_zone_with_a_syntax_error_is_rejected_with_the_line_of_the_file(monkeypatch, tmp_path):
    path = tmp_path / "mx.yaml"
    path.write_text(GOOD.replace("  expected", "    @  MX  ten mail1.example.net.\n  expected"), "utf-8")
    (entry,) = zone_files.read_file(path)
    monkeypatch.setitem(scenarios.ENTRIES, "one", entry)
    with pytest.raises(zone_files.ScenarioFileError, match=r"/mx\.yaml:8: "):
        scenarios.load("one")
