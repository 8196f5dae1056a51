"""What the world can do to us, as exceptions of ours. A library's own exception is chained, never shown.

ReconcilerError
├── Unreachable            no answer: connection, time-out, TLS, name resolution, an open circuit
├── RefusedCredentials     the server answered, and will not let us in (one try only)
├── UnexpectedAnswer       an answer that is not what the API promises; nothing was concluded from it
│   ├── NoSuchEndpoint     the server has the endpoint in none of its spellings; the request had no effect
│   └── AmbiguousWrite     the same after a write: it may or may not have taken effect
├── RefusedByServer        the server understood and said no; its words are in `message`
├── IncompleteRead         what was read cannot be the whole: the domain is stopped
├── CannotEdit             a file cannot be changed safely by a program; it is left as it is
├── JournalUnusable        what is done cannot be written down, so nothing is done
├── Locked                 another run works on the same, or that cannot be known; nothing was changed
├── SecretUnavailable      a secret's source gave nothing
├── NotInBase              a plan of a pull request would run, or sign in to, what its base commit does not
├── CannotDeliver          generated passwords cannot be handed over as the workspace asks
└── SandboxMissing         the embedded server's libraries are not installed
"""

from reconciler.core.source import Span


class ReconcilerError(Exception):
    """Base of all ours. `message` is one line for users; `hint` says what to do next."""

    def __init__(self, message: str, *, hint: str = "", span: Span | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.span = span


class Unreachable(ReconcilerError):
    """No answer could be had."""


class RefusedCredentials(ReconcilerError):
    """Sign-in was refused, or cannot be completed unattended. Never retried."""


class UnexpectedAnswer(ReconcilerError):
    """The answer is not what the API promises (HTML, truncated, wrong types, a redirect)."""


class NoSuchEndpoint(UnexpectedAnswer):
    """The server has the endpoint in none of its spellings; the request had no effect."""


class AmbiguousWrite(UnexpectedAnswer):
    """A write whose effect is unknown: read back, then decide."""


class RefusedByServer(ReconcilerError):
    """The server understood the request and refused it."""


class IncompleteRead(ReconcilerError):
    """The rows read cannot be all there are. No write may follow."""


class SecretUnavailable(ReconcilerError):
    """A secret could not be had from its source. The message names the source, never a value."""


class PasswordUnusable(ReconcilerError):
    """What the command line gives of a password cannot be used: its length, or what stands on standard input."""


class NotInBase(ReconcilerError):
    """A plan of a pull request would run, or sign in to, what its base commit does not."""


class CannotDeliver(ReconcilerError):
    """Generated passwords cannot be handed over as the workspace asks; nothing is changed."""


class JournalUnusable(ReconcilerError):
    """The journal cannot be written, so that nothing is changed that would have to stand in it."""


class Locked(ReconcilerError):
    """Another run works on the same server and domain, or that cannot be known; nothing was changed."""


class SandboxMissing(ReconcilerError):
    """The extra `sandbox` is not installed."""


class StalePlan(ReconcilerError):
    """A saved plan is none, or was made from other files; nothing is changed."""


class KeyUnusable(ReconcilerError):
    """A key to sign or verify plans with cannot be used; nothing is written, neither here nor on a server."""


class WouldOverwrite(ReconcilerError):
    """A file that a command would write is there already; nothing is changed."""


class CannotEdit(ReconcilerError):
    """A file cannot be changed safely by a program; it is left as it is."""


class NoHostName(ReconcilerError):
    """DNS can point at names only, and for a server none is known."""


class NoWorkspace(ReconcilerError):
    """There is no workspace where one was looked for."""


class UnknownRun(ReconcilerError):
    """A run is named that no journal is of, or not one alone."""


class UnusableCommit(ReconcilerError):
    """The command line names a commit that git does not have here, or there is no git to ask."""
