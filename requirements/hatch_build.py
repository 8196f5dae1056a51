"""Put the bill of materials that `make build` wrote into the wheel (`.dist-info/sboms/`, PEP 770).

A wheel from another build, such as an installation from a VCS URL, has no bill of materials. It is otherwise the same.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SBOM = "sbom/reconciler.cdx.json"


class BillOfMaterials(BuildHookInterface):  # type: ignore[type-arg]
    """The hook that hatchling calls before it writes a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Add the bill of materials if it exists."""
        if (Path(self.root) / SBOM).is_file():
            build_data["sbom_files"].append(SBOM)
