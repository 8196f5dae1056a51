"""What the AD bit of answers tells: whether the resolver validates with DNSSEC at all. Pure."""

from collections.abc import Iterable

from reconciler.compliance.facts import Facts, Question
from reconciler.core.lookups import Answer

ROOT: Question = ("", "SOA")
"""The root is signed: an answer about it that is not marked as validated comes from a resolver that does not."""


def is_secure(answers: Iterable[Answer]) -> bool:
    """Whether all of these answers were validated."""
    return all(answer.authenticated for answer in answers)


def validates(facts: Facts, seen: Iterable[Answer]) -> bool | Answer:
    """Whether the resolver validates; the answer about the root where it is not known.

    Args:
        seen: answers that may tell it without asking about the root.
    """
    if any(answer.authenticated for answer in seen):
        return True
    root = facts.answer(*ROOT)
    if root.outcome == "temporary":
        return root
    # One that refuses the root answers for its own zones only: nobody validates there.
    return bool(root.authenticated)
