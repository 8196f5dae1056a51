"""What every command shares: the global options, colour, progress, writing results and messages."""

import functools
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from reconciler.app.demo.terminal import ON_DEMO_TERMINAL
from reconciler.cli.streams import nowhere

MARKDOWN_LIMIT = 65_536
"""What a comment may have on GitHub."""
LEAST_MARKDOWN = 2_000
"""Room for the headline and the counts."""


@dataclass(frozen=True)
class Console:
    """How this run talks. Results go to standard output, messages and progress to standard error.

    Attributes:
        markdown_limit: characters that a Markdown text for a pull request may have.
    """

    workspace: Path | None = None
    verbose: int = 0
    quiet: bool = False
    markdown_limit: int = MARKDOWN_LIMIT

    @property
    def color(self) -> bool:
        """Colour only on a terminal, and not where NO_COLOR is set (no-color.org)."""
        return self.terminal and not os.environ.get("NO_COLOR")

    @property
    def terminal(self) -> bool:
        """Whether results are read on a terminal."""
        return sys.stdout.isatty() or _is_shown_by_the_demo()

    @property
    def messages_terminal(self) -> bool:
        """Whether messages are read on a terminal."""
        return sys.stderr.isatty() or _is_shown_by_the_demo()

    @property
    def messages_color(self) -> bool:
        """Colour for messages."""
        return self.messages_terminal and not os.environ.get("NO_COLOR")

    @property
    def width(self) -> int:
        """Columns for results: the terminal's, 80 elsewhere."""
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else 80

    def results(self, lines: Iterable[str]) -> None:
        """Prints results, line by line."""
        out = sys.stdout
        try:
            for line in lines:
                out.write(line + "\n")
            out.flush()
        except BrokenPipeError:
            raise
        except OSError as e:
            from reconciler.core.errors import ReconcilerError

            # What is still in the buffer would fail once more, in silence, when Python closes it.
            sys.stdout = nowhere()
            raise ReconcilerError(f"standard output cannot be written: {e.strerror or e}") from e

    def say(self, text: str) -> None:
        """A message for people, on standard error; none with -q."""
        if not self.quiet:
            click.echo(text, err=True)

    def warn(self, text: str) -> None:
        """A message that -q does not silence."""
        click.echo(text, err=True)

    def progress(self) -> "LiveProgress":
        """Progress on a terminal, silence elsewhere."""
        return LiveProgress(shown=sys.stderr.isatty() and not self.quiet)


def _is_shown_by_the_demo() -> bool:
    """The demo runs the program in processes of their own, and shows on its terminal what they print."""
    return bool(os.environ.get(ON_DEMO_TERMINAL))


