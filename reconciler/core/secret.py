"""The only type that holds the value of a secret, and the type of references to secrets."""

from dataclasses import dataclass
from typing import Literal

SourceKind = Literal["env", "file", "command", "sops", "vault", "keyring", "generate"]


class Secret:
    """The value of a secret. It prints as `***` if it reaches a message or a log by accident.

    It is equal only to itself and cannot be pickled or copied. Only `reveal()` returns the value, so that a search for
    that name finds every use.
    """

    # Without `__dict__`, dumps of attributes contain no value.
    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        # The name is mangled, so that no code reads the value without `reveal`.
        self.__value = value

    def reveal(self) -> str:
        """The value. Call this only to put it into a request or a file of mode 0600."""
        return self.__value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    # Without this method, a format specification in a log call would raise an error and stop the run.
    def __format__(self, spec: str) -> str:
        return format("***", spec)

    # Pickles and copies would leave the value in places that nobody searches.
    def __reduce__(self) -> str:
        raise TypeError("a secret cannot be pickled or copied")


@dataclass(frozen=True, slots=True)
class SecretRef:
    """The source of a secret: a reference as written in a file, never its value.

    Attributes:
        kind: `env`, `file`, `command`, `sops`, `vault`, `keyring` or `generate`.
        target: for people: the variable's name, the path, the words of the command, or the joined parts; empty for
            `generate`.
        parts: of `command` the words, which run without a shell; of `sops` the file and the steps of the key; of
            `vault` path and field; of `keyring` service and user name.
        version: the author raises it to set a password again; 1 if the file has none.
    """

    kind: SourceKind
    target: str = ""
    parts: tuple[str, ...] = ()
    version: int = 1

    def __str__(self) -> str:
        return self.kind if self.kind == "generate" else f"{self.kind}:{self.target}"
