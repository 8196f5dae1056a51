"""How long ago a day was, in words for a headline; details have the day itself."""

from datetime import date

_MONTH, _YEAR = 30, 365
"""Days; from 100 days on an age is a matter of months, from two years on of years."""


def ago(moment: str, today: date) -> str:
    """`2 days ago`, `today`, `5 months ago`; empty for what does not begin with an ISO 8601 day.

    A moment after `today` (a clock that is ahead) counts as today.
    """
    try:
        days = (today - date.fromisoformat(moment[:10])).days
    except ValueError:
        return ""
    if days < 1:
        return "today"
    if days == 1:
        return "yesterday"
    if days < 100:
        return f"{days} days ago"
    return f"{days // _MONTH} months ago" if days < 2 * _YEAR else f"{days // _YEAR} years ago"
