"""JUnit XML, which every CI reads: what its two reports have in common.

There is no standard; this keeps to the elements and attributes that Jenkins, GitLab and GitHub's actions all know. The
text is ASCII with character references, and what XML 1.0 section 2.2 forbids (control characters) is made visible.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from reconciler.output.terminal import visible

Verdict = Literal["pass", "failure", "error", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test case, all hostile text still.

    Attributes:
        message: one line, where it did not pass.
        kind: the `type` of a failure or error: a stable code.
        lines: what is to be read of it; of one that passed too (a warning).
        file: its path in the repository; empty where it has none.
    """

    name: str
    group: str
    verdict: Verdict
    message: str = ""
    kind: str = ""
    lines: Sequence[str] = ()
    file: str = ""


def junit_text(title: str, suites: Iterable[tuple[str, Sequence[Case]]]) -> str:
    """The document, with a final newline: suites by name, each with its cases."""
    listed = list(suites)
    root = ElementTree.Element("testsuites", {"name": title, **_counts([c for _, cases in listed for c in cases])})
    for name, cases in listed:
        suite = ElementTree.SubElement(root, "testsuite", {"name": visible(name), **_counts(cases)})
        for case in cases:
            _case(suite, case)
    ElementTree.indent(root)
    declaration = '<?xml version="1.0" encoding="us-ascii"?>\n'
    written: bytes = ElementTree.tostring(root, encoding="us-ascii", xml_declaration=False)
    return declaration + written.decode("ascii") + "\n"


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    verdicts = [case.verdict for case in cases]
    return {
        "tests": str(len(verdicts)),
        "failures": str(verdicts.count("failure")),
        "errors": str(verdicts.count("error")),
        "skipped": str(verdicts.count("skipped")),
    }


def _case(suite: ElementTree.Element, case: Case) -> None:
    named = {"name": visible(case.name), "classname": visible(case.group)}
    file = {"file": visible(case.file)} if case.file else {}
    element = ElementTree.SubElement(suite, "testcase", named | file)
    text = "\n".join(visible(line) for line in case.lines)
    if case.verdict == "pass":
        if text:
            ElementTree.SubElement(element, "system-out").text = text
        return
    kind = {"type": visible(case.kind)} if case.kind and case.verdict != "skipped" else {}
    ElementTree.SubElement(element, case.verdict, {"message": visible(case.message), **kind}).text = text or None
