"""The parts that all commands share: global options, color, progress, results and messages."""

import functools
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from click.shell_completion import CompletionItem

from reconciler.app.demo.terminal import ON_DEMO_TERMINAL
from reconciler.cli.terminal.messages import on_terminal, show
from reconciler.cli.terminal.streams import nowhere

MARKDOWN_LIMIT = 65_536
"""The maximum length of a comment on GitHub, in characters."""
LEAST_MARKDOWN = 2_000
"""The minimum: enough for the headline and the counts."""


@dataclass(frozen=True)
class Console:
    """The output of a run. Results go to standard output; messages and progress go to standard error.

    Attributes:
        markdown_limit: the maximum length of Markdown for a pull request, in characters.
    """

    workspace: Path | None = None
    verbose: int = 0
    quiet: bool = False
    markdown_limit: int = MARKDOWN_LIMIT

    @property
    def color(self) -> bool:
        """Whether results have color: only on a terminal, and not if NO_COLOR is set (no-color.org)."""
        return self.terminal and not os.environ.get("NO_COLOR")

    @property
    def terminal(self) -> bool:
        """Whether a terminal shows the results."""
        return sys.stdout.isatty() or bool(os.environ.get(ON_DEMO_TERMINAL))

    @property
    def messages_terminal(self) -> bool:
        """Whether a terminal shows the messages."""
        return on_terminal()

    @property
    def messages_color(self) -> bool:
        """Whether messages have color."""
        return self.messages_terminal and not os.environ.get("NO_COLOR")

    @property
    def width(self) -> int:
        """The columns for results: those of the terminal, else 80."""
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else 80

    def results(self, lines: Iterable[str]) -> None:
        """Print results, line by line."""
        out = sys.stdout
        try:
            for line in lines:
                out.write(line + "\n")
            out.flush()
        # A closed pipe (`| head`) is a usual end, not an error. `main` ends the run without a message.
        except BrokenPipeError:
            raise
        except OSError as e:
            from reconciler.core.errors import ReconcilerError

            # Python would write the rest of the buffer at exit and fail again.
            sys.stdout = nowhere()
            raise ReconcilerError(f"standard output cannot be written: {e.strerror or e}") from e

    def say(self, text: str) -> None:
        """Print a message, unless -q is given."""
        if not self.quiet:
            show(text)

    def warn(self, text: str) -> None:
        """Print a message, also with -q."""
        show(text)

    def progress(self) -> "LiveProgress":
        """Progress on a terminal; nothing elsewhere."""
        return LiveProgress(shown=sys.stderr.isatty() and not self.quiet)


class LiveProgress:
    """A line on standard error that is overwritten with each step. Implements `core.ports.Progress`."""

    def __init__(self, *, shown: bool) -> None:
        self._shown, self._title, self._total, self._done = shown, "", 0, 0

    def begin(self, title: str, total: int) -> None:
        """Start a phase of work with a number of steps."""
        self._title, self._total, self._done = title, total, 0
        self._draw("")

    def step(self, text: str) -> None:
        """Count a finished step."""
        self._done += 1
        self._draw(text)

    def end(self) -> None:
        """End the phase: erase the line."""
        self._write("\r\033[K")

    def clear(self) -> None:
        """Erase the line, so that something else can be printed."""
        self.end()

    def _draw(self, text: str) -> None:
        if not self._shown or not self._total:
            return
        from reconciler.output.terminal import safe

        bar = "#" * (20 * self._done // self._total)
        line = f"{self._title} [{bar:<20}] {self._done}/{self._total} {safe(text)}"
        # A line that fills the last column would wrap, and the next step could not erase it.
        self._write("\r\033[K" + line[: shutil.get_terminal_size().columns - 1])

    def _write(self, text: str) -> None:
        """Write, and stop the progress if the terminal was closed. The run must go on."""
        if self._shown:
            try:
                click.echo(text, err=True, nl=False)
            except OSError:
                self._shown = False


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add -w, -v and -q to a command, so that they work before and after its name. Pass the Console first."""

    @click.option("-w", "--workspace", "after_workspace", type=click.Path(path_type=Path), hidden=True)
    @click.option("-v", "--verbose", "after_verbose", count=True, help="Print more. Repeatable.")
    @click.option("-q", "--quiet", "after_quiet", is_flag=True, help="Print only results, warnings and errors.")
    @functools.wraps(function)
    def wrapped(
        *args: Any,
        after_workspace: Path | None,
        after_verbose: int,
        after_quiet: bool,
        **options: Any,
    ) -> Any:
        # Both positions of an option count, so neither may overwrite the other with its default.
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
    """The reason why a file cannot be written, as far as it is known beforehand; empty if there is none."""
    if path.is_dir():
        return f"{path} is a folder"
    if not path.parent.is_dir():
        return f"{path}: the folder {path.parent} does not exist"
    target = path if path.exists() else path.parent
    return "" if os.access(target, os.W_OK) else f"{path} cannot be written: permission denied"


def write_file(path: Path, text: str, *, mode: Literal["w", "a"] = "w") -> None:
    """Write or append to a file that the user named.

    Raises:
        ReconcilerError: the file cannot be written.
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
else:  # The class is generic only since click 8.4.
    FormatBase = TextBase = PathBase = click.ParamType


class FormatType(FormatBase):
    """Parse NAME or NAME=FILE."""

    name = "format"

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """The value in --help."""
        return f"[{'|'.join(self.names)}][=FILE]"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names for the completion of a shell."""
        return [CompletionItem(name) for name in self.names if name.startswith(incomplete)]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Format:
        """NAME[=FILE] -> Format, or a usage error."""
        if isinstance(value, Format):
            return value
        name, equals, path = str(value).partition("=")
        if name not in self.names or (equals and not path):
            self.fail(f"{value!r} is not one of {', '.join(self.names)} (add =FILE to write a file)", param, ctx)
        # The path is checked while options are parsed: a run over all servers must not fail when it writes its result.
        fault = file_fault(Path(path)) if path else ""
        if fault:
            self.fail(fault, param, ctx)
        return Format(name, Path(path) if path else None)


class OutFile(PathBase):
    """The path of a file to write. A path that cannot be written is refused before any server is read."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Text -> Path, or a usage error."""
        path = Path(value)
        fault = file_fault(path)
        return self.fail(fault, param, ctx) if fault else path


def _limited(ctx: click.Context, _param: click.Parameter, value: int) -> None:
    """Put the limit into the console, which every command gets."""
    ctx.obj = replace(ctx.obj, markdown_limit=value)


markdown_limit_option = click.option(
    "--markdown-limit",
    type=click.IntRange(min=LEAST_MARKDOWN),
    default=MARKDOWN_LIMIT,
    show_default=True,
    metavar="N",
    expose_value=False,
    callback=_limited,
    help="Truncate Markdown to N characters, between changes.",
)


def formats_option(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option `--format NAME[=FILE]`. The first name is the default."""
    return click.option(
        "--format",
        "formats",
        type=FormatType(names),
        multiple=True,
        default=(names[0],),
        help="The format to print, or to write to FILE. Repeatable.",
    )


def emit(console: Console, formats: Sequence[Format], render: Callable[[str], Iterable[str]]) -> None:
    """Write a result in each format, to its file or to standard output."""
    for wanted in formats:
        lines = render(wanted.name)
        if wanted.path is None:
            console.results(lines)
        else:
            # The message goes to standard error, so that it does not mix with a format on standard output.
            write_file(wanted.path, "\n".join(lines) + "\n")
            console.say(f"wrote {wanted.path}")
