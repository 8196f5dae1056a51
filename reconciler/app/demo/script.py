"""The steps of the demonstration, as a table, and its texts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoStep:
    """One step: its text, the preparation, the command, and the expected exit code.

    Attributes:
        begin: show the output from the first line that starts with this text.
        lines: the number of lines to show from there. The complete output is in a file.
        tail: the number of lines to show from the end.
        broken: the workspace contains an invalid file during this step.
        edit: a file of the workspace contains a change during this step.
        by_hand: an administrator changes the server before the command.
        publish: the missing DNS records are published before the command.
    """

    title: str
    text: str
    command: tuple[str, ...]
    exit: int = 0
    begin: str = ""
    lines: int = 12
    tail: int = 1
    broken: bool = False
    edit: bool = False
    by_hand: bool = False
    publish: bool = False


INTRODUCTION = """\
This is reconciler: mail domains from files in git. Two embedded mail servers
run on this machine, with the eight domains of the example workspace."""

BROKEN = """\
# yaml-language-server: $schema=../../schemas/domain.schema.json
apiVersion: reconciler/v1
kind: Domain
domain: broken.example
product: starter
server: mail1
mailboxes:
  alice: {quota: 3 GiB}
  bob: {quotta: 1 GiB}
aliases:
  sales: [alise]
"""
EDITED = ("quota: 5 GiB", "quota: 10 GiB")
"""The change of the pull request: a text in the file of example.com, and its replacement."""

STEPS: tuple[DemoStep, ...] = (
    DemoStep(
        title="Errors have a location and a hint",
        text="`validate` works offline. It checks the limits of the product, too.",
        command=("validate", "broken.example"),
        exit=3,
        lines=11,
        broken=True,
    ),
    DemoStep(
        title="The plan shows each change",
        text="`plan` reads the servers and changes nothing.",
        command=("plan",),
        lines=7,
        tail=3,
    ),
    DemoStep(
        title="Apply makes the changes and verifies them",
        text="Afterwards `apply` reads the servers again: a new plan must be empty.",
        command=("apply", "--yes"),
        begin="Plan:",
        lines=6,
        tail=3,
    ),
    DemoStep(
        title="A pull request gets the plan as a comment",
        text="The file of example.com now sets a quota of 10 GiB for alice.",
        command=("plan", "example.com", "--format", "markdown"),
        edit=True,
        lines=9,
    ),
    DemoStep(
        title="Drift: somebody changed the server",
        text="An administrator used the web interface. The next `apply` restores the files:",
        command=("drift",),
        exit=2,
        by_hand=True,
        lines=14,
    ),
    DemoStep(
        title="The DNS report shows the records to publish",
        text="DNS has only the MX records so far.",
        command=("dns", "check", "example.com"),
        exit=7,
        begin="example.com on",
        lines=11,
    ),
    DemoStep(
        title="With the records in DNS, the report is green",
        text="`dns records` printed the records. The sandbox's DNS has them now.",
        command=("report", "--output", "{output}/report"),
        publish=True,
    ),
)
WITHOUT_PAGES = ("dns", "check", "--format", "markdown={output}/dns.md")
"""The command of the last step if the extra `report` is not installed."""

AFTERWARDS = """
== Next
{folder}/output has the complete output of each step{page}.
To continue, start the servers again (docs/tutorial.md explains each step):
  RECONCILER_SANDBOX_PASSWORD=secret reconciler sandbox --server mail1 \\
    --seed {workspace} --port 17017 --dns-port 5353
For a workspace of your own: reconciler init my-mail"""
