"""`reconciler report`."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.candidates import selection_argument
from reconciler.cli.configured import configured
from reconciler.cli.console import Console, common
from reconciler.output.html.texts import languages

if TYPE_CHECKING:
    from reconciler.app.report.earlier import Earlier

    EarlierBase = click.ParamType["Earlier"]
else:  # generic only from click 8.4 on
    EarlierBase = click.ParamType


class EarlierReport(EarlierBase):
    """A report to compare with, read at once: a name that leads to none is wrong usage."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "Earlier":
        """The name of a `report.json` -> what it says."""
        from reconciler.app.report.earlier import read_earlier
        from reconciler.core.errors import ReconcilerError

        try:
            return read_earlier(Path(value))
        except ReconcilerError as e:
            return self.fail(f"{e.message}; {e.hint}", param, ctx)


@click.command("report", short_help="Write the report as web pages and files.")
@selection_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("report"),
    show_default=True,
    metavar="FOLDER",
    help="Where to write; a folder that is new, empty, or holds an earlier report.",
)
@click.option(
    "--fail-on",
    type=click.Choice(("warn", "fail", "error", "never")),
    default="fail",
    show_default=True,
    help="From which status on the exit code is 7.",
)
@click.option("--since", type=EarlierReport(), metavar="REPORT.json", help="Say what got better or worse since then.")
@click.option("--lang", type=click.Choice(languages()), default="en", show_default=True, help="The pages' language.")
@click.option(
    "--no-server",
    is_flag=True,
    help="Do not ask the mail servers: no mailboxes, limits and bill; DKIM keys are then unknown and not checked.",
)
@common
def command(
    console: Console,
    selection: tuple[str, ...],
    output: Path,
    fail_on: Any,
    since: "Earlier | None",
    lang: str,
    no_server: bool,
) -> int:
    """Write the report into a folder, to be opened from disk or served.

    index.html shows all domains, each domain has a page: its figures on the mail server, each check with what was found
    and what was expected, records to copy, a generator for DMARC. Beside them: report.json, report.md, report.csv and
    junit.xml. Nothing in the pages asks the network.

    Exit codes: 0; 3 invalid files; 4 the folder holds something else; 6 nothing at all could be looked up; 7 a check is
    at or above --fail-on.
    """
    from reconciler.app.dns import report_exit
    from reconciler.app.report.folder import check_report_folder, write_folder
    from reconciler.app.report.report import make_report, report_files
    from reconciler.output.report.since import since_text
    from reconciler.output.report.words import report_summary
    from reconciler.output.terminal import safe

    check_report_folder(output)
    config = configured(console, selection)
    result = asyncio.run(make_report(config, console.progress(), from_servers=not no_server, earlier=since))
    for message in sorted({problem.message for problem in result.problems}):
        console.warn(f"warning: {safe(message)}")
    count = write_folder(output, report_files(result, lang))
    lines = [safe(report_summary(result.report))]
    if result.comparison is not None:
        lines.extend(since_text(result.comparison))
    console.results(lines)
    console.say(f"wrote {count} files; open {safe(str(output / 'index.html'))}")
    return report_exit(result.report, fail_on)
