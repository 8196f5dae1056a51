"""The one type that holds a secret's value."""

from dataclasses import dataclass
from typing import Literal

SourceKind = Literal["env", "file", "command", "sops", "vault", "keyring", "generate"]


class Secret:
    """A secret's value, which prints as `***` wherever it lands by accident.

    It is equal only to itself, cannot be pickled or copied, and gives its value only to `reveal()`,
    so that a search for that word finds every place that uses one.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The value itself. Call it only where it goes into a request or a file of mode 0600."""
        return self.__value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __reduce__(self) -> str:
        raise TypeError("a secret cannot be pickled or copied")


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret comes from: a reference as written in a file, never its value.

    Attributes:
        kind: `env`, `file`, `command`, `sops`, `vault`, `keyring` or `generate`.
        target: for people: the variable's name, the path, the command's words joined, or the parts; empty for
            `generate`.
        parts: the words of a `command`, which is run without a shell; of `sops` the file and the steps of the key; of
            `vault` path and field; of `keyring` service and user name.
        version: raised by the author to have a password set again; 1 where not written.
    """

    kind: SourceKind
    target: str = ""
    parts: tuple[str, ...] = ()
    version: int = 1

    def __str__(self) -> str:
        return self.kind if self.kind == "generate" else f"{self.kind}:{self.target}"
