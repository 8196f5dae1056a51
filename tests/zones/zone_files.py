"""Reads the scenario files: `cases/CHECK.yaml` holds the scenarios of one check.

Each scenario is an entry under its name:

    spf-two-records:
      summary: "Two SPF records: receivers use none."   # one sentence, shown in docs/findings
      kind: bad                # good: the check passes; bad: the check reports something
      rows: [10]               # rows of docs/reference/dns-checks.md
      zone: |                  # what the domain publishes, as in a zone file; names are relative to the domain
        @  TXT  "v=spf1 include:spf.example.net ~all"
        @  TXT  "v=spf1 -all"
      expected:                # findings that differ from good.expected.yaml; null = the check does not run
        spf:
          status: fail
          codes: [SPF_SEVERAL]
          fix:                 # proposed records: NAME TYPE VALUE
            - spf-two-records.example TXT v=spf1 include:spf.example.net ~all
          elsewhere: []        # proposed records outside the domain

`{{good}}` and `{{good[:200]}}` stand for a key of keys.yaml, or for a part of it. Optional keys:

    common_mistake: true       many people make this mistake
    domain: NAME               default: SCENARIO.example
    hostname: NAME             of the mail server; default: mail1.example.net
    alias_of: DOMAIN           the domain is a domain alias
    dns: {spf_primary: ...}    fields of DnsOverrides that differ; `checks` maps a check to a level
    dkim: {key: weak}          what the mail server reports; null = unknown
    dkim_problem: TEXT         why the mail server's key is unknown
    validated: true | others   a validating resolver is asked; the domain is signed, or only the other zones are
    without: [_dmarc TXT]      records of good.zone that the domain lacks
    bare: true                 the domain has no record of good.zone
    broken: true               the zone's server answers SERVFAIL
    second: |                  the zone on the second name server
    pages: {URL: {...}}        web pages: fields of Page
    after_fix: {CHECK: {status: ..., because: SENTENCE}}   findings that stay after the proposed records are published
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from reconciler.core.expectations import CHECK_IDS

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_REQUIRED: Mapping[str, type] = {"summary": str, "kind": str, "rows": list, "expected": dict}
_OPTIONAL: Mapping[str, type | tuple[type, ...]] = {
    "common_mistake": bool,
    "domain": str,
    "hostname": str,
    "alias_of": str,
    "dns": dict,
    "dkim": (dict, type(None)),
    "dkim_problem": str,
    "validated": (bool, str),
    "bare": bool,
    "without": list,
    "broken": bool,
    "zone": str,
    "second": str,
    "pages": dict,
    "after_fix": dict,
}
_CHOICES: Mapping[str, tuple[object, ...]] = {"kind": ("good", "bad"), "validated": (True, "others")}
_FINDING = {"status", "codes", "fix", "elsewhere"}
_STATUSES = ("pass", "warn", "fail", "error", "skip")


class ScenarioFileError(ValueError):
    """A scenario file is wrong. The message begins with FILE:LINE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One scenario as its file has it.

    Attributes:
        name: of the scenario.
        about: the check; the name of the file.
        file: the path, for messages.
        lines: the line of each value, by its key; `` = the line of the name.
        values: the keys of the scenario.
    """

    name: str
    about: str
    file: str
    lines: Mapping[str, int]
    values: Mapping[str, Any]

    def error(self, key: str, text: str, *, offset: int = 0) -> ScenarioFileError:
        """An error at a key, or some lines below it."""
        return ScenarioFileError(f"{self.file}:{self.lines.get(key, self.lines['']) + offset}: {text}")


def read_folder(folder: Path) -> dict[str, Entry]:
    """All scenarios of a folder, in the order of their names.

    Raises:
        ScenarioFileError: a file is wrong, or two files have a scenario of the same name.
    """
    found: dict[str, Entry] = {}
    for path in sorted(folder.glob("*.yaml")):
        for entry in read_file(path):
            if entry.name in found:
                first = found[entry.name]
                raise entry.error("", f"scenario {entry.name!r} is already in {first.file}:{first.lines['']}")
            found[entry.name] = entry
    return dict(sorted(found.items()))


def read_file(path: Path) -> list[Entry]:
    """The scenarios of one file, in its order.

    Raises:
        ScenarioFileError: the file is wrong.
    """
    file = f"{path.parent.name}/{path.name}"
    if path.stem not in CHECK_IDS:
        raise ScenarioFileError(f"{file}:1: {path.stem!r} is not a check; the checks: {', '.join(CHECK_IDS)}")
    loader = _Loader(path.read_text("utf-8"))
    try:
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise ScenarioFileError(f"{file}:1: the file must be a mapping of scenario names")
        _reject_duplicates(root, file)
        return [_entry(loader, path.stem, file, key, value) for key, value in root.value]
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        raise ScenarioFileError(f"{file}:{mark.line + 1 if mark else 1}: {e.problem}") from None
    finally:
        loader.dispose()


def _entry(loader: Any, about: str, file: str, name: yaml.Node, node: yaml.Node) -> Entry:
    line = name.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        raise ScenarioFileError(f"{file}:{line}: scenario {name.value!r} must be a mapping")
    lines = {key.value: key.start_mark.line + 1 for key, _ in node.value}
    values = loader.construct_document(node)
    entry = Entry(name=name.value, about=about, file=file, lines={**lines, "": line}, values=values)
    _check(entry)
    return entry


def _check(entry: Entry) -> None:
    known = {**_REQUIRED, **_OPTIONAL}
    for key, value in entry.values.items():
        if key not in known:
            raise entry.error(key, f"unknown key {key!r}; known keys: {', '.join(known)}")
        if not isinstance(value, known[key]):
            raise entry.error(key, f"{key!r} has the wrong type: {value!r}")
        if key in _CHOICES and value not in _CHOICES[key]:
            raise entry.error(key, f"{key!r} must be one of {_CHOICES[key]}: {value!r}")
    for key in _REQUIRED:
        if key not in entry.values:
            raise entry.error("", f"scenario {entry.name!r} lacks the key {key!r}")
    for check, finding in entry.values["expected"].items():
        if check not in CHECK_IDS:
            raise entry.error("expected", f"{check!r} under 'expected' is not a check")
        if finding is None:
            continue
        if not isinstance(finding, dict) or not {"status", "codes"} <= set(finding) <= _FINDING:
            raise entry.error("expected", f"{check!r} needs 'status' and 'codes'; 'fix' and 'elsewhere' are optional")
        if finding["status"] not in _STATUSES:
            raise entry.error("expected", f"unknown status of {check!r}: {finding['status']!r}")


def _reject_duplicates(node: yaml.Node, file: str) -> None:
    """YAML readers keep the last of two equal keys. A scenario would be lost without an error."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _reject_duplicates(item, file)
    if isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in first:
                raise ScenarioFileError(f"{file}:{line}: duplicate key {key.value!r}, first in line {first[key.value]}")
            first[key.value] = line
            _reject_duplicates(value, file)
