"""What is installed here, by what the packages themselves say: the second opinion on locks and bills of materials."""

import importlib.metadata

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def installed(root: str, extras: set[str]) -> dict[str, str]:
    """A distribution of this environment with what it brings along here, by canonical name -> version."""
    found: dict[str, str] = {}
    waiting = [(root, frozenset(extras))]
    seen = set(waiting)
    while waiting:
        name, wanted = waiting.pop()
        distribution = importlib.metadata.distribution(name)
        found[canonicalize_name(name)] = distribution.version
        for line in distribution.requires or ():
            requirement = Requirement(line)
            environments = [{**default_environment(), "extra": extra} for extra in ("", *wanted)]
            if requirement.marker and not any(requirement.marker.evaluate(env) for env in environments):
                continue
            step = (requirement.name, frozenset(requirement.extras))
            if step not in seen:
                seen.add(step)
                waiting.append(step)
    return found
