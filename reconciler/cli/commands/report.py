"""`reconciler report`."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.configured import configured
from reconciler.cli.console import Console, common
from reconciler.cli.options.candidates import selection_argument
from reconciler.output.html.texts import languages

if TYPE_CHECKING:
    from reconciler.app.report.earlier import Earlier

    EarlierBase = click.ParamType["Earlier"]
else:  # The class is generic only since click 8.4.
    EarlierBase = click.ParamType


class EarlierReport(EarlierBase):
    """An earlier report. It is read at once, so that a wrong name is a usage error."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "Earlier":
        """The path of a `report.json` -> its content."""
        from reconciler.app.report.earlier import read_earlier
        from reconciler.core.errors import ReconcilerError

        try:
            return read_earlier(Path(value))
        except ReconcilerError as e:
            return self.fail(f"{e.message}; {e.hint}", param, ctx)


@click.command("report", short_help="Write the report to a folder.")
@selection_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("report"),
    show_default=True,
    metavar="FOLDER",
    help="The folder: new, empty, or with an earlier report.",
)
@click.option(
    "--fail-on",
    type=click.Choice(("warn", "fail", "error", "never")),
    default="fail",
    show_default=True,
    help="Exit with 7 if a check has this status or a worse one.",
)
@click.option("--since", type=EarlierReport(), metavar="REPORT.json", help="Show the changes since this report.")
@click.option("--lang", type=click.Choice(languages()), default="en", show_default=True, help="The language of pages.")
@click.option(
    "--no-server",
    is_flag=True,
    help="Do not contact the mail servers: no mailboxes, limits and cost, and no check of DKIM keys.",
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
    """Write the report to a folder that you can open from disk or serve.

    index.html shows all domains. Each domain has a page with its figures on the mail server, the found and expected
    records of each check, records to copy, and a generator for DMARC records. The folder also contains report.json,
    report.md, report.csv and junit.xml. The pages make no network requests.

    Exit codes: 0 success; 3 invalid files; 4 the folder contains other files; 6 every lookup failed; 7 a check is at or
    above --fail-on.
    """
    from reconciler.app.dns import report_exit
    from reconciler.app.report.folder import check_report_folder, write_folder
    from reconciler.app.report.report import make_report, report_files
    from reconciler.output.report.since import since_text
    from reconciler.output.report.words import report_summary
    from reconciler.output.terminal import safe

    # The folder is checked first: a report must not overwrite other files, nor fail after minutes of lookups.
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
