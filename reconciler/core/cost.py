"""What a domain costs a month, before and after a plan, in exact decimals."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The monthly bill of one domain.

    Attributes:
        currency: an ISO 4217 code, as the product has it.
        before, after: None where it cannot be known (the disk usage or the seats were not read).
    """

    currency: str
    before: Decimal | None
    after: Decimal | None
