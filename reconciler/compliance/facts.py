"""Facts: the answers that DNS gave for one domain."""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.dns import Answer, RecordType

Question = tuple[str, RecordType]
"""A full name in lower case without the final dot, and a type."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Answers by question."""

    answers: Mapping[Question, Answer]

    def known(self, name: str, rtype: RecordType) -> Answer | None:
        """The answer, or None where the question was not asked (yet)."""
        return self.answers.get((name, rtype))

    def answer(self, name: str, rtype: RecordType) -> Answer:
        """The answer to a question that the check asked; a KeyError is a bug in the check's `questions`."""
        return self.answers[name, rtype]