class LiveProgress:
    """One line on standard error that is rewritten; implements `core.ports.Progress`."""

    def __init__(self, *, shown: bool) -> None:
        self._shown, self._title, self._total, self._done = shown, "", 0, 0

    def begin(self, title: str, total: int) -> None:
        """Starts a stretch of work of so many steps."""
        self._title, self._total, self._done = title, total, 0
        self._draw("")

    def step(self, text: str) -> None:
        """One step is done."""
        self._done += 1
        self._draw(text)

    def end(self) -> None:
        """The stretch is over: the line is wiped."""
        self._write("\r\033[K")

    def clear(self) -> None:
        """Wipes the line, so that something else can be printed there."""
        self.end()

    def _draw(self, text: str) -> None:
        if not self._shown or not self._total:
            return
        from reconciler.output.terminal import safe

        bar = "#" * (20 * self._done // self._total)
        line = f"{self._title} [{bar:<20}] {self._done}/{self._total} {safe(text)}"
        self._write("\r\033[K" + line[: shutil.get_terminal_size().columns - 1])

    def _write(self, text: str) -> None:
        """A terminal that was closed meanwhile is shown no more progress; that breaks nothing off."""
        if self._shown:
            try:
                click.echo(text, err=True, nl=False)
            except OSError:
                self._shown = False


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds -w, -v and -q to a command, so that they may also stand after its name; passes the Console first."""

    @click.option("-w", "--workspace", "after_workspace", type=click.Path(path_type=Path), hidden=True)
    @click.option("-v", "--verbose", "after_verbose", count=True, help="Say more; repeatable.")
    @click.option("-q", "--quiet", "after_quiet", is_flag=True, help="Say only results and errors.")
    @functools.wraps(function)
    def wrapped(
        *args: Any,
        after_workspace: Path | None,
        after_verbose: int,
        after_quiet: bool,
        **options: Any,
    ) -> Any:
        console: Console = click.get_current_context().obj
        merged = replace(
            console,
            workspace=after_workspace or console.workspace,
            verbose=console.verbose + after_verbose,
            quiet=console.quiet or after_quiet,
        )
        return function(merged, *args, **options)

    return wrapped


def file_fault(path: Path) -> str:
    """Why a file cannot be written, as far as that can be known beforehand; empty if it probably can."""
    if path.is_dir():
        return f"{path} is a folder"
    if not path.parent.is_dir():
        return f"{path}: there is no folder {path.parent}"
    target = path if path.exists() else path.parent
    return "" if os.access(target, os.W_OK) else f"{path} cannot be written: permission denied"


def write_file(path: Path, text: str, *, mode: Literal["w", "a"] = "w") -> None:
    """Writes a file that the user asked for, or appends to it.

    Raises:
        ReconcilerError: it cannot be written.
    """
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as e:
        from reconciler.core.errors import ReconcilerError

        raise ReconcilerError(f"{path} cannot be written: {e.strerror or e}") from e


@dataclass(frozen=True)
class Format:
    """One `--format NAME[=FILE]`."""

    name: str
    path: Path | None


if TYPE_CHECKING:
    FormatBase = click.ParamType["Format"]
    TextBase = click.ParamType[str]
    PathBase = click.ParamType[Path]
else:  # generic only from click 8.4 on
    FormatBase = TextBase = PathBase = click.ParamType


class FormatType(FormatBase):
    """Parses NAME or NAME=FILE, where NAME is one of a few."""

    name = "format"

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """As it stands in --help."""
        return f"[{'|'.join(self.names)}][=FILE]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Format:
        """NAME[=FILE] -> Format; wrong usage otherwise."""
        if isinstance(value, Format):
            return value
        name, equals, path = str(value).partition("=")
        if name not in self.names or (equals and not path):
            self.fail(f"{value!r} is not one of {', '.join(self.names)}, each with =FILE if wanted", param, ctx)
        fault = file_fault(Path(path)) if path else ""
        if fault:
            self.fail(fault, param, ctx)
        return Format(name, Path(path) if path else None)


class OutFile(PathBase):
    """The path of a file to write, refused at once where it cannot be written."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Text -> Path; wrong usage otherwise."""
        path = Path(value)
        fault = file_fault(path)
        return self.fail(fault, param, ctx) if fault else path


def _limited(ctx: click.Context, _param: click.Parameter, value: int) -> None:
    """Every command gets its console from its context: the limit travels in it."""
    ctx.obj = replace(ctx.obj, markdown_limit=value)


markdown_limit_option = click.option(
    "--markdown-limit",
    type=click.IntRange(min=LEAST_MARKDOWN),
    default=MARKDOWN_LIMIT,
    show_default=True,
    metavar="N",
    expose_value=False,
    callback=_limited,
    help="Cut Markdown after so many characters, at a change's edge.",
)


def formats_option(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--format NAME[=FILE]`, repeatable; the first of the names is the default."""
    return click.option(
        "--format",
        "formats",
        type=FormatType(names),
        multiple=True,
        default=(names[0],),
        help="What to print, or to write into a file; repeatable.",
    )


def emit(console: Console, formats: Sequence[Format], render: Callable[[str], Iterable[str]]) -> None:
    """Writes a result in each format asked for: to its file, or to standard output."""
    for wanted in formats:
        lines = render(wanted.name)
        if wanted.path is None:
            console.results(lines)
        else:
            write_file(wanted.path, "\n".join(lines) + "\n")
            console.say(f"wrote {wanted.path}")
