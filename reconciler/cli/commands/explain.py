"""`reconciler explain`."""

import difflib

import click

from reconciler.cli.console import Console, common
from reconciler.cli.options.candidates import codes


@click.command("explain", short_help="Explain a diagnostic or finding code.")
@click.argument("code", metavar="CODE", shell_complete=codes)
@common
def command(console: Console, code: str) -> int:
    """Print the meaning, an example and the remedy of CODE.

    CODE is the code of a diagnostic, such as SCH002, or of a finding, such as SPF_MISSING. Messages and reports print
    codes in brackets. The command works offline and needs no workspace.
    """
    from reconciler.app.explain import all_codes, explain_code
    from reconciler.output.terminal import Style, flow, safe, words

    found = explain_code(code.upper())
    if found is None:
        # An address or a domain is not a misspelled code, so a similar code would be a misleading suggestion.
        if "@" in code or "." in code:
            raise click.UsageError(f"{safe(code)!r} is not a code: `explain` explains codes such as SCH002")
        close = difflib.get_close_matches(code.upper(), all_codes(), n=1)
        hint = f"did you mean {close[0]}?" if close else "docs/diagnostics.md and docs/findings list all codes"
        raise click.UsageError(f"the code {safe(code)!r} is unknown; {hint}")
    style = Style(console.color)

    def wrapped(text: str, indent: int = 0) -> list[str]:
        return list(flow(words(text), indent=indent, hang=indent, width=min(console.width, 80), style=Style(False)))

    lines = [f"{style(found.code, 'bold')} ({found.kind})", "", *wrapped(found.meaning)]
    if found.example:
        lines += ["", style("Example", "bold"), *(f"  {line}" for line in found.example)]
    lines += ["", style("Remedy", "bold")]
    # Lines with an indent are commands or records to copy, so they are never wrapped.
    lines += [row for line in found.remedy for row in ([f"  {line}"] if line.startswith("  ") else wrapped(line, 2))]
    console.results(lines)
    return 0
