"""The words of the demo, and its steps as a table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoStep:
    """One step: what is said, what happens behind the scene, which command runs, and how it must end.

    Attributes:
        begin: the first line shown is the first that begins with this.
        lines: of the command's output that are shown from there; the rest is in a file.
        broken: a file with faults lies in the workspace during this step.
        by_hand: somebody changes things on the server before the command.
        publish: the missing DNS records are published before the command.
    """

    title: str
    text: str
    command: tuple[str, ...] = ()
    exit: int = 0
    begin: str = ""
    lines: int = 30
    broken: bool = False
    by_hand: bool = False
    publish: bool = False


INTRODUCTION = """\
This is reconciler: mail domains from git.

Two embedded mail servers are running on this machine, with eight domains of the
example workspace, all empty: mail1 as a host's admin sees it, mail2 as one
customer does. Nothing leaves this machine."""

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
  carol: {quota: 1 GB}
aliases:
  alice: [bob]
  sales: [alise]
  ring: [round]
  round: [ring]
domainAliases: [broken.example]
"""


def _text_and(name: str) -> tuple[str, ...]:
    """Formats: text to look at, JSON and Markdown into files."""
    files = (f"json={{output}}/{name}.json", f"markdown={{output}}/{name}.md")
    return tuple(word for wanted in ("text", *files) for word in ("--format", wanted))


STEPS: tuple[DemoStep, ...] = (
    DemoStep(
        title="A broken file is refused, with every fault and its place",
        text="   Nothing has been asked of any server yet.",
        command=("validate", "broken.example"),
        exit=3,
        lines=40,
        broken=True,
    ),
    DemoStep(
        title="The plan",
        text="   Reads the servers, changes nothing. This is what a reviewer sees.",
        command=("plan", *_text_and("plan")),
        lines=46,
    ),
    DemoStep(
        title="Apply",
        text="   Each change has an outcome; what was written is read back.",
        command=("apply", "--yes"),
        begin="Plan:",
        lines=60,
    ),
    DemoStep(
        title="A second plan is empty",
        text="   Everything is as declared; that is what `--detailed-exitcode` says with 0.",
        command=("plan", "--detailed-exitcode"),
    ),
    DemoStep(
        title="Somebody changes the server by hand, and `drift` finds it",
        text="   As an administrator would in the web interface:",
        command=("drift",),
        exit=2,
        by_hand=True,
    ),
    DemoStep(
        title="Apply repairs it",
        text="   What nobody declared (the new mailbox) is left alone, and counted.",
        command=("apply", "--yes"),
    ),
    DemoStep(
        title="The DNS report: what is missing, and the record to publish",
        text="   Only MX records are in the sandbox's DNS so far.",
        command=("dns", "check", "example.com"),
        exit=7,
        lines=70,
    ),
    DemoStep(
        title="The missing records are published, and the report is green",
        text="   `reconciler dns records` printed them; they go into the sandbox's DNS as they are.",
        command=("dns", "check", *_text_and("dns")),
        lines=40,
        publish=True,
    ),
)

AFTERWARDS = """
== What is left, and what to type next

{folder} has the workspace (examples/), the schemas, and all output (output/).
The embedded servers have stopped. To play on, start them again:

  export RECONCILER_SANDBOX_PASSWORD=play-with-me
  reconciler sandbox --seed {workspace} --server mail1 \\
      --port 17017 --dns-port 5353

and in another terminal:

  export SMARTERMAIL_USER=admin SMARTERMAIL_PASSWORD=play-with-me
  export ALICE_PASSWORD='Lighthouse-42-keeper'
  cd {workspace}
  reconciler plan example.com
  reconciler apply example.com

For a workspace of your own: reconciler init my-mail"""
