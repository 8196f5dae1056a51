"""What was learned of a server in this run: how it spells its endpoints, how a domain is named to it."""

from dataclasses import dataclass, field

from reconciler.smartermail.builds import Build
from reconciler.smartermail.endpoints import Endpoint


@dataclass(slots=True)
class Capabilities:
    """Learned by trying, forgotten with the run; servers are updated in between.

    Attributes:
        spelling: endpoint -> the number of the spelling that was not answered with 404 or 405.
        by_header: the domain is named by a header, since there is no manage-domain.
        build: what the server said it runs; None where it does not tell, or was not asked yet (`build_asked`).
    """

    spelling: dict[str, int] = field(default_factory=dict)
    by_header: bool = False
    build: Build | None = None
    build_asked: bool = False

    def first(self, endpoint: Endpoint) -> int:
        """The number of the spelling to begin with."""
        return self.spelling.get(endpoint.name, 0)

    def learn(self, endpoint: Endpoint, number: int) -> None:
        """This spelling is there."""
        self.spelling[endpoint.name] = number
