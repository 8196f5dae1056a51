"""Failures of the outside world, as exceptions of this project. A library's own exception is chained, never shown.

ReconcilerError
├── Unreachable            no response: connection, timeout, TLS, name resolution, an open circuit breaker
├── RefusedCredentials     the server rejected the login (the program tries only once)
├── UnexpectedAnswer       a response that the API does not define; the program concludes nothing from it
│   ├── NoSuchEndpoint     the server knows no spelling of the endpoint; the request had no effect
│   └── AmbiguousWrite     the same after a write: the write may have taken effect or not
├── RefusedByServer        the server understood the request and rejected it; `message` has its text
├── IncompleteRead         the rows that were read cannot be complete: the domain is stopped
├── SecretUnavailable      the source of a secret returned no value
├── PasswordUnusable       the password for `password` is too short, or standard input has an unusable format
├── NotInBase              a pull request's plan would run a command or log in to a server that its base commit lacks
├── CannotDeliver          generated passwords cannot be delivered in the way that the workspace sets
├── JournalUnusable        the journal cannot be written, so nothing is changed
├── Locked                 another run works on the same domains, or this cannot be determined; nothing was changed
├── ForeignFiles           another distribution owns files of the program
├── SandboxMissing         the libraries of the embedded server are not installed
├── StalePlan              a file is not a saved plan, or the plan was made from other files
├── KeyUnusable            a key to sign or verify plans cannot be used
├── WouldOverwrite         a file that a command would write exists already
├── CannotEdit             a program cannot change the file safely; the file stays unchanged
├── NoHostName             the host name of a server is unknown
├── NoWorkspace            no workspace was found
├── UnknownRun             no journal has the run id, or several match it
└── UnusableCommit         git does not have the commit, or git is missing
"""

from reconciler.core.source import Span


class ReconcilerError(Exception):
    """The base of all failures. `message` is one line for users; `hint` is the next step."""

    def __init__(self, message: str, *, hint: str = "", span: Span | None = None) -> None:
        # `args` has only the message, so that `str(error)` and logs show one line.
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.span = span


class Unreachable(ReconcilerError):
    """The server did not respond."""


class RefusedCredentials(ReconcilerError):
    """The server rejected the login, or the login needs a person. Never retried: servers lock accounts after faults."""


class UnexpectedAnswer(ReconcilerError):
    """The response is not one that the API defines (HTML, truncated, wrong types, a redirect)."""


class NoSuchEndpoint(UnexpectedAnswer):
    """The server knows no spelling of the endpoint; the request had no effect."""


class AmbiguousWrite(UnexpectedAnswer):
    """A write with unknown effect. The engine reads the object back before it writes again."""


class RefusedByServer(ReconcilerError):
    """The server understood the request and rejected it."""


class IncompleteRead(ReconcilerError):
    """The rows that were read cannot be complete. No write may follow: missing rows look like deleted resources."""


class SecretUnavailable(ReconcilerError):
    """The source of a secret returned no value. The message names the source, never a value."""


class PasswordUnusable(ReconcilerError):
    """A password from the command line cannot be used: its length, or the format of standard input."""


class NotInBase(ReconcilerError):
    """A pull request's plan would run a command, or log in to a server, that its base commit does not contain."""


class CannotDeliver(ReconcilerError):
    """Generated passwords cannot be delivered in the way that the workspace sets; nothing is changed."""


class JournalUnusable(ReconcilerError):
    """The journal cannot be written. No change is made that the journal could not record."""


class Locked(ReconcilerError):
    """Another run works on the same server and domain, or this cannot be determined; nothing was changed."""


class ForeignFiles(ReconcilerError):
    """Another distribution owns files of the program's package, so that no code of the package can be trusted."""


class SandboxMissing(ReconcilerError):
    """The extra `sandbox` is not installed."""


class StalePlan(ReconcilerError):
    """A file is not a saved plan, or the plan was made from other files; nothing is changed."""


class KeyUnusable(ReconcilerError):
    """A key to sign or verify plans cannot be used; nothing is written, neither locally nor on a server."""


class WouldOverwrite(ReconcilerError):
    """A file that a command would write exists already; nothing is changed."""


class CannotEdit(ReconcilerError):
    """A program cannot change the file safely; the file stays unchanged."""


class NoHostName(ReconcilerError):
    """DNS records need a host name, and that of the server is unknown."""


class NoWorkspace(ReconcilerError):
    """No workspace was found."""


class UnknownRun(ReconcilerError):
    """No journal has the run id, or several match it."""


class UnusableCommit(ReconcilerError):
    """The repository does not have the commit from the command line, or git is missing."""
