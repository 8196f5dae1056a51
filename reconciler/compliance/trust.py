"""Finds out from the AD bit of answers whether the resolver validates DNSSEC. Pure."""

from collections.abc import Iterable

from reconciler.compliance.facts import Facts, Question
from reconciler.core.lookups import Answer

ROOT: Question = ("", "SOA")
"""The root zone is signed. A resolver that does not mark this answer as validated does not validate at all."""


def is_secure(answers: Iterable[Answer]) -> bool:
    """Whether the resolver validated all of these answers."""
    return all(answer.authenticated for answer in answers)


def validates(facts: Facts, seen: Iterable[Answer]) -> bool | Answer:
    """Whether the resolver validates; the failed answer about the root zone if that is unknown.

    Args:
        seen: answers to other questions. One with the AD bit makes the question about the root unnecessary.
    """
    # One validated answer proves that the resolver validates. This saves the question about the root.
    if any(answer.authenticated for answer in seen):
        return True
    root = facts.answer(*ROOT)
    if root.outcome == "temporary":
        return root
    # A server that refuses the root answers for its own zones only. Such a server does not validate.
    return bool(root.authenticated)
