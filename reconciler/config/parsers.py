"""Where YAML events come from: libyaml, or PyYAML's own parser where libyaml is not built in."""

from collections.abc import Callable
from typing import Any

from yaml.events import ScalarEvent
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner, ScannerError


class PythonParser(Reader, Scanner, Parser):
    """PyYAML's parser in Python, with the interface of its C parser, and as strict."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def get_event(self) -> Any:
        """The next event.

        Raises:
            ScannerError: also for an escape that is no character, which PyYAML lets through or fails on itself.
        """
        try:
            event: Any = super().get_event()  # type: ignore[no-untyped-call]
        except (ValueError, OverflowError) as e:  # chr() of an escape beyond U+10FFFF
            raise ScannerError(problem=_NO_CHARACTER, problem_mark=self.get_mark()) from e
        if isinstance(event, ScalarEvent) and any("\ud800" <= char <= "\udfff" for char in event.value):
            mark: Any = event.start_mark
            raise ScannerError(problem=_NO_CHARACTER, problem_mark=mark)
        return event


_NO_CHARACTER = "found invalid Unicode character escape code"


def event_source(text: str) -> Callable[[], Any]:
    """A function that gives the next event of the YAML in `text`, with marks that count code points."""
    try:
        from yaml._yaml import CParser
    except ImportError:
        return PythonParser(text).get_event
    return CParser(text).get_event
