"""The packages of this environment, from their own metadata.

The tests compare locks and bills of materials with it. It is independent of the lock files.
"""

import importlib.metadata

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def installed(root: str, extras: set[str]) -> dict[str, str]:
    """Return an installed distribution and its installed dependencies: canonical name -> version."""
    found: dict[str, str] = {}
    waiting = [(root, frozenset(extras))]
    seen = set(waiting)
    while waiting:
        name, wanted = waiting.pop()
        distribution = importlib.metadata.distribution(name)
        found[canonicalize_name(name)] = distribution.version
        for line in distribution.requires or ():
            requirement = Requirement(line)
            # A marker such as `extra == "vault"` holds if any of the requested extras satisfies it.
            environments = [{**default_environment(), "extra": extra} for extra in ("", *wanted)]
            if requirement.marker and not any(requirement.marker.evaluate(env) for env in environments):
                continue
            step = (requirement.name, frozenset(requirement.extras))
            if step not in seen:
                seen.add(step)
                waiting.append(step)
    return found
